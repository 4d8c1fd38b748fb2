//! Empty and tiny masks.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;
use crate::sentence::counted;

/// Voxels below which a drawn mask is tiny.
const VOXELS: usize = 10;
/// Volume below which a drawn mask is tiny.
const ML: f64 = 0.05;

/// References in which nothing, or next to nothing, is drawn.
#[derive(Debug)]
pub(super) struct SmallMask;

impl Check for SmallMask {
    fn name(&self) -> &'static str {
        "empty_or_tiny_mask"
    }

    fn about(&self) -> &'static str {
        "references with nothing drawn, fewer than 10 voxels or less than 0.05 mL; lungs with nothing drawn"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let mut found = Vec::new();
        for case in facts {
            for (part, mask) in [("labels", &case.labels), ("lungs", &case.lungs)] {
                let Some(mask) = mask else { continue };
                let drawn = mask.drawn();
                let ml = drawn as f64 * mask.voxel_ml;
                if drawn == 0 {
                    let advice = "keep it only if a reader found nothing there; otherwise the mask is missing";
                    found.push(Finding::problem(self, &[case], format!("`{part}`: nothing is drawn"), advice));
                } else if drawn < VOXELS || ml < ML {
                    let problem =
                        format!("`{part}`: only {} drawn ({ml:.3} mL)", counted(drawn, "voxel is", "voxels are"));
                    let advice = "look at it: a stray click, or a finding too small to learn from";
                    found.push(Finding::problem(self, &[case], problem, advice));
                }
            }
        }
        found
    }
}
