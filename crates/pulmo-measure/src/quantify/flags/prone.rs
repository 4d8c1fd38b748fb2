//! Lying on the belly.

use super::{Flag, Raised, Seen};

/// The patient lies prone.
#[derive(Debug)]
pub(super) struct Prone;

impl Flag for Prone {
    fn id(&self) -> &'static str {
        "prone"
    }

    fn threshold(&self) -> String {
        "PatientPosition HFP or FFP".to_owned()
    }

    fn source(&self) -> &'static str {
        "DICOM PS3.3 C.7.3.1.1.2; lung that lies low is denser, and models learn from supine scans"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "regions", "attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let position = case.input.scan.patient_position.as_deref().filter(|code| ["HFP", "FFP"].contains(code))?;
        Some(Raised {
            found: position.to_owned(),
            sentence:
                "the patient lies prone: the lung in front is the denser one; dorsal still means the patient's back"
                    .to_owned(),
        })
    }
}
