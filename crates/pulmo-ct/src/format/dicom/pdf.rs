//! Encapsulated PDF: a report as a document in the study.

use dicom_dictionary_std::{tags, uids};

use super::code::{self, Code};
use super::object::{self, DicomObject, Draft, ObjectKind, Settings};
use super::source::SourceSeries;
use crate::error::{Error, Result};

const KIND: ObjectKind = ObjectKind {
    sop_class_uid: uids::ENCAPSULATED_PDF_STORAGE,
    modality: "DOC",
    series_digit: 4,
    series_description: "Report (research)",
    is_in_space: false,
};
/// What a report of measurements is called (CID 7021).
const TITLE: Code = Code::new("126000", "DCM", "Imaging Measurement Report");
/// The largest value of an element, less its padding.
const LARGEST: u64 = u32::MAX as u64 - 2;

/// A PDF and what DICOM must know of it.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// The whole file.
    pub pdf: &'a [u8],
    /// Its title, in ASCII and at most 64 characters.
    pub title: &'a str,
    /// Whether its pages show who the patient is: BurnedInAnnotation.
    pub shows_identity: bool,
}

impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("bytes", &self.pdf.len()).finish_non_exhaustive()
    }
}

/// Puts a PDF into the source's study as an Encapsulated PDF (PS3.3 A.45.1), which refers to every slice that it rests on.
///
/// The document is kept to the byte; EncapsulatedDocumentLength tells its length without padding.
///
/// # Errors
/// [`Error::Value`] if the bytes do not begin as a PDF does or do not fit into an element; as [`Draft::finish`] otherwise.
pub fn write(source: &SourceSeries, document: &Document<'_>, settings: &Settings) -> Result<DicomObject> {
    let length = document.pdf.len() as u64;
    if !document.pdf.starts_with(b"%PDF-") {
        return Err(Error::Value { problem: "the document does not begin with `%PDF-`: expected a PDF".to_owned() });
    }
    if length > LARGEST {
        let problem = format!("the document has {length} bytes, an element of DICOM holds at most {LARGEST}");
        return Err(Error::Value { problem });
    }
    let mut draft = Draft::new(source, settings, KIND)?;
    draft.put_burned_in(document.shows_identity);
    let source_images = object::references(source).into_iter().map(|mut image| {
        image.put_item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, code::SOURCE_IMAGE.item());
        image
    });
    let source_images = source_images.collect();
    draft
        .data
        .put_text(tags::CONVERSION_TYPE, "WSD")
        .copy(source.header(), tags::ACQUISITION_DATE_TIME)
        .empty_unless_present(tags::ACQUISITION_DATE_TIME)
        .put_items(tags::SOURCE_INSTANCE_SEQUENCE, source_images)
        .put_text(tags::DOCUMENT_TITLE, document.title)
        .put_item(tags::CONCEPT_NAME_CODE_SEQUENCE, TITLE.item())
        .put_text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, "application/pdf")
        .put_u32(tags::ENCAPSULATED_DOCUMENT_LENGTH, &[length as u32])
        .put_bytes_as(tags::ENCAPSULATED_DOCUMENT, dicom_core::VR::OB, document.pdf.to_vec());
    draft.finish()
}
