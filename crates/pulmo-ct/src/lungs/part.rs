//! A box of the coarse volume, worked on alone.

use super::coarse::Coarse;
use crate::voxel_box::VoxelBox;

/// Where a box lies in a coarse volume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    whole: [usize; 3],
    inside: VoxelBox,
}

impl Part {
    /// The box around the marked blocks, with so many more on each side as far as the volume reaches; `None` without any.
    pub(super) fn around(coarse: &Coarse, mask: &[bool], margin: [usize; 3]) -> Option<Self> {
        let inside = VoxelBox::around(coarse.shape, mask, |&marked| marked)?.grown(margin, coarse.shape);
        Some(Self { whole: coarse.shape, inside })
    }

    /// The coarse volume of the box alone.
    pub(super) fn coarse(&self, coarse: &Coarse) -> Coarse {
        let (hu, padding) = (self.cut(&coarse.hu), self.cut(&coarse.padding));
        Coarse { shape: self.inside.shape(), hu, padding, ..*coarse }
    }

    /// The values of the box.
    pub(super) fn cut<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.rows().flat_map(|row| values[row].iter().copied()).collect()
    }

    /// Puts values of the box back into the volume.
    pub(super) fn paste<T: Copy>(&self, part: &[T], values: &mut [T]) {
        let columns = self.inside.shape()[2];
        self.rows().zip(part.chunks(columns)).for_each(|(row, part)| values[row].copy_from_slice(part));
    }

    fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (whole, inside) = (self.whole, self.inside);
        let [slices, rows, _] = inside.shape();
        (0..slices).flat_map(move |slice| (0..rows).map(move |row| inside.row_in(whole, slice, row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_goes_back_where_it_was() {
        let coarse = Coarse::of_blocks([3, 4, 5], [2.0; 3], (0_u8..60).map(f32::from).collect());
        let mut mask = vec![false; 60];
        assert!(Part::around(&coarse, &mask, [0; 3]).is_none());
        mask[(4 + 2) * 5 + 4] = true; // slice 1, row 2, the last column
        let part = Part::around(&coarse, &mask, [0, 1, 1]).unwrap();
        let small = part.coarse(&coarse);
        assert_eq!((small.shape, &small.hu), ([1, 3, 2], &vec![28.0, 29.0, 33.0, 34.0, 38.0, 39.0]));
        let mut values = vec![0.0; 60];
        part.paste(&small.hu, &mut values);
        let kept = (0..60).filter(|&at| values[at] > 0.0).map(|at| values[at] == coarse.hu[at]);
        assert_eq!(kept.collect::<Vec<_>>(), [true; 6]);
    }
}
