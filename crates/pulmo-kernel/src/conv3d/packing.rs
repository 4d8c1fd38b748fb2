//! Packs channels of lines side by side, as the outer products of the weight gradient read them.

use super::aligned::Aligned;
use super::weights::Share;
use crate::simd::KernelSet;

/// Lines of a tensor to pack.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Each from its first float on.
    pub(super) lines: &'a [&'a [f32]],
    /// Voxels of a line, and floats between them.
    pub(super) voxels: usize,
    pub(super) pitch: usize,
    /// The channel that comes first.
    pub(super) first: usize,
}

impl Source<'_> {
    /// Packed voxels.
    pub(super) fn places(&self) -> usize {
        self.lines.len() * self.voxels
    }

    /// Packs the share's rows as `[strip][place][height]`.
    pub(super) fn pack_rows(&self, share: &Share, to: &mut Aligned) {
        let size = (self.places() * share.height).max(1);
        let to = to.reserve(share.strips() * self.places() * share.height);
        for (strip, to) in to.chunks_exact_mut(size).enumerate() {
            let first = share.first_row + strip * share.height;
            self.pack(first, share.height.min(share.end_row - first), share.height, to);
        }
    }

    /// Packs the share's columns as `[block][place][width]`.
    pub(super) fn pack_columns(&self, share: &Share, set: &KernelSet, to: &mut Aligned) {
        let mut to = to.reserve(self.places() * share.padded_columns(set));
        for (first, vectors) in share.blocks(set) {
            let width = vectors * set.lanes;
            let block;
            (block, to) = to.split_at_mut(self.places() * width);
            self.pack(first, width.min(share.end_column - first), width, block);
        }
    }

    /// Packs `count` channels from `first` on of all voxels, `width` floats each.
    ///
    /// What lies in the floats behind `count` does not matter: sums of those rows and columns are never written out.
    fn pack(&self, first: usize, count: usize, width: usize, to: &mut [f32]) {
        let first = first - self.first;
        // Copies of a length known to the compiler are a few moves instead of a library call.
        match width {
            8 => self.pack_fixed::<8>(first, count, to),
            9 => self.pack_fixed::<9>(first, count, to),
            10 => self.pack_fixed::<10>(first, count, to),
            11 => self.pack_fixed::<11>(first, count, to),
            12 => self.pack_fixed::<12>(first, count, to),
            13 => self.pack_fixed::<13>(first, count, to),
            14 => self.pack_fixed::<14>(first, count, to),
            16 => self.pack_fixed::<16>(first, count, to),
            32 => self.pack_fixed::<32>(first, count, to),
            _ => {
                let mut places = to.chunks_exact_mut(width);
                for line in self.lines {
                    for (voxel, to) in (0..self.voxels).zip(&mut places) {
                        to[..count].copy_from_slice(&line[voxel * self.pitch + first..][..count]);
                    }
                }
            }
        }
    }

    /// [`Self::pack`] for one width; reads past `count` where there is something to read.
    fn pack_fixed<const WIDTH: usize>(&self, first: usize, count: usize, to: &mut [f32]) {
        let (places, _) = to.as_chunks_mut::<WIDTH>();
        let mut places = places.iter_mut();
        for line in self.lines {
            for (voxel, to) in (0..self.voxels).zip(&mut places) {
                let from = &line[voxel * self.pitch + first..];
                match from.first_chunk::<WIDTH>() {
                    Some(from) => *to = *from,
                    None => to[..count].copy_from_slice(&from[..count]),
                }
            }
        }
    }
}
