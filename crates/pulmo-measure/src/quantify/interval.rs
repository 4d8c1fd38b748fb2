//! Intervals from a model's uncertainty: shown only if they hold what they promise.

use super::result::{Interval, LeftOut};

/// The nominal coverage that is judged, in per cent.
const NOMINAL_PERCENT: f64 = 90.0;
/// The coverage that intervals of that name must have had on held-out phantoms, in per cent.
const COVERAGE_PERCENT: [f64; 2] = [80.0, 97.0];
/// The least number of held-out phantoms.
const LEAST_CHECKED: u32 = 100;

/// The interval if it may be shown, or why not.
///
/// Nominal 90 % intervals must have covered the truth in 80 to 97 % of at least 100 held-out phantoms; others are
/// not judged, so not shown.
pub(super) fn judged(interval: Option<Interval>) -> (Option<Interval>, Option<LeftOut>) {
    let Some(interval) = interval else { return (None, None) };
    let Interval { nominal_percent, checked, covered, .. } = interval;
    let coverage_percent = 100.0 * f64::from(covered) / f64::from(checked.max(1));
    let [least, most] = COVERAGE_PERCENT;
    let (reason_id, reason) = if nominal_percent != NOMINAL_PERCENT {
        ("nominal", format!("nominal {nominal_percent} %: only intervals of {NOMINAL_PERCENT} % are judged"))
    } else if checked < LEAST_CHECKED {
        ("too_few_checked", format!("checked on {checked} held-out phantoms, at least {LEAST_CHECKED} are needed"))
    } else if !(least..=most).contains(&coverage_percent) {
        let reason = format!(
            "nominal {NOMINAL_PERCENT} % intervals of this model covered {coverage_percent:.1} % of {checked} held-out \
             phantoms, {least} to {most} % are needed"
        );
        ("coverage", reason)
    } else {
        return (Some(interval), None);
    };
    let left_out = LeftOut { id: "interval".to_owned(), reason_id: reason_id.to_owned(), reason };
    (None, Some(left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_intervals_that_proved_themselves_are_shown() {
        let interval = |nominal_percent, checked, covered| {
            judged(Some(Interval { ml: [1.0, 2.0], nominal_percent, checked, covered }))
        };
        for (checked, covered) in [(100, 80), (100, 97), (200, 180)] {
            let (shown, left_out) = interval(90.0, checked, covered);
            assert!(shown.is_some() && left_out.is_none(), "{covered} of {checked}");
        }
        for (nominal, checked, covered, why) in [
            (90.0, 99, 90, "too_few_checked"),
            (90.0, 0, 0, "too_few_checked"),
            (90.0, 100, 79, "coverage"),
            (90.0, 100, 98, "coverage"),
            (95.0, 100, 90, "nominal"),
        ] {
            let (shown, left_out) = interval(nominal, checked, covered);
            assert!(shown.is_none());
            assert_eq!(left_out.unwrap().reason_id, why);
        }
        assert_eq!(judged(None), (None, None));
    }
}
