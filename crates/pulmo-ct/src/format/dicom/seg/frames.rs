//! Which frames an object has, and their pixels.
//!
//! Only slices that show something get a frame. An object needs one frame at least (NumberOfFrames must not be 0),
//! so an empty segmentation has one empty frame: the first segment on the first slice.

use rayon::prelude::*;

use super::Segment;
use super::bits::pack;
use crate::error::{Error, Result};
use crate::volume::LabelMap;

/// The largest value of a share: it stands for 1.
pub(super) const WHOLE: u8 = 255;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its place among the segments; 0 in a LABELMAP.
    pub(super) segment: usize,
    /// The slice of the grid.
    pub(super) slice: usize,
}

/// The frames and their pixels, one after the other.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) list: Vec<Frame>,
    pub(super) pixels: Vec<u8>,
}

/// Ordered by segment, then slice.
pub(super) fn binary(labels: &LabelMap, segments: &[Segment]) -> Result<Frames> {
    let pixels = pixels_per_slice(labels);
    let present = labels_of_slices(labels);
    must_be_described(&present, segments)?;
    let mut list = Vec::new();
    for (segment, Segment { number, .. }) in segments.iter().enumerate() {
        let shows = |slice: &usize| present[*slice][usize::from(*number)];
        list.extend((0..present.len()).filter(shows).map(|slice| Frame { segment, slice }));
    }
    one_at_least(&mut list);
    let mut bits = vec![0; (list.len() * pixels).div_ceil(8)];
    let of = |frame: &Frame| &labels.labels()[frame.slice * pixels..][..pixels];
    let label_of = |frame: &Frame| segments[frame.segment].number as u8;
    if pixels.is_multiple_of(8) {
        let packed = bits.par_chunks_mut(pixels / 8).zip(&list);
        packed.for_each(|(out, frame)| pack(of(frame), label_of(frame), out, 0));
    } else {
        for (n, frame) in list.iter().enumerate() {
            pack(of(frame), label_of(frame), &mut bits, n * pixels);
        }
    }
    Ok(Frames { list, pixels: bits })
}

/// One frame per slice that shows any label.
pub(super) fn label_map(labels: &LabelMap, segments: &[Segment]) -> Result<Frames> {
    let pixels = pixels_per_slice(labels);
    let present = labels_of_slices(labels);
    must_be_described(&present, segments)?;
    let shows = |slice: &usize| present[*slice][1..].contains(&true);
    let mut list: Vec<Frame> = (0..present.len()).filter(shows).map(|slice| Frame { segment: 0, slice }).collect();
    one_at_least(&mut list);
    let mut out = Vec::with_capacity(list.len() * pixels);
    for frame in &list {
        out.extend_from_slice(&labels.labels()[frame.slice * pixels..][..pixels]);
    }
    Ok(Frames { list, pixels: out })
}

/// Shares from 0 to 1 in steps of 1/255, one array of voxels for each segment; ordered by segment, then slice.
pub(super) fn fractional(shares: &[&[f32]], pixels: usize) -> Result<Frames> {
    let mut list = Vec::new();
    for (segment, shares) in shares.iter().enumerate() {
        let shown: Vec<bool> = shares.par_chunks(pixels).map(shows_a_share).collect::<Result<_>>()?;
        list.extend((0..shown.len()).filter(|&slice| shown[slice]).map(|slice| Frame { segment, slice }));
    }
    one_at_least(&mut list);
    let mut out = vec![0; list.len() * pixels];
    out.par_chunks_mut(pixels).zip(&list).for_each(|(out, frame)| {
        let shares = &shares[frame.segment][frame.slice * pixels..][..pixels];
        out.iter_mut().zip(shares).for_each(|(byte, &share)| *byte = quantise(share));
    });
    Ok(Frames { list, pixels: out })
}

/// To the nearest step, halves upwards.
fn quantise(share: f32) -> u8 {
    (share * f32::from(WHOLE)).round() as u8
}

fn shows_a_share(shares: &[f32]) -> Result<bool> {
    match shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        Some(share) => Err(Error::Value { problem: format!("a probability of {share}: expected 0 to 1") }),
        None => Ok(shares.iter().any(|&share| quantise(share) > 0)),
    }
}

fn pixels_per_slice(labels: &LabelMap) -> usize {
    let [_, rows, columns] = labels.grid().shape();
    rows * columns
}

/// For each slice, which labels it shows.
fn labels_of_slices(labels: &LabelMap) -> Vec<[bool; 256]> {
    let of_slice = |slice: &[u8]| {
        let mut present = [false; 256];
        // Most slices and most of a slice are background: that is a quick test.
        for line in slice.chunks(256) {
            if line.iter().any(|&label| label != 0) {
                line.iter().for_each(|&label| present[usize::from(label)] = true);
            }
        }
        present
    };
    labels.labels().par_chunks(pixels_per_slice(labels)).map(of_slice).collect()
}

fn must_be_described(present: &[[bool; 256]], segments: &[Segment]) -> Result<()> {
    let is_described = |label: usize| segments.iter().any(|segment| usize::from(segment.number) == label);
    let shown = |label: &usize| present.iter().any(|slice| slice[*label]);
    match (1..256).filter(shown).find(|&label| !is_described(label)) {
        Some(label) => Err(Error::Value { problem: format!("label {label} has no segment that describes it") }),
        None => Ok(()),
    }
}

fn one_at_least(list: &mut Vec<Frame>) {
    if list.is_empty() {
        list.push(Frame { segment: 0, slice: 0 });
    }
}
