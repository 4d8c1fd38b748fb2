//! Which kind of object a DICOM file holds.

use std::io::Read;
use std::path::Path;

use dicom_dictionary_std::{tags, uids};

use super::file;
use crate::error::{Error, Result};

/// What a DICOM file holds, as far as this program treats it differently.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The index of a medium.
    Directory,
    /// One slice, or many frames, of a CT.
    Ct,
    /// A Segmentation, as bits, fractions or a label map.
    Segmentation,
    /// Contours.
    StructureSet,
    /// A structured report.
    Report,
    /// A PDF in DICOM.
    Pdf,
    /// Anything else, by its SOPClassUID (empty if it has none).
    Other(String),
}

impl Kind {
    fn of(sop_class_uid: &str) -> Self {
        match sop_class_uid {
            uids::MEDIA_STORAGE_DIRECTORY_STORAGE => Self::Directory,
            uids::CT_IMAGE_STORAGE
            | uids::ENHANCED_CT_IMAGE_STORAGE
            | uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE => Self::Ct,
            uids::SEGMENTATION_STORAGE | "1.2.840.10008.5.1.4.1.1.66.7" => Self::Segmentation,
            uids::RT_STRUCTURE_SET_STORAGE => Self::StructureSet,
            uids::BASIC_TEXT_SR_STORAGE
            | uids::ENHANCED_SR_STORAGE
            | uids::COMPREHENSIVE_SR_STORAGE
            | uids::COMPREHENSIVE3_DSR_STORAGE
            | uids::EXTENSIBLE_SR_STORAGE => Self::Report,
            uids::ENCAPSULATED_PDF_STORAGE => Self::Pdf,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The kind of a DICOM file, by its SOPClassUID; `None` for a folder and for what is not DICOM.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Invalid`] for a damaged header.
pub fn kind_of(path: &Path) -> Result<Option<Kind>> {
    if path.is_dir() {
        return Ok(None);
    }
    let mut head = Vec::with_capacity(1024);
    let opened = std::fs::File::open(path).map_err(|e| Error::read(path, e))?;
    opened.take(1024).read_to_end(&mut head).map_err(|e| Error::read(path, e))?;
    if !file::looks_like(&head) {
        return Ok(None);
    }
    let header = file::open_header(path)?;
    let class = header.get(tags::SOP_CLASS_UID).and_then(|element| element.to_str().ok());
    let class = match &class {
        Some(class) => class.trim_end_matches(['\0', ' ']),
        // A DICOMDIR names its class in the file meta group only.
        None => header.meta().media_storage_sop_class_uid().trim_end_matches(['\0', ' ']),
    };
    Ok(Some(Kind::of(class)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_known_by_their_uid() {
        assert_eq!(Kind::of("1.2.840.10008.5.1.4.1.1.66.4"), Kind::Segmentation);
        assert_eq!(Kind::of("1.2.840.10008.5.1.4.1.1.2.1"), Kind::Ct);
        assert_eq!(Kind::of("1.2.3"), Kind::Other("1.2.3".to_owned()));
    }

    #[test]
    fn what_is_not_dicom_has_no_kind() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("slice.dcm");
        std::fs::write(&text, "not DICOM").unwrap();
        assert_eq!(kind_of(&text).unwrap(), None);
        assert_eq!(kind_of(folder.path()).unwrap(), None);
    }
}
