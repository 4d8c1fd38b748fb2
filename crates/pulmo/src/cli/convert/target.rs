//! What OUT is to be.

use std::path::Path;

use pulmo::ct::format::dicom::SegmentMeaning;

use crate::cli::objects::Object;
use crate::terminal::advice;

/// What the name of OUT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// NIfTI, NRRD or MetaImage; the writer knows which.
    Voxels,
    /// The measurements of a report.
    Json,
    /// A DICOM object; `None` if IN is to decide.
    Object(Option<Object>),
}

impl Target {
    pub(super) fn of(output: &Path, to: Option<Object>) -> anyhow::Result<Self> {
        let ending = output.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match (ending.as_str(), to) {
            (_, Some(Object::Capture)) => Ok(Self::Object(to)),
            ("dcm", to) => Ok(Self::Object(to)),
            (_, Some(_)) => {
                let problem = format!("--to makes a DICOM object, but `{}` does not end in .dcm", output.display());
                Err(advice(problem, "name it .dcm"))
            }
            ("json", None) => Ok(Self::Json),
            (_, None) => Ok(Self::Voxels),
        }
    }
}

/// The meaning of one label.
#[derive(Debug, Clone)]
pub(crate) struct LabelName {
    pub(super) value: u8,
    pub(super) meaning: &'static SegmentMeaning,
}

/// Parses `2=left_lung`.
pub(super) fn label_name(text: &str) -> Result<LabelName, String> {
    let names = || SegmentMeaning::ALL.iter().map(|m| m.name).collect::<Vec<_>>().join(", ");
    let (value, name) = text.split_once('=').ok_or("expected VALUE=NAME, for example 2=left_lung")?;
    let value = value.trim().parse::<u8>().ok().filter(|&value| value > 0).ok_or("a label is from 1 to 255")?;
    let meaning =
        SegmentMeaning::of(name).ok_or_else(|| format!("unknown name `{name}`, expected one of {}", names()))?;
    Ok(LabelName { value, meaning })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_comes_out() {
        let of = |name: &str, to| Target::of(Path::new(name), to);
        assert_eq!(of("a.nii.gz", None).unwrap(), Target::Voxels);
        assert_eq!(of("a.DCM", None).unwrap(), Target::Object(None));
        assert_eq!(of("pictures", Some(Object::Capture)).unwrap(), Target::Object(Some(Object::Capture)));
        assert!(of("a.nii.gz", Some(Object::Seg)).unwrap_err().to_string().contains("a.nii.gz"));
    }

    #[test]
    fn labels_are_named_by_value() {
        let name = label_name("2=Left-Lung").unwrap();
        assert_eq!((name.value, name.meaning.name), (2, "left_lung"));
        for bad in ["left_lung", "0=lung", "256=lung", "1=pneumonia"] {
            assert!(label_name(bad).is_err(), "{bad}");
        }
    }
}
