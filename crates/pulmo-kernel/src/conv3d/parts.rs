//! Runs of input channels that are read alike: from the grid of the convolution, or from the smaller one on which they are
//! stored.

use std::ops::Range;

use super::reach::{Reach, TapSet};
use crate::conv3d::Conv3d;
use crate::element::Element;
use crate::view::{Grid, View};

/// What products and weights cost beside each other. Estimates, from bandwidth and speed of one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// Products along a line for every weight.
    pub(crate) along: usize,
    /// Making one weight takes about as long as so many products.
    pub(crate) making: usize,
    /// So does reading it for one more plane: where there are many weights they come from memory.
    pub(crate) reading: usize,
}

impl Costs {
    /// That of a convolution of so many volumes which reads by these reaches along depth and height.
    pub(crate) fn of(&self, batch: usize, [depth, height]: [&Reach; 2]) -> usize {
        let of_plane = height.products() * self.along + height.sets.len() * self.reading;
        depth.products() * of_plane * batch + depth.sets.len() * height.sets.len() * self.making
    }
}

/// Some input channels.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) channels: Range<usize>,
    /// Depth and height of the grid from which its lines are read.
    pub(crate) grid: [usize; 2],
    /// Along depth, and along the height lines or rows of steps.
    pub(crate) reach: [Reach; 2],
}

impl Part {
    /// `channels` on the grid that the convolution sees.
    pub(crate) fn seen(conv: &Conv3d, channels: Range<usize>) -> Self {
        Self::new(channels, [0, 1].map(|axis| Reach::of_input(conv, axis, conv.input[axis])))
    }

    /// `channels` on the grid that is reached for.
    pub(crate) fn new(channels: Range<usize>, reach: [Reach; 2]) -> Self {
        Self { channels, grid: reach.each_ref().map(|reach| reach.stored), reach }
    }

    /// Places along depth and height that lie in memory.
    pub(crate) fn places(&self) -> [usize; 2] {
        self.reach.each_ref().map(|reach| reach.stored)
    }

    /// Some of its channels on its grid.
    pub(crate) fn view<'a, E: Element>(&self, x: &View<'a, E>, channels: Range<usize>) -> View<'a, E> {
        let [depth, height] = self.grid;
        View { size: [depth, height, x.size[2]], ..x.some_channels(channels) }
    }

    /// Sets of taps along depth, each with every set along height.
    pub(crate) fn pairs_of_sets(&self) -> impl Iterator<Item = [&TapSet; 2]> {
        let [depth, height] = &self.reach;
        depth.sets.iter().flat_map(|depth| height.sets.iter().map(move |height| [depth, height]))
    }

    /// Number of those pairs.
    pub(crate) fn tap_sets(&self) -> usize {
        self.reach.iter().map(|reach| reach.sets.len()).product()
    }
}

/// The parts of a convolution whose input channels lie on the given grids.
pub(crate) fn parts(conv: &Conv3d, grids: &[Grid], costs: Costs) -> Vec<Part> {
    let cheapest = |stored: [usize; 2]| {
        let choices = [0, 1].map(|axis| reaches(conv, axis, stored[axis]));
        Part::new(0..0, cheapest(conv, &choices, costs))
    };
    parts_by(grids, cheapest)
}

/// The same where the convolution sums rows of steps along the height, whose lines are read on the grid that it sees.
pub(crate) fn parts_of_rows(conv: &Conv3d, grids: &[Grid], costs: Costs, rows: &Reach) -> Vec<Part> {
    let cheapest = |[depth, _]: [usize; 2]| {
        let reach = cheapest(conv, &[reaches(conv, 0, depth), vec![rows.clone()]], costs);
        Part { channels: 0..0, grid: [reach[0].stored, conv.input[1]], reach }
    };
    parts_by(grids, cheapest)
}

/// Runs of neighbouring channels that come out alike, by a function of the depth and height that are stored.
fn parts_by(grids: &[Grid], of_stored: impl Fn([usize; 2]) -> Part) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut first = 0;
    for grid in grids {
        let channels = first..first + grid.channels;
        first = channels.end;
        let part = of_stored([grid.size[0], grid.size[1]]);
        match parts.last_mut().filter(|last| last.places() == part.places()) {
            Some(last) => last.channels.end = channels.end,
            None => parts.push(Part { channels, ..part }),
        }
    }
    parts
}

/// All channels of a convolution whose outputs are summed as a nearest resize of a tensor of `size` would repeat them.
pub(crate) fn of_sums(conv: &Conv3d, size: [usize; 3]) -> Vec<Part> {
    vec![Part::new(0..conv.in_channels, reach_of_sums(conv, size))]
}

/// Their reach along depth and height.
pub(crate) fn reach_of_sums(conv: &Conv3d, size: [usize; 3]) -> [Reach; 2] {
    [0, 1].map(|axis| Reach::of_sums(conv, axis, size[axis]))
}

/// The ways in which places along an axis can be read: as they are seen, and where taps then read the same ones, as they are
/// stored.
fn reaches(conv: &Conv3d, axis: usize, stored: usize) -> Vec<Reach> {
    let seen = Reach::of_input(conv, axis, conv.input[axis]);
    let stored = Reach::of_input(conv, axis, stored);
    if stored.adds_taps() { vec![seen, stored] } else { vec![seen] }
}

/// Along which axes the stored places are better multiplied once for all taps that read them: fewer products, but a set of
/// weights for every way in which taps fall together.
fn cheapest(conv: &Conv3d, choices: &[Vec<Reach>; 2], costs: Costs) -> [Reach; 2] {
    let pairs = choices[0].iter().flat_map(|depth| choices[1].iter().map(move |height| (depth, height)));
    let cheapest = pairs.min_by_key(|(depth, height)| costs.of(conv.batch, [depth, height]));
    let (depth, height) = cheapest.expect("there is at least the grid that is seen");
    [depth.clone(), height.clone()]
}
