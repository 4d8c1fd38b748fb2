//! Spacings unlike the others'.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Cases below which there is no usual spacing.
const CASES: usize = 5;
/// The ratio to the median from which on a spacing may be an outlier.
const RATIO: f64 = 1.5;
/// The robust z from which on it is one: distance from the median in logarithms over 1.4826 times the median distance.
const ROBUST_Z: f64 = 3.5;

/// Cases whose spacing is unlike that of the others.
#[derive(Debug)]
pub(super) struct OutlierSpacing;

impl Check for OutlierSpacing {
    fn name(&self) -> &'static str {
        "outlier_spacing"
    }

    fn about(&self) -> &'static str {
        "spacings 1.5 times above or below the median with a robust z (of logarithms) above 3.5, from five cases on"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let cases: Vec<(&Facts, [f64; 3])> =
            facts.iter().filter_map(|case| Some((case, case.image.as_ref()?.grid.spacing().mm()))).collect();
        if cases.len() < CASES {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (axis, name) in ["slices", "rows", "columns"].into_iter().enumerate() {
            let middle = median(cases.iter().map(|(_, mm)| mm[axis].ln()).collect());
            let spread = median(cases.iter().map(|(_, mm)| (mm[axis].ln() - middle).abs()).collect());
            for (case, mm) in &cases {
                let away = (mm[axis].ln() - middle).abs();
                if away > RATIO.ln() && away > ROBUST_Z * 1.4826 * spread {
                    let problem = format!("{:.3} mm between {name}; the median is {:.3} mm", mm[axis], middle.exp());
                    let advice =
                        "check the header against the scanner's; if it is right, resample, or leave the case out";
                    found.push(Finding::problem(self, &[case], problem, advice));
                }
            }
        }
        found
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
