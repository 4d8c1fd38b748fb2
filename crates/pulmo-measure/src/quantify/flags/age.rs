//! Children.

use pulmo_ct::sentence::counted;

use super::{Flag, Raised, Seen};

/// Below this many years a patient is a child.
const ADULT_YEARS: u16 = 18;

/// The patient is a child.
#[derive(Debug)]
pub(super) struct Age;

impl Flag for Age {
    fn id(&self) -> &'static str {
        "age_under_18"
    }

    fn threshold(&self) -> String {
        format!("less than {ADULT_YEARS} years")
    }

    fn source(&self) -> &'static str {
        "the scores and the training data are of adults (Pan 2020, Chung 2020, MosMedData: 18 years and more)"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "scores"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let years = case.input.scan.age_years.filter(|&years| years < ADULT_YEARS)?;
        Some(Raised {
            found: counted(years, "year", "years"),
            sentence: "the patient is a child: scores and models were made with adults".to_owned(),
        })
    }
}
