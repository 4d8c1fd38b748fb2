//! Learning rate and momentum over a training: fastai's one-cycle curve.

/// fastai's one-cycle schedule: cosine up to `lr_max`, cosine down to nearly nothing, momentum the other way round.
///
/// # Formula
/// ```text
/// between start and end, p in 0..1:   start + (1 + cos(pi (1 - p))) (end - start) / 2
/// lr:        lr_max / div -> lr_max over the first pct_start, then -> lr_max / div_final
/// momentum:  momenta[0] -> momenta[1], then -> momenta[2]
/// ```
///
/// # Agreement
/// Equal to the bit to the 40 positions recorded from fastai in `oracles/paper_net`, p being rounded to
/// float32 as PyTorch rounds it there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    /// The highest learning rate.
    pub lr_max: f64,
    /// `lr_max / div` is where it begins.
    pub div: f64,
    /// `lr_max / div_final` is where it ends.
    pub div_final: f64,
    /// Part of all steps in which the learning rate rises, above 0 and below 1.
    pub pct_start: f64,
    /// Momentum at the start, at the highest learning rate, at the end.
    pub momenta: [f64; 3],
}

impl OneCycle {
    /// fastai's defaults for `fit_one_cycle`.
    #[must_use]
    pub fn new(lr_max: f64) -> Self {
        Self { lr_max, div: 25.0, div_final: 1e5, pct_start: 0.25, momenta: [0.95, 0.85, 0.95] }
    }

    /// Learning rate and momentum at a position: steps done divided by all steps, 0 to 1.
    ///
    /// # Edge cases
    /// Positions outside 0 to 1 give the values at the nearer end.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "fastai rounds the position to float32")]
    pub fn at(&self, position: f64) -> (f64, f64) {
        let position = position.clamp(0.0, 1.0);
        let rises = position < self.pct_start;
        let (begin, width) = if rises { (0.0, self.pct_start) } else { (self.pct_start, 1.0 - self.pct_start) };
        let part = f64::from((position as f32 - begin as f32) / width as f32);
        let curve = |start: f64, middle: f64, end: f64| {
            if rises { cosine(start, middle, part) } else { cosine(middle, end, part) }
        };
        let lr = curve(self.lr_max / self.div, self.lr_max, self.lr_max / self.div_final);
        (lr, curve(self.momenta[0], self.momenta[1], self.momenta[2]))
    }
}

fn cosine(start: f64, end: f64, part: f64) -> f64 {
    start + (1.0 + (std::f64::consts::PI * (1.0 - part)).cos()) * (end - start) / 2.0
}

#[cfg(test)]
mod tests {
    use super::OneCycle;

    #[test]
    fn begins_peaks_and_ends_where_it_should() {
        let cycle = OneCycle::new(1e-3);
        assert_eq!(cycle.at(0.0), (4e-5, 0.95));
        assert_eq!(cycle.at(0.25), (1e-3, 0.85));
        let (lr, momentum) = cycle.at(1.0);
        assert!((lr - 1e-8).abs() < 1e-18 && (momentum - 0.95).abs() < 1e-15, "{lr} {momentum}");
        assert_eq!(cycle.at(7.0), cycle.at(1.0));
    }
}
