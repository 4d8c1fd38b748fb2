//! Which files of a folder are masks, what their names say, and how they are opened.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::ct::format::dicom::seg::{self, LabelRule};
use pulmo::ct::format::dicom::{Kind, kind_of};
use pulmo::ct::format::open_label_map;
use pulmo::ct::{self, Grid, LabelMap};

use crate::cli::objects::onto;
use crate::terminal::advice;

/// How the names of mask files end, in lower case; longer ones before those that they end in.
const FILES: [&str; 7] = [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr"];
/// A DICOM Segmentation, if that is what the file holds.
const DICOM: &str = ".dcm";
/// What tools put between a case's name and the file's ending, in lower case.
const ENDINGS: [&str; 9] =
    ["mask", "seg", "segmentation", "pred", "prediction", "label", "labels", "infection", "lesions"];

/// The masks of a folder.
#[derive(Debug)]
pub(in crate::cli) struct Masks {
    /// Name without the format's ending, and file; sorted.
    pub(in crate::cli) masks: Vec<(String, PathBuf)>,
    /// Entries that hold no mask by their names; hidden ones do not count.
    pub(super) others: usize,
}

/// Lists the masks in a folder: files, and folders that hold one `mask.*` or `seg.dcm`. `role` is the word in errors.
pub(in crate::cli) fn list(folder: &Path, role: &str) -> anyhow::Result<Masks> {
    list_named(folder, role, "mask")
}

/// [`list`] for what is called otherwise in a case's folder.
pub(super) fn list_named(folder: &Path, role: &str, name_inside: &str) -> anyhow::Result<Masks> {
    let reading = || format!("cannot list the {role}");
    let failed = |error| ct::Error::read(folder, error);
    let mut found = Masks { masks: Vec::new(), others: 0 };
    for entry in std::fs::read_dir(folder).map_err(failed).with_context(reading)? {
        let path = entry.map_err(failed).with_context(reading)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let mask = if path.is_dir() {
            in_folder(&path, name_inside)?.map(|mask| (name.to_owned(), mask))
        } else {
            case_of_file(&path).map(|stem| (stem, path.clone()))
        };
        match mask {
            Some(mask) => found.masks.push(mask),
            None => found.others += 1,
        }
    }
    found.masks.sort();
    Ok(found)
}

/// The one file of that name in a case's folder, as `pulmo segment` writes it.
fn in_folder(folder: &Path, name: &str) -> anyhow::Result<Option<PathBuf>> {
    let named = FILES.map(|ending| folder.join(format!("{name}{ending}")));
    let mut there = named.into_iter().filter(|file| file.is_file());
    match (there.next(), there.next()) {
        (Some(first), Some(second)) => {
            let problem = format!("two files could be one mask: `{}` and `{}`", first.display(), second.display());
            Err(advice(problem, "move one of them elsewhere"))
        }
        (Some(only), None) => Ok(Some(only)),
        (None, _) if name != "mask" => Ok(None),
        (None, _) => Ok(Some(folder.join("seg.dcm")).filter(|file| file.is_file())),
    }
}

/// A mask file's name without the format's ending; `None` for other files.
pub(super) fn case_of_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    let ending = FILES.into_iter().find(|ending| lower.ends_with(ending)).or_else(|| {
        let is_mask = lower.ends_with(DICOM) && kind_of(path).ok()? == Some(Kind::Segmentation);
        is_mask.then_some(DICOM)
    })?;
    let stem = &name[..name.len() - ending.len()];
    (!stem.is_empty()).then(|| stem.to_owned())
}

/// A name without what tools add to it: `study_0255_mask` and `study_0255_Segmentation.seg` become `study_0255`.
pub(in crate::cli) fn without_endings(stem: &str) -> &str {
    let mut rest = stem;
    while let Some(at) = rest.rfind(['_', '-', '.']).filter(|&at| at > 0) {
        if !ENDINGS.contains(&rest[at + 1..].to_ascii_lowercase().as_str()) {
            break;
        }
        rest = &rest[..at];
    }
    rest
}

/// Opens a mask, a DICOM Segmentation on its own grid.
pub(super) fn open(path: &Path) -> pulmo::ct::Result<LabelMap> {
    if kind_of(path)? != Some(Kind::Segmentation) {
        return open_label_map(path);
    }
    let read = seg::read(path)?;
    let grid = read.grid()?;
    read.onto(&grid)?.to_label_map(&LabelRule::default())
}

/// Opens a mask on a grid: as it is, or with its axes turned and flipped where that is exact (then the flag is true).
///
/// # Errors
/// As reading, and [`pulmo::ct::Error::GridMismatch`] if its voxels are not those of the grid.
pub(in crate::cli) fn open_onto(path: &Path, grid: &Grid) -> pulmo::ct::Result<(LabelMap, bool)> {
    if kind_of(path)? == Some(Kind::Segmentation) {
        let map = seg::read(path)?.onto(grid)?.to_label_map(&LabelRule::default())?;
        return Ok((map, false));
    }
    let map = open_label_map(path)?;
    let turned = grid.must_equal(map.grid()).is_err();
    Ok((onto(grid, map)?, turned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_of_tools_are_taken_off_and_nothing_else() {
        for (stem, case) in [
            ("study_0255_mask", "study_0255"),
            ("study_0255_Segmentation.seg", "study_0255"),
            ("a-seg_pred", "a"),
            ("coronacases_001", "coronacases_001"),
            ("case_unmask", "case_unmask"),
            ("_mask", "_mask"),
            ("mask", "mask"),
        ] {
            assert_eq!(without_endings(stem), case, "{stem}");
        }
        assert_eq!(case_of_file(Path::new("a/b.c.NII.GZ")).as_deref(), Some("b.c"));
        assert_eq!(case_of_file(Path::new("a/.nii")), None);
        assert_eq!(case_of_file(Path::new("a/b.txt")), None);
    }
}
