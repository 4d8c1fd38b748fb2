//! Values that are not Hounsfield units.

use pulmo_ct::format::NOT_HU_ABOVE;

use super::super::values::Values;
use super::{Flag, Raised, Seen};

/// The values are not HU.
#[derive(Debug)]
pub(super) struct NotHu;

impl Flag for NotHu {
    fn id(&self) -> &'static str {
        "not_hu"
    }

    fn threshold(&self) -> String {
        format!("no voxel at or below {NOT_HU_ABOVE} HU, or declared so")
    }

    fn source(&self) -> &'static str {
        "every CT of the chest shows air, which is -1000 HU by definition"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let Values { lowest_hu, highest_hu, are_hu, .. } = case.values;
        (!are_hu).then(|| Raised {
            found: format!("{lowest_hu} to {highest_hu}"),
            sentence: "the values are not HU: nothing is said about attenuation".to_owned(),
        })
    }
}
