//! Small seeded random numbers: the same on every machine and for every number of threads.

/// SplitMix64: scrambles a counter into 64 well-mixed bits.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 64 bits as a number in [0, 1).
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A sequence of random numbers from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Starts the sequence; seeds that differ in one bit give unrelated sequences.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number in `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * unit(self.bits())
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        unit(self.bits()) < probability
    }

    /// A whole number in `0..below`; 0 for an empty range.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        ((unit(self.bits()) * below as f64) as usize).min(below.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_on_every_machine() {
        let mut random = Random::new(7);
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF, "first output of SplitMix64 from seed 0");
        let drawn: Vec<f64> = (0..1000).map(|_| random.between(-1.0, 1.0)).collect();
        assert!(drawn.iter().all(|x| (-1.0..1.0).contains(x)));
        assert!((drawn.iter().sum::<f64>() / 1000.0).abs() < 0.05);
        assert!((0..100).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
