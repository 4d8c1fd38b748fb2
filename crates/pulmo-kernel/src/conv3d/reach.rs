//! Which lines of its input every line of a convolution's output reads, and through which taps.
//!
//! Where a nearest resize is read through, neighbouring taps often read the same stored line. Their weights are added up
//! beforehand and the line is multiplied once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::conv3d::Conv3d;
use crate::pointwise::repeats_of;
use crate::view::nearest_index;

/// Neighbouring taps that read one stored place, which lies a fixed way from where the output lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TapSet {
    /// First tap, and the one behind the last.
    pub(crate) taps: (usize, usize),
    /// Stored place less the output's [anchor](Reach::anchors).
    pub(crate) offset: isize,
}

/// What the outputs along one axis read.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// Places of the input that are stored.
    pub(crate) stored: usize,
    /// In the order in which they are summed.
    pub(crate) sets: Vec<TapSet>,
    /// For every output: the sets by which it reads, as numbers, and the stored place of each.
    pub(crate) reads: Vec<Vec<(usize, usize)>>,
    /// For every output: the stored place from which the offsets of its sets count.
    pub(crate) anchors: Vec<usize>,
}

impl Reach {
    /// The reach of a convolution along `axis`, of whose input `stored` places lie in memory, repeated by nearest resize.
    pub(crate) fn of_input(conv: &Conv3d, axis: usize, stored: usize) -> Self {
        Self::new(conv, axis, &(0..conv.output()[axis]).map(|output| output..output + 1).collect::<Vec<_>>(), stored)
    }

    /// The reach of sums over the outputs of a convolution: those that a nearest resize of `wanted` places would repeat.
    pub(crate) fn of_sums(conv: &Conv3d, axis: usize, wanted: usize) -> Self {
        Self::new(conv, axis, &repeats_of(wanted, conv.output()[axis]), conv.input[axis])
    }

    /// The reach of so many places of which every output reads its own.
    pub(crate) fn of_rows(count: usize) -> Self {
        let sets = vec![TapSet { taps: (0, 1), offset: 0 }];
        Self {
            stored: count,
            sets,
            reads: (0..count).map(|row| vec![(0, row)]).collect(),
            anchors: (0..count).collect(),
        }
    }

    /// The reach of sums over some neighbouring outputs each.
    fn new(conv: &Conv3d, axis: usize, outputs: &[Range<usize>], stored: usize) -> Self {
        let place = |seen: usize| nearest_index(seen, stored, conv.input[axis]);
        let anchors: Vec<usize> = outputs.iter().map(|some| place(some.start * conv.stride[axis])).collect();
        let of_sum = |(some, &anchor): (&Range<usize>, &usize)| {
            let mut taps_of: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
            for (output, tap) in some.clone().flat_map(|output| (0..conv.kernel[axis]).map(move |tap| (output, tap))) {
                let Some(seen) = conv.source(axis, output, tap) else { continue };
                // Neighbours, as both outputs and places follow each other.
                let taps = taps_of.entry(place(seen)).or_insert((tap, tap + 1));
                *taps = (taps.0.min(tap), taps.1.max(tap + 1));
            }
            let set = |(place, taps)| (TapSet { taps, offset: place as isize - anchor as isize }, place);
            taps_of.into_iter().map(set).collect::<Vec<_>>()
        };
        let reads: Vec<_> = outputs.iter().zip(&anchors).map(of_sum).collect();
        let mut numbers: BTreeMap<_, _> = reads.iter().flatten().map(|(set, _)| (set.clone(), 0)).collect();
        numbers.values_mut().enumerate().for_each(|(index, number)| *number = index);
        let numbered = |reads: &Vec<(TapSet, usize)>| reads.iter().map(|(set, place)| (numbers[set], *place)).collect();
        let reads = reads.iter().map(numbered).collect();
        Self { stored, reads, anchors, sets: numbers.into_keys().collect() }
    }

    /// Products along this axis for all outputs together.
    pub(crate) fn products(&self) -> usize {
        self.reads.iter().map(Vec::len).sum()
    }

    /// Whether weights of several taps are added up.
    pub(crate) fn adds_taps(&self) -> bool {
        self.sets.iter().any(|set| set.taps.1 - set.taps.0 > 1)
    }

    /// The stored places that some outputs read, in ascending order.
    pub(crate) fn each_place(&self, outputs: Range<usize>) -> Vec<usize> {
        let places = self.reads[outputs].iter().flatten().map(|&(_, place)| place);
        places.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The stored places that some outputs read, and those between.
    pub(crate) fn places(&self, outputs: Range<usize>) -> Range<usize> {
        let places = || self.reads[outputs.clone()].iter().flatten().map(|&(_, place)| place);
        places().min().unwrap_or(0)..places().max().map_or(0, |last| last + 1)
    }
}
