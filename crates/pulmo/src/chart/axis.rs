//! An axis: a range of numbers with round ticks.

/// Ticks an axis aims at.
const TICKS: f64 = 5.0;
/// Numbers beyond this are drawn at it, so that no range overflows.
const FARTHEST: f64 = 1e290;

/// A range that begins and ends at a round number, with round numbers between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Least number, a multiple of `step`.
    pub low: f64,
    /// Largest number, a multiple of `step`.
    pub high: f64,
    /// Distance of ticks: 1, 2 or 5 times a power of ten.
    pub step: f64,
}

impl Axis {
    /// An axis on which all finite `values` lie.
    ///
    /// # Edge cases
    /// No finite value: 0 to 1. One value, or several that differ by less than twelve digits tell: a tenth of it to
    /// both sides. Values beyond ±1e290 count as that.
    #[must_use]
    pub fn over(values: impl IntoIterator<Item = f64>) -> Self {
        Self::with_steps(values, TICKS)
    }

    /// As [`Axis::over`], with about `steps` steps.
    #[must_use]
    pub fn with_steps(values: impl IntoIterator<Item = f64>, steps: f64) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            let value = value.clamp(-FARTHEST, FARTHEST);
            (low.min(value), high.max(value))
        });
        if low > high {
            return Self::rounded(0.0, 1.0, steps);
        }
        let magnitude = low.abs().max(high.abs());
        if high - low > (magnitude * 1e-12).max(1.0 / FARTHEST) {
            return Self::rounded(low, high, steps);
        }
        let half = if magnitude > 1.0 / FARTHEST.sqrt() { magnitude / 10.0 } else { 0.5 };
        Self::rounded(low - half, high + half, steps)
    }

    /// An axis of counts from 0: its steps are whole numbers.
    #[must_use]
    pub fn of_counts(most: usize) -> Self {
        let axis = Self::over([0.0, most.max(1) as f64]);
        let step = axis.step.max(1.0);
        Self { low: 0.0, high: (axis.high / step).ceil() * step, step }
    }

    fn rounded(low: f64, high: f64, steps: f64) -> Self {
        let raw = (high - low) / steps;
        let power = 10_f64.powi(raw.log10().floor() as i32);
        let share = raw / power;
        let step = power * [1.0, 2.0, 5.0].into_iter().find(|&round| share <= round * 1.001).unwrap_or(10.0);
        // A limit that is a multiple but for its last digits needs no further step.
        let (first, last) = ((low / step + 1e-6).floor(), (high / step - 1e-6).ceil());
        Self { low: first * step, high: last.max(first + 1.0) * step, step }
    }

    /// The round numbers from the lowest to the highest.
    #[must_use]
    pub fn ticks(&self) -> Vec<f64> {
        let (first, last) = ((self.low / self.step).round(), (self.high / self.step).round());
        (0..=(last - first) as usize).map(|n| (first + n as f64) * self.step).collect()
    }

    /// A tick's number with as many digits as tell it from its neighbours.
    #[must_use]
    pub fn label(&self, tick: f64) -> String {
        let power = |value: f64| (value.abs().log10() + 1e-9).floor() as i32;
        let largest = self.low.abs().max(self.high.abs());
        let text = if tick.abs() < self.step / 2.0 {
            "0".to_owned()
        } else if largest >= 1e6 || self.step < 1e-4 {
            let digits = (power(tick) - power(self.step)).max(0) as usize;
            format!("{tick:.digits$e}")
        } else {
            let digits = (-power(self.step)).max(0) as usize;
            format!("{tick:.digits$}")
        };
        text.replace('-', "\u{2212}")
    }

    /// Where a number lies: 0 at the lowest, 1 at the highest.
    #[must_use]
    pub fn share(&self, value: f64) -> f64 {
        (value.clamp(-FARTHEST, FARTHEST) - self.low) / (self.high - self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let axis = Axis::over(values.iter().copied());
        axis.ticks().into_iter().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(labels(&[0.7, 0.932]), ["0.70", "0.75", "0.80", "0.85", "0.90", "0.95"]);
        assert_eq!(labels(&[98.7, 325.3]), ["50", "100", "150", "200", "250", "300", "350"]);
        assert_eq!(labels(&[-34.0, 49.0]), ["−40", "−20", "0", "20", "40", "60"]);
        assert_eq!(labels(&[0.0, 1.0]), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn no_value_and_one_value_have_an_axis() {
        assert_eq!(labels(&[]), labels(&[0.0, 1.0]));
        assert_eq!(labels(&[f64::NAN, f64::INFINITY]), labels(&[0.0, 1.0]));
        for value in [0.0, 3.0, -7e5, 1e300, f64::MIN_POSITIVE] {
            let axis = Axis::over([value]);
            let at = axis.share(value);
            assert!(at > 0.1 && at < 0.9, "{value}: {axis:?}");
        }
    }

    #[test]
    fn every_range_has_a_few_ticks_with_different_labels() {
        let ranges = [
            [0.0, 1e-9],
            [1e-9, 3e-9],
            [-1e300, 1e300],
            [1e12, 3e12],
            [1e6, 1e6 + 1e-3],
            [-1e-300, 0.0],
            [999.0, 1001.0],
            [0.1, 0.3],
        ];
        for [low, high] in ranges {
            let axis = Axis::over([low, high]);
            let ticks = axis.ticks();
            assert!((2..=9).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(axis.share(low) > -1e-3 && axis.share(high) < 1.0 + 1e-3, "{low} to {high}: {axis:?}");
            let mut labels: Vec<String> = ticks.iter().map(|&tick| axis.label(tick)).collect();
            labels.dedup();
            assert_eq!(labels.len(), ticks.len(), "{low} to {high}: {labels:?}");
            for (label, tick) in labels.iter().zip(&ticks) {
                let read: f64 = label.replace('\u{2212}', "-").parse().unwrap();
                assert!((read - tick).abs() <= axis.step * 1e-3, "{label} is not {tick}");
            }
        }
    }

    #[test]
    fn counts_are_whole() {
        for most in [0, 1, 2, 3, 7, 999] {
            let axis = Axis::of_counts(most);
            assert!(axis.ticks().iter().all(|tick| tick.fract() == 0.0), "{axis:?}");
            assert!(axis.high >= most as f64 && axis.low == 0.0, "{axis:?}");
        }
    }
}
