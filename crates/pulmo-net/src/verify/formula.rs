//! Weights, inputs and targets from a formula, so that golden numbers need no weight file.
//!
//! ```text
//! u(name, i)    = 2 (splitmix64(fnv1a64(name + ":" + salt) + i) >> 11) / 2^53 - 1     (float64, i flat in C order)
//! convolution   weight u sqrt(3 / fan_in), fan_in = shape[1] kD kH kW; bias 0.1 u
//! BatchNorm     weight 1 + 0.1 u, bias 0.1 u, running_mean 0.1 u, running_var 1 + 0.5 |u|
//! input         0.5 + 0.5 u("input"), N,C,D,H,W; one channel is repeated on three
//! target        1 where u("target") > 0.6 and channel 0 of the input > 0.5, else 0, N,D,H,W
//! ```
//! all cast to float32.

use rayon::prelude::*;

use crate::Tensor;

/// Values of one name.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    begin: u64,
}

impl Stream {
    /// The values of a name under a salt.
    #[must_use]
    pub fn new(name: &str, salt: &str) -> Self {
        let text = format!("{name}:{salt}");
        let begin = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { begin }
    }

    /// The value at a flat index, from -1 to below 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub fn at(self, index: usize) -> f64 {
        let bits = splitmix64(self.begin.wrapping_add(index as u64)) >> 11;
        2.0 * (bits as f64 / 9_007_199_254_740_992.0) - 1.0
    }
}

fn splitmix64(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The tensor of a key in faimed3d's state dict.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the formula ends in float32")]
pub fn tensor(key: &str, shape: &[usize], salt: &str) -> Tensor {
    let stream = Stream::new(key, salt);
    let fan_in: usize = shape.iter().skip(1).product();
    let scale = (3.0 / fan_in as f64).sqrt();
    let value = |index: usize| {
        let u = stream.at(index);
        match key.rsplit('.').next() {
            Some("weight") if shape.len() == 5 => u * scale,
            Some("weight") => 1.0 + 0.1 * u,
            Some("running_var") => 1.0 + 0.5 * u.abs(),
            _ => 0.1 * u,
        }
    };
    let values = (0..shape.iter().product()).into_par_iter().map(|index| value(index) as f32).collect();
    Tensor { shape: shape.to_vec(), values }
}

/// Input and target of a golden run.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// N, D, H, W, 3.
    pub input: Vec<f32>,
    /// N, D, H, W.
    pub target: Vec<u8>,
}

/// Input (channels last) and target for a batch of volumes with one or three distinct channels.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the formula ends in float32")]
pub fn example(batch: usize, channels: usize, size: [usize; 3], salt: &str) -> Example {
    let (values, labels) = (Stream::new("input", salt), Stream::new("target", salt));
    let voxels: usize = size.iter().product();
    let at = |item: usize, channel: usize, voxel: usize| {
        let channel = if channels == 1 { 0 } else { channel };
        (0.5 + 0.5 * values.at((item * channels + channel) * voxels + voxel)) as f32
    };
    let places = || (0..batch).flat_map(|item| (0..voxels).map(move |voxel| (item, voxel)));
    Example {
        input: places().flat_map(|(item, voxel)| (0..3).map(move |channel| at(item, channel, voxel))).collect(),
        target: places()
            .map(|(item, voxel)| u8::from(labels.at(item * voxels + voxel) > 0.6 && at(item, 0, voxel) > 0.5))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Stream, example, splitmix64, tensor};

    #[test]
    fn splitmix_and_fnv_give_their_published_values() {
        // First outputs of splitmix64 seeded with 0, and FNV-1a of "a" as published with the algorithms.
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
        let hash = "a"
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        assert_eq!(hash, 0xaf63_dc4c_8601_ec8c);
        assert!((0..1000).map(|index| Stream::new("x", "y").at(index)).all(|value| (-1.0..1.0).contains(&value)));
    }

    #[test]
    fn values_are_those_of_the_formula_in_python() {
        let weight = tensor("layers.0.0.0.weight", &[64, 3, 3, 7, 7], "open").values;
        let expected = [0.057_516_265_660_524_37_f64, -0.008_575_553_074_479_103, 0.001_962_671_987_712_383_3];
        assert_eq!([weight[0], weight[1], weight[28223]].map(f64::from), expected);
        assert_eq!(Stream::new("input", "open").at(7), -0.195_620_869_058_148_24);
    }

    #[test]
    fn one_channel_is_repeated_and_labels_lie_on_bright_voxels() {
        let one = example(2, 1, [2, 3, 4], "open");
        assert_eq!((one.input.len(), one.target.len()), (2 * 24 * 3, 48));
        assert!(one.input.chunks(3).all(|voxel| voxel[0] == voxel[1] && voxel[1] == voxel[2]));
        assert!(one.input.chunks(3).zip(&one.target).all(|(voxel, &label)| label == 0 || voxel[0] > 0.5));
        assert!(example(1, 3, [2, 3, 4], "open").input.chunks(3).all(|voxel| voxel[0] != voxel[1]));
    }

    #[test]
    fn each_kind_of_tensor_has_its_range() {
        let range = |key: &str, shape: &[usize]| {
            let values = tensor(key, shape, "open").values;
            (values.iter().copied().fold(f32::MAX, f32::min), values.iter().copied().fold(f32::MIN, f32::max))
        };
        let (low, high) = range("a.weight", &[8, 3, 1, 5, 5]);
        assert!((-0.2..-0.18).contains(&low) && (0.18..=0.2).contains(&high), "{low} {high}");
        let (low, high) = range("a.running_var", &[500]);
        assert!((1.0..1.01).contains(&low) && (1.49..1.5).contains(&high), "{low} {high}");
        let (low, high) = range("a.weight", &[500]);
        assert!((0.9..0.91).contains(&low) && (1.09..1.1).contains(&high), "{low} {high}");
    }
}
