//! Some input channels as tiles read them: which stored planes and lines lead to every output, and with which weights.
//!
//! Where a nearest resize is read through, neighbouring taps of depth and height often read the same stored line. They are one
//! set then, whose weights are added up beforehand. Output lines that read by the same sets form a class: at neighbouring
//! stored lines, so that a set is one constant offset for all of them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use rayon::prelude::*;

use super::add;
use super::weights::Weights;
use crate::conv3d::parts::{Costs, Part, parts, reach_of_sums};
use crate::conv3d::passes::{self, Axis, Pass};
use crate::conv3d::reach::Reach;
use crate::conv3d::{Conv3d, InputPart};
use crate::view::Grid;

/// What the outputs sum of some input channels.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its taps of depth and height are numbers of sets, its lines slots of a class.
    pub(super) pass: Pass,
    /// Of every output plane: the sets of the depth by which it reads, and the stored plane of each.
    pub(super) planes: Vec<Vec<(usize, usize)>>,
    pub(super) classes: Vec<Class>,
    /// Where slots do not lie a fixed way apart: of every offset, by which the height's taps then are told apart, the line that
    /// each slot reads.
    pub(super) gathered: Option<Vec<Vec<Option<usize>>>>,
}

/// Output lines that read by the same sets of the height.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Class {
    /// Their numbers.
    pub(super) sets: Vec<usize>,
    /// The output line of every slot, if there is one.
    pub(super) lines: Vec<Option<usize>>,
}

/// Input channels of a convolution.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub(super) source: Source,
    part: Part,
    /// Taps of every set along depth and height, if any differ from those of the kernel.
    sets: Option<[Vec<Range<usize>>; 2]>,
    /// Whether taps are counted from the kernel's end and output channels are summed.
    turned: bool,
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
        let lines = (0..height.count).map(Some).collect();
        Self {
            pass: pass.clone(),
            planes: (0..depth.count).map(reads).collect(),
            classes: vec![Class { sets, lines }],
            gathered: None,
        }
    }

    /// Channels of a convolution of stride 1 that are stored on a smaller grid.
    fn of_stored(conv: &Conv3d, [depth, height]: &[Reach; 2]) -> Self {
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
        let pass = Pass { axes, kernel, ..plain };
        let classes = classes(height, |line| height.anchors[line]);
        Self { pass, planes: depth.reads.clone(), classes, gathered: None }
    }

    /// Sums of neighbouring outputs of a convolution of stride 1.
    fn of_sums(conv: &Conv3d, [depth, height]: &[Reach; 2]) -> Self {
        let offsets: BTreeSet<isize> = height.sets.iter().map(|set| set.offset).collect();
        let place = |offset: isize| offsets.range(..offset).count();
        let line =
            |offset: isize, anchor: usize| anchor.checked_add_signed(offset).filter(|&line| line < height.stored);
        let gathered =
            offsets.iter().map(|&offset| height.anchors.iter().map(|&anchor| line(offset, anchor)).collect());
        let plain = passes::forward(conv);
        let [_, _, width] = plain.axes;
        let axis = |reach: &Reach, taps| Axis {
            count: reach.reads.len(),
            first: 0,
            step: 1,
            advance: 1,
            extent: reach.stored,
            taps,
        };
        let of_depth = depth.sets.iter().enumerate().map(|(number, set)| (number, set.offset)).collect();
        let of_height =
            height.sets.iter().enumerate().map(|(number, set)| (number, place(set.offset) as isize)).collect();
        let axes = [axis(depth, of_depth), axis(height, of_height), width];
        let kernel = [depth.sets.len(), height.sets.len(), conv.kernel[2]];
        let output = [depth.reads.len(), height.reads.len(), plain.output[2]];
        let gathered = Some(gathered.collect());
        let pass = Pass { axes, kernel, output, ..plain };
        Self { pass, planes: depth.reads.clone(), classes: classes(height, |line| line), gathered }
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

/// The classes of the output lines of a reach, each in its slot.
fn classes(reach: &Reach, slot: impl Fn(usize) -> usize) -> Vec<Class> {
    let slots = (0..reach.reads.len()).map(&slot).max().map_or(0, |last| last + 1);
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
            let mut rest = class.sets.iter().filter(|set| !sets.contains(set));
            class.lines[slot(line)].is_none() && sets.iter().all(|set| class.sets.contains(set)) && rest.all(is_outside)
        };
        let class = classes.iter().position(serves).unwrap_or_else(|| {
            classes.push(Class { sets, lines: vec![None; slots] });
            classes.len() - 1
        });
        classes[class].lines[slot(line)] = Some(line);
    }
    classes
}

/// Making and packing one weight takes about as long as so many products, and where it is turned. Estimates, from one
/// processor with AVX-512 BF16.
const MAKING: usize = 600;
const MAKING_TURNED: usize = 2000;

fn costs(conv: &Conv3d, making: usize) -> Costs {
    Costs { along: conv.output()[2], making, reading: 0 }
}

/// The channels of a convolution whose input is stored on some grids, in runs that are read alike.
pub(super) fn channels(conv: &Conv3d, grids: &[Grid]) -> Vec<Channels> {
    let whole = || vec![Part::seen(conv, 0..conv.in_channels)];
    let parts = if conv.stride == [1; 3] { parts(conv, grids, costs(conv, MAKING)) } else { whole() };
    let of_part = |part: Part| {
        let sees = part.grid == [conv.input[0], conv.input[1]];
        let own = Conv3d { in_channels: part.channels.len(), ..*conv };
        let source = if sees { Source::of_pass(&passes::forward(&own)) } else { Source::of_stored(&own, &part.reach) };
        Channels { source, sets: (!sees).then(|| taps(&part.reach)), part, turned: false }
    };
    parts.into_iter().map(of_part).collect()
}

/// The gradient of some channels of a convolution's input on the grid on which they are stored, as sums of `dy`; `None` where it is not
/// to be computed so.
pub(super) fn sums(conv: &Conv3d, part: &InputPart) -> Option<Channels> {
    let ordinary =
        passes::as_forward(&conv.of_channels(part)).filter(|_| part.size != conv.input && conv.output_len() > 0)?;
    let reach = reach_of_sums(&ordinary, part.size);
    let seen = Part::seen(&ordinary, 0..0).reach;
    let cost = |[depth, height]: &[Reach; 2]| costs(&ordinary, MAKING_TURNED).of(conv.batch, [depth, height]);
    if cost(&reach) > cost(&seen) {
        return None;
    }
    let channels = part.first_channel..part.first_channel + part.channels;
    let source = Source::of_sums(&ordinary, &reach);
    Some(Channels { source, sets: Some(taps(&reach)), part: Part::new(channels, reach), turned: true })
}

/// Taps of every set along depth and height.
fn taps(reach: &[Reach; 2]) -> [Vec<Range<usize>>; 2] {
    reach.each_ref().map(|reach| reach.sets.iter().map(|set| set.taps.0..set.taps.1).collect())
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

    /// Floats that [`weights`](Self::weights) makes.
    pub(super) fn made_weights(&self, conv: &Conv3d) -> usize {
        if self.sets.is_none() && self.range().len() == conv.in_channels {
            return 0;
        }
        self.source.pass.kernel.iter().product::<usize>() * self.range().len() * conv.out_channels
    }

    /// Taps of the kernel of every set along depth and height.
    fn sets(&self, conv: &Conv3d) -> [Vec<Range<usize>>; 2] {
        let single = || [0, 1].map(|axis| (0..conv.kernel[axis]).map(|tap| tap..tap + 1).collect());
        self.sets.clone().unwrap_or_else(single)
    }

    /// Their weights, `[set of depth][set of height][tap of width][in][out]`.
    pub(super) fn weights<'a>(&self, conv: &Conv3d, w: &'a [f32]) -> Weights<'a> {
        if self.made_weights(conv) == 0 {
            return Weights { w: Cow::Borrowed(w), turned: self.turned };
        }
        let [_, height, width] = conv.kernel;
        let [own, all] = [self.range().len(), conv.in_channels].map(|channels| channels * conv.out_channels);
        let first = self.range().start * conv.out_channels;
        let [of_depth, of_height] = self.sets(conv);
        let mut made = vec![0.0; self.made_weights(conv)];
        made.par_chunks_mut(own).enumerate().for_each(|(index, made)| {
            let depths = of_depth[index / width / of_height.len()].clone();
            for depth in depths {
                for line in of_height[index / width % of_height.len()].clone() {
                    let tap = (depth * height + line) * width + index % width;
                    let tap = if self.turned { conv.taps() - 1 - tap } else { tap };
                    add(made, &w[tap * all + first..][..own]);
                }
            }
        });
        Weights { w: Cow::Owned(made), turned: self.turned }
    }

    /// The gradient of the convolution's weights from that of [`weights`](Self::weights).
    pub(super) fn spread(&self, conv: &Conv3d, made: &[f32], dw: &mut [f32]) {
        let [_, height, width] = conv.kernel;
        let [own, all] = [self.range().len(), conv.in_channels].map(|channels| channels * conv.out_channels);
        let first = self.range().start * conv.out_channels;
        let [of_depth, of_height] = self.sets(conv);
        dw.par_chunks_mut(all).enumerate().for_each(|(tap, dw)| {
            let dw = &mut dw[first..][..own];
            dw.fill(0.0);
            let (depth, line) = (tap / width / height, tap / width % height);
            for depths in (0..of_depth.len()).filter(|&set| of_depth[set].contains(&depth)) {
                for lines in (0..of_height.len()).filter(|&set| of_height[set].contains(&line)) {
                    let index = (depths * of_height.len() + lines) * width + tap % width;
                    add(dw, &made[index * own..][..own]);
                }
            }
        });
    }
}
