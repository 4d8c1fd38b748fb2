//! Some input channels as tiles read them: which stored planes and lines lead to every output, and with which weights.
//!
//! Where a nearest resize is read through, neighbouring taps of depth and height often read the same stored line. They are one
//! set then, whose weights are added up beforehand. Output lines that read by the same sets form a class: at neighbouring
//! stored lines, so that a set is one constant offset for all of them.

use std::borrow::Cow;
use std::ops::Range;

use super::weights::Weights;
use crate::conv3d::Conv3d;
use crate::conv3d::parts::{Part, parts};
use crate::conv3d::passes::{self, Axis, Pass};
use crate::conv3d::reach::Reach;
use crate::view::Grid;

/// What the outputs sum of some input channels.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its taps of depth and height are numbers of sets, its lines slots of a class.
    pub(super) pass: Pass,
    /// Of every output plane: the sets of the depth by which it reads, and the stored plane of each.
    pub(super) planes: Vec<Vec<(usize, usize)>>,
    pub(super) classes: Vec<Class>,
}

/// Output lines that read by the same sets of the height.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Class {
    /// Their numbers.
    pub(super) sets: Vec<usize>,
    /// Output lines of every slot.
    pub(super) lines: Vec<Vec<usize>>,
}

/// Input channels of a convolution.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub(super) source: Source,
    part: Part,
}

impl Source {
    /// All that a pass sums.
    pub(super) fn of_pass(pass: &Pass) -> Self {
        let [depth, height, _] = &pass.axes;
        let reads = |out: usize| {
            let places = depth.taps.iter().enumerate().map(move |(set, &(_, shift))| (set, depth.source(out, shift)));
            places.filter_map(|(set, place)| Some((set, place?))).collect()
        };
        let sets = height.taps.iter().map(|&(tap, _)| tap).collect();
        let lines = (0..height.count).map(|line| vec![line]).collect();
        Self { pass: pass.clone(), planes: (0..depth.count).map(reads).collect(), classes: vec![Class { sets, lines }] }
    }

    /// Channels of a convolution of stride 1 that are stored on a smaller grid.
    fn of_stored(conv: &Conv3d, part: &Part) -> Self {
        let [depth, height] = &part.reach;
        let axis = |reach: &Reach, count: usize, extent: usize| Axis {
            count,
            first: 0,
            step: 1,
            advance: 1,
            extent,
            taps: reach.sets.iter().enumerate().map(|(number, set)| (number, set.offset)).collect(),
        };
        let plain = passes::forward(conv);
        let [_, _, width] = plain.axes;
        let axes = [axis(depth, depth.reads.len(), depth.stored), axis(height, slots(height), height.stored), width];
        let kernel = [depth.sets.len(), height.sets.len(), conv.kernel[2]];
        let pass = Pass { axes, kernel, depth: part.channels.len(), ..plain };
        Self { pass, planes: depth.reads.clone(), classes: classes(height) }
    }

    /// The input planes that some outputs read, ascending; those before `from` left out.
    pub(super) fn needed(&self, outputs: Range<usize>, from: usize) -> Vec<usize> {
        let places = self.planes[outputs].iter().flatten().map(|&(_, plane)| plane);
        let mut planes: Vec<usize> = places.filter(|&plane| plane >= from).collect();
        planes.sort_unstable();
        planes.dedup();
        planes
    }

    /// Planes of a ring in which the inputs of `chunk` neighbouring output planes have room.
    pub(super) fn ring_planes(&self, chunk: usize) -> usize {
        let span = |outputs: &[Vec<(usize, usize)>]| {
            let places = || outputs.iter().flatten().map(|&(_, plane)| plane);
            places().max().map_or(0, |last| last + 1) - places().min().unwrap_or(0)
        };
        self.planes.windows(chunk.clamp(1, self.planes.len().max(1))).map(span).max().unwrap_or(0).max(1)
    }
}

/// One more than the farthest anchor: with much padding it lies behind what is stored.
fn slots(reach: &Reach) -> usize {
    reach.anchors.iter().max().map_or(0, |last| last + 1)
}

/// The classes of the output lines of a reach.
fn classes(reach: &Reach) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    // Lines with most sets first: one at the border reads by some of the sets of another class, and zeros by the rest.
    let mut lines: Vec<usize> = (0..reach.reads.len()).collect();
    lines.sort_by_key(|&line| std::cmp::Reverse(reach.reads[line].len()));
    for line in lines {
        let (sets, anchor) = (reach.reads[line].iter().map(|&(set, _)| set).collect::<Vec<_>>(), reach.anchors[line]);
        let is_outside = |&set: &usize| {
            let place = anchor as isize + reach.sets[set].offset;
            !(0..reach.stored as isize).contains(&place)
        };
        let serves = |class: &Class| {
            let rest = class.sets.iter().filter(|set| !sets.contains(set));
            sets.iter().all(|set| class.sets.contains(set)) && rest.clone().all(is_outside)
        };
        let class = classes.iter().position(serves).unwrap_or_else(|| {
            classes.push(Class { sets, lines: vec![Vec::new(); slots(reach)] });
            classes.len() - 1
        });
        classes[class].lines[anchor].push(line);
    }
    classes
}

/// The channels of a convolution whose input is stored on some grids, in runs that are read alike.
pub(super) fn channels(conv: &Conv3d, grids: &[Grid]) -> Vec<Channels> {
    let whole = || vec![Part::seen(conv, 0..conv.in_channels)];
    let parts = if conv.stride == [1; 3] { parts(conv, grids) } else { whole() };
    let of_part = |part: Part| {
        let sees = part.size() == [conv.input[0], conv.input[1]];
        let own = Conv3d { in_channels: part.channels.len(), ..*conv };
        let source = if sees { Source::of_pass(&passes::forward(&own)) } else { Source::of_stored(conv, &part) };
        Channels { source, part }
    };
    parts.into_iter().map(of_part).collect()
}

impl Channels {
    /// Which they are.
    pub(super) fn range(&self) -> Range<usize> {
        self.part.channels.clone()
    }

    /// How they are read.
    pub(super) fn part(&self) -> &Part {
        &self.part
    }

    /// Whether taps are added up.
    fn adds_taps(&self) -> bool {
        self.part.reach.iter().any(Reach::adds_taps)
    }

    /// Floats that [`weights`](Self::weights) makes.
    pub(super) fn made_weights(&self, conv: &Conv3d) -> usize {
        let (pass, channels) = (&self.source.pass, self.range().len());
        if channels == conv.in_channels && !self.adds_taps() {
            return 0;
        }
        pass.kernel.iter().product::<usize>() * channels * conv.out_channels
    }

    /// Their weights, `[sets of depth][sets of height][tap of width][in][out]`.
    pub(super) fn weights<'a>(&self, conv: &Conv3d, w: &'a [f32]) -> Weights<'a> {
        if self.made_weights(conv) == 0 {
            return Weights { w: Cow::Borrowed(w), turned: false };
        }
        let row = conv.out_channels;
        let own = self.range().start * row..self.range().end * row;
        let [_, height, width] = conv.kernel;
        let mut made = Vec::with_capacity(self.made_weights(conv));
        let taps = |axis: usize| {
            let sets = self.part.reach[axis].sets.iter().map(|set| set.taps.0..set.taps.1);
            if self.adds_taps() { sets.collect() } else { (0..conv.kernel[axis]).map(|tap| tap..tap + 1).collect::<Vec<_>>() }
        };
        let (of_depth, of_height) = (taps(0), taps(1));
        for depths in of_depth {
            for heights in &of_height {
                for tap in 0..width {
                    let start = made.len();
                    made.resize(start + own.len(), 0.0);
                    for (d, h) in depths.clone().flat_map(|d| heights.clone().map(move |h| (d, h))) {
                        let from = &w[((d * height + h) * width + tap) * conv.in_channels * row..][own.clone()];
                        made[start..].iter_mut().zip(from).for_each(|(sum, weight)| *sum += weight);
                    }
                }
            }
        }
        Weights { w: Cow::Owned(made), turned: false }
    }
}
