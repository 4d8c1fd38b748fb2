//! Sums of neighbouring lines: squares compute every line, and those that a nearest resize would repeat are added up while they lie in
//! the caches.

use std::ops::Range;

use rayon::prelude::*;

use super::step::Filtering;
use super::tasks::Outputs;
use crate::conv3d::Conv3d;
use crate::conv3d::tiles::Shared;
use crate::element::Element;
use crate::pointwise::repeats_of;
use crate::simd::for_vectors;

/// The lines of a band of some planes.
pub(super) struct Added<'a> {
    values: Shared<f32>,
    planes: &'a Range<usize>,
    lines: Range<usize>,
    /// Lines of a plane that there are, and floats of a line.
    height: usize,
    line: usize,
}

impl<'a> Added<'a> {
    /// Room for the lines of a band of rows, with nothing in it.
    pub(super) fn new(
        conv: &Conv3d,
        filtering: &Filtering,
        (planes, band): (&'a Range<usize>, &Range<usize>),
        values: &mut [f32],
    ) -> Self {
        let (height, of_row) = (conv.output()[1], filtering.step.lines());
        let (lines, line) =
            (band.start * of_row..(band.end * of_row).min(height), conv.output()[2] * conv.out_channels);
        assert!(planes.len() * lines.len() * line <= values.len());
        Self { values: Shared(values.as_mut_ptr()), planes, lines, height, line }
    }

    /// Where they are to be written.
    pub(super) fn outputs(&self) -> Outputs<f32> {
        let before = (self.planes.start * self.lines.len() + self.lines.start) * self.line;
        Outputs { first: Shared(self.values.get().wrapping_sub(before)), plane: self.lines.len() }
    }

    /// Adds them to the lines of `to` that they belong to, of which each plane has `wanted`, the first plane being number `first`.
    pub(super) fn add<E: Element<Scalar = f32>>(&self, (first, wanted): (usize, usize), to: Shared<E>) {
        let own = |lines: Range<usize>| lines.start.max(self.lines.start)..lines.end.min(self.lines.end);
        let sums: Vec<(usize, Range<usize>)> = repeats_of(wanted, self.height)
            .into_iter()
            .map(own)
            .enumerate()
            .filter(|(_, own)| !own.is_empty())
            .collect();
        let tasks = self.planes.clone().flat_map(|plane| sums.iter().map(move |sum| (plane, sum)));
        tasks.collect::<Vec<_>>().into_par_iter().with_min_len(4).for_each(|(plane, (place, own))| {
            let from = ((plane - self.planes.start) * self.lines.len() + own.start - self.lines.start) * self.line;
            let at = ((first + plane) * wanted + place) * self.line;
            // SAFETY: lines of this band, each of which belongs to one sum; a line of the outputs, which belongs to this task.
            let (lines, to) = unsafe {
                (
                    std::slice::from_raw_parts_mut(self.values.get().add(from), own.len() * self.line),
                    std::slice::from_raw_parts_mut(to.get().add(at), self.line),
                )
            };
            add_lines(lines, to);
        });
    }
}

for_vectors! {
    /// Adds lines that follow each other to one, at first to the first of them.
    fn add_lines<E: [Element<Scalar = f32>]>(lines: &mut [f32], to: &mut [E]) {
        let (sum, others) = lines.split_at_mut(to.len());
        for other in others.chunks_exact(to.len()) {
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
        }
        to.iter_mut().zip(sum).for_each(|(to, sum)| *to = E::narrow(to.widen() + *sum));
    }
}
