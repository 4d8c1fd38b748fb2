//! Volumes that are not Hounsfield units.

use super::values::Values;
use super::{Check, Finding};
use crate::dataset::check::facts::Facts;
use crate::dataset::{DataList, IntensityStored};

/// What a volume's values seem to be, if not HU, in words.
fn seems(values: &Values) -> Option<String> {
    let Values { low, high, distinct, .. } = *values;
    let range = format!("values from {low} to {high}");
    if low == high {
        Some(format!("one value everywhere, {low}"))
    } else if low >= -1.01 && high <= 1.01 {
        Some(format!("{range}: rescaled to a unit range"))
    } else if low >= 0.0 && high <= 255.0 {
        Some(format!("{range}, {distinct} of them differ: 8-bit greys"))
    } else if low >= 0.0 && high > 1000.0 {
        Some(format!("{range}: stored values without their intercept, mostly 1024 too high"))
    } else if low > -500.0 {
        Some(format!("{range}: no voxel is air"))
    } else if distinct <= 256 && values.voxels > 100_000 {
        Some(format!("{range}, but only {distinct} different ones: once stored with 8 bits"))
    } else if high < 2000.0 && values.high_share > 5e-4 {
        Some(format!("{range}, and {:.2} % of the voxels hold the highest: cut to a window", 100.0 * values.high_share))
    } else {
        None
    }
}

/// Volumes that are not HU though the list says so.
#[derive(Debug)]
pub(super) struct NotHu;

impl Check for NotHu {
    fn name(&self) -> &'static str {
        "not_hu"
    }

    fn about(&self) -> &'static str {
        "volumes in 8 bits, rescaled, without air, or cut to a window (0.05 % of the voxels at the highest value)"
    }

    fn find(&self, list: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let known = list.intensity_stored == IntensityStored::EightBit;
        let mut found = Vec::new();
        for case in facts {
            let Some(image) = &case.image else { continue };
            match seems(&image.values) {
                Some(what) if known => {
                    let advice = "the list says so (`intensity_stored = \"eight_bit\"`); no HU can be had from it";
                    found.push(Finding::note(self, &[case], format!("not HU: {what}"), advice));
                }
                Some(what) => {
                    let advice = "get the original CT; if there is none, set `intensity_stored = \"eight_bit\"` in the data \
                                  list and never mix it with HU";
                    found.push(Finding::problem(self, &[case], format!("not HU: {what}"), advice));
                }
                None if known => {
                    let problem = format!("looks like HU ({} to {})", image.values.low, image.values.high);
                    let advice = "the list says `intensity_stored = \"eight_bit\"`: keep HU and 8-bit cases in lists of their own";
                    found.push(Finding::problem(self, &[case], problem, advice));
                }
                None => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_words_and_a_ct_passes() {
        let ct: Vec<f32> = (0..200_000).map(|k| ((k * 7919) % 2400) as f32 - 1000.0).collect();
        let said = |change: &dyn Fn(f32) -> f32| seems(&Values::of(&ct.iter().map(|&x| change(x)).collect::<Vec<_>>()));
        assert_eq!(said(&|x| x), None);
        let faults: [(&dyn Fn(f32) -> f32, &str); 7] = [
            (&|x| x.clamp(-1350.0, 150.0), "cut to a window"),
            (&|x| x.clamp(-160.0, 240.0), "no voxel is air"),
            (&|x| ((x + 1000.0) / 2400.0 * 255.0).round(), "8-bit greys"),
            (&|x| (x + 1000.0) / 2400.0, "unit range"),
            (&|x| x + 1024.0, "intercept"),
            (&|_| 7.0, "everywhere"),
            (&|x| (x / 10.0).round() * 10.0, "8 bits"),
        ];
        for (change, words) in faults {
            assert!(said(change).is_some_and(|said| said.contains(words)), "{words}: {:?}", said(change));
        }
    }
}
