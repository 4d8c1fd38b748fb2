//! The voxels that a writer puts into a file.

use rayon::prelude::*;

use super::number::Number;
use crate::volume::{CtVolume, LabelMap};

/// Voxels and the type they are written as, little endian.
#[derive(Debug, Clone, Copy)]
pub(in crate::format) enum Values<'a> {
    /// Labels as uint8.
    Labels(&'a [u8]),
    /// HU that are all integers within int16.
    Int16(&'a [f32]),
    /// Any HU.
    Float32(&'a [f32]),
}

impl<'a> Values<'a> {
    pub(in crate::format) fn of_labels(labels: &'a LabelMap) -> Self {
        Self::Labels(labels.labels())
    }

    /// Int16 where that loses nothing, else float32.
    pub(in crate::format) fn of_volume(volume: &'a CtVolume) -> Self {
        let hu = volume.hu();
        // The cast saturates, so what does not fit comes back as another number.
        let fits = hu.par_chunks(1 << 16).all(|part| part.iter().all(|&x| f32::from(x as i16) == x));
        if fits { Self::Int16(hu) } else { Self::Float32(hu) }
    }

    pub(in crate::format) fn number(&self) -> Number {
        match self {
            Self::Labels(_) => Number::Uint8,
            Self::Int16(_) => Number::Int16,
            Self::Float32(_) => Number::Float32,
        }
    }

    pub(in crate::format) fn len(&self) -> usize {
        match self {
            Self::Labels(values) => values.len(),
            Self::Int16(values) | Self::Float32(values) => values.len(),
        }
    }

    /// Replaces `bytes` by voxels `from..to` as they lie in the file.
    pub(super) fn put(&self, from: usize, to: usize, bytes: &mut Vec<u8>) {
        bytes.clear();
        match self {
            Self::Labels(values) => bytes.extend_from_slice(&values[from..to]),
            Self::Int16(values) => {
                bytes.resize((to - from) * 2, 0);
                for (field, &value) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(&values[from..to]) {
                    *field = (value as i16).to_le_bytes();
                }
            }
            Self::Float32(values) => {
                bytes.resize((to - from) * 4, 0);
                for (field, &value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(&values[from..to]) {
                    *field = value.to_le_bytes();
                }
            }
        }
    }
}
