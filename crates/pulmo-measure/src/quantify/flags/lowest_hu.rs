//! Air that is not as thin as air.

use super::{Flag, Raised, Seen};

/// The thinnest voxel of a CT of the chest lies well below this many HU.
const LOWEST_HU: f32 = -900.0;

/// No voxel is as thin as air.
#[derive(Debug)]
pub(super) struct LowestHu;

impl Flag for LowestHu {
    fn id(&self) -> &'static str {
        "lowest_hu"
    }

    fn threshold(&self) -> String {
        format!("lowest value above {LOWEST_HU} HU")
    }

    fn source(&self) -> &'static str {
        "air is -1000 HU by definition; IEC 61223-3-5 and scanner constancy tests allow a few tens of HU"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["attenuation", "percent"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lowest_hu = case.values.lowest_hu;
        (case.values.are_hu && lowest_hu > LOWEST_HU).then(|| Raised {
            found: format!("{lowest_hu:.0} HU"),
            sentence: "no voxel is as thin as air: the values may be cut off, shifted or not HU".to_owned(),
        })
    }
}
