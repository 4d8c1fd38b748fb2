//! Weights before any training.

use crate::graph::{Parameter, Start};
use crate::tensor::{Tensor, Weights};

/// Draws the first value of every parameter.
///
/// Each tensor has a random stream of its own, keyed by its name and the seed, so that a layer added
/// elsewhere does not change it.
#[must_use]
pub(crate) fn weights(parameters: &[Parameter], seed: u64) -> Weights {
    let tensor = |p: &Parameter| Tensor { shape: p.shape.clone(), values: values(p, seed) };
    parameters.iter().map(|p| (p.name.clone(), tensor(p))).collect()
}

fn values(parameter: &Parameter, seed: u64) -> Vec<f32> {
    let mut stream = Stream(hash(&parameter.name) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let draw: Box<dyn FnMut() -> f32> = match parameter.start {
        Start::Constant(value) => Box::new(move || value),
        Start::Uniform(bound) => Box::new(move || (bound * (2.0 * stream.uniform() - 1.0)) as f32),
        Start::Normal(deviation) => Box::new(move || (deviation * stream.normal()) as f32),
    };
    std::iter::repeat_with(draw).take(parameter.len()).collect()
}

/// FNV-1a, 64 bits.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The splitmix64 generator (Steele, Lea and Flood 2014).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ x >> 31
    }

    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Role;

    #[test]
    fn starts_have_the_stated_spread() {
        let parameter = |start| Parameter { name: "a".into(), shape: vec![20_000], role: Role::Bias, start };
        let spread = |start| {
            let values = values(&parameter(start), 7);
            (values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 20_000.0).sqrt()
        };
        assert!((spread(Start::Normal(0.5)) - 0.5).abs() < 0.01);
        assert!((spread(Start::Uniform(0.6)) - 0.6 / 3_f64.sqrt()).abs() < 0.01);
        assert!(values(&parameter(Start::Uniform(0.6)), 7).iter().all(|x| x.abs() <= 0.6));
        assert_eq!(values(&parameter(Start::Normal(1.0)), 7), values(&parameter(Start::Normal(1.0)), 7));
        assert_ne!(values(&parameter(Start::Normal(1.0)), 7), values(&parameter(Start::Normal(1.0)), 8));
    }
}
