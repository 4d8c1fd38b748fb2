//! Splits by patient, seeded.

use std::collections::{BTreeMap, BTreeSet};

use super::list::{DataList, Split};
use crate::error::{Error, Result};
use crate::random::Random;

impl DataList {
    /// Shares the cases out anew: about `validation` and `test` (parts of 1) of the patients, the rest to
    /// learn from. All cases of a patient go together.
    ///
    /// The same list and seed give the same split on every machine, whatever the order of the cases. A part
    /// above 0 gets at least one patient if there are enough; at least one always stays to learn from.
    ///
    /// # Errors
    /// [`Error::Value`] if a part is negative or both leave nothing to learn from.
    pub fn split_by_patient(&mut self, validation: f64, test: f64, seed: u64) -> Result<()> {
        if !(validation >= 0.0 && test >= 0.0 && validation + test < 1.0) {
            let problem = format!("validation {validation} and test {test}: expected parts of 1 that leave a rest");
            return Err(Error::Value { problem });
        }
        let names: BTreeSet<&str> = self.cases.iter().map(|case| case.patient.as_str()).collect();
        let mut patients: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut random = Random::new(seed);
        for last in (1..patients.len()).rev() {
            patients.swap(last, random.below(last + 1));
        }
        let share = |part: f64, left: usize| {
            let wanted = (part * patients.len() as f64).round() as usize;
            wanted.max(usize::from(part > 0.0)).min(left.saturating_sub(1))
        };
        let tests = share(test, patients.len());
        let validations = share(validation, patients.len() - tests);
        let place = |k: usize| match k {
            k if k < tests => Split::Test,
            k if k < tests + validations => Split::Validation,
            _ => Split::Train,
        };
        let splits: BTreeMap<String, Split> = patients.into_iter().enumerate().map(|(k, p)| (p, place(k))).collect();
        for case in &mut self.cases {
            case.split = splits[&case.patient];
        }
        Ok(())
    }
}
