//! Small seeded random numbers: the same on every machine and for every number of threads.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood 2014). Nothing outside this file can change the numbers, so a
//! phantom or a resampled interval of today is the same in every later version.

/// SplitMix64: scrambles a counter into 64 well-mixed bits.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 64 bits as a number in [0, 1).
#[must_use]
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A sequence of random numbers from a seed.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Starts the sequence; seeds that differ in one bit give unrelated sequences.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The sequence that belongs to `key`, such as (seed, purpose, item): any item can be drawn first, on any thread.
    /// Keys that differ in one number or in the order of their numbers give unrelated sequences.
    #[must_use]
    pub fn of(key: &[u64]) -> Self {
        Self { state: key.iter().fold(0, |state, &part| mix(mix(state).wrapping_add(part))) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * unit(self.bits())
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        unit(self.bits()) < probability
    }

    /// A whole number in `0..below`; 0 for an empty range.
    pub fn below(&mut self, below: usize) -> usize {
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

    #[test]
    fn every_key_has_a_sequence_of_its_own() {
        let first = |key: &[u64]| Random::of(key).bits();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        for other in [&[2, 1][..], &[1], &[1, 2, 0], &[0, 1, 2], &[1, 3]] {
            assert_ne!(first(&[1, 2]), first(other), "{other:?}");
        }
    }
}
