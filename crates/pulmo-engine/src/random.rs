//! Random numbers that are a pure function of where they are used.
//!
//! A stream is opened with a list of numbers such as (seed, epoch, item) and never stored: a resumed run
//! opens the same streams and so draws the same numbers. The generator is SplitMix64 (Steele, Lea and
//! Flood 2014): one 64-bit state, passes `BigCrush`, four lines of code that no dependency can change.

use std::f64::consts::TAU;

/// What a stream is for, so that two uses of the same (seed, epoch, item) do not share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The order of the cases in an epoch.
    Order = 1,
    /// The place of a patch.
    Place = 2,
    /// Augmentation.
    Augmentation = 3,
}

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Opens the stream that belongs to `key`; equal keys give equal streams.
    #[must_use]
    pub fn new(purpose: Purpose, key: &[u64]) -> Self {
        let mut state = mix(purpose as u64);
        for &part in key {
            state = mix(state ^ mix(part.wrapping_add(0x632B_E59B_D9B4_E019)));
        }
        Self { state }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Uniform in [0, 1), with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in [-strength, strength).
    pub fn around_zero(&mut self, strength: f64) -> f64 {
        self.between(-strength, strength)
    }

    /// One of 0..count; 0 if count is 0. The bias of the multiplication is below 1e-9 for counts under 2^32.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// True with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_generator() {
        // First outputs of SplitMix64 from state 1234567 (the reference C code by Vigna).
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn keys_open_streams_of_their_own() {
        let first = |purpose, key: &[u64]| Random::new(purpose, key).bits();
        assert_eq!(first(Purpose::Order, &[1, 2]), first(Purpose::Order, &[1, 2]));
        assert_ne!(first(Purpose::Order, &[1, 2]), first(Purpose::Order, &[2, 1]));
        assert_ne!(first(Purpose::Order, &[1, 2]), first(Purpose::Place, &[1, 2]));
        assert_ne!(first(Purpose::Order, &[1]), first(Purpose::Order, &[1, 0]));
    }

    #[test]
    fn moments_are_right() {
        let mut random = Random::new(Purpose::Order, &[5]);
        let draws: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        let counts = (0..9000).fold([0; 3], |mut counts, _| {
            counts[random.below(3)] += 1;
            counts
        });
        assert!(counts.iter().all(|count| (2800..3200).contains(count)), "{counts:?}");
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        random.shuffle(&mut order);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_ne!(order, sorted);
    }
}
