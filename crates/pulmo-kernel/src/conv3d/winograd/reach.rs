//! Which lines of its input every line of a convolution's output reads, and through which taps.
//!
//! Where a nearest resize is read through, neighbouring taps often read the same stored line. Their weights are added up
//! beforehand and the line is multiplied once.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::conv3d::Conv3d;
use crate::view::nearest_index;

/// Neighbouring taps that read one stored place, which lies a fixed way from where the output lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TapSet {
    /// First tap, and the one behind the last.
    pub(super) taps: (usize, usize),
    /// Stored place less the [`anchor`](Reach::anchor) of the output.
    pub(super) offset: isize,
}

/// What the outputs along one axis read.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Places that are stored.
    pub(super) stored: usize,
    /// Places of the input as the convolution sees it.
    seen: usize,
    /// In the order in which they are summed.
    pub(super) sets: Vec<TapSet>,
    /// For every output: the sets by which it reads, as numbers, and the stored place of each.
    pub(super) reads: Vec<Vec<(usize, usize)>>,
}

impl Reach {
    /// The reach of a convolution along `axis`, of whose input `stored` places lie in memory, repeated by nearest resize.
    pub(super) fn new(conv: &Conv3d, axis: usize, stored: usize) -> Self {
        let seen = conv.input[axis];
        let of_output = |output: usize| {
            let mut reads: Vec<(TapSet, usize)> = Vec::new();
            for tap in 0..conv.kernel[axis] {
                let Some(place) = conv.source(axis, output, tap) else { continue };
                let place = nearest_index(place, stored, seen);
                match reads.last_mut() {
                    Some((set, same)) if *same == place => set.taps.1 = tap + 1,
                    _ => {
                        let offset = place as isize - nearest_index(output, stored, seen) as isize;
                        reads.push((TapSet { taps: (tap, tap + 1), offset }, place));
                    }
                }
            }
            reads
        };
        let reads: Vec<_> = (0..conv.output()[axis]).map(of_output).collect();
        let mut numbers: BTreeMap<_, _> = reads.iter().flatten().map(|(set, _)| (set.clone(), 0)).collect();
        numbers.values_mut().enumerate().for_each(|(index, number)| *number = index);
        let numbered = |reads: &Vec<(TapSet, usize)>| reads.iter().map(|(set, place)| (numbers[set], *place)).collect();
        Self { stored, seen, reads: reads.iter().map(numbered).collect(), sets: numbers.into_keys().collect() }
    }

    /// The stored place from which the offsets of an output's sets count.
    pub(super) fn anchor(&self, output: usize) -> usize {
        nearest_index(output, self.stored, self.seen)
    }

    /// Products along this axis for all outputs together.
    pub(super) fn products(&self) -> usize {
        self.reads.iter().map(Vec::len).sum()
    }

    /// Whether some stored place is seen more than once.
    pub(super) fn repeats(&self) -> bool {
        self.stored < self.seen
    }

    /// The stored places that some outputs read, and those between.
    pub(super) fn places(&self, outputs: Range<usize>) -> Range<usize> {
        let places = || self.reads[outputs.clone()].iter().flatten().map(|&(_, place)| place);
        places().min().unwrap_or(0)..places().max().map_or(0, |last| last + 1)
    }
}
