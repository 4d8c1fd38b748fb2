//! What a reader must know before trusting the numbers: one flag per file, all of them in [`ALL`].
//!
//! A flag is raised by a stated threshold; it changes no number. Flags on the lungs need a lung mask that did not
//! fail and are silent without one.

mod age;
mod contrast_agent;
mod field_of_view;
mod liver_side;
mod lobes_differ;
mod lowest_hu;
mod lung_mask_failed;
mod lung_volume;
mod metal;
mod not_hu;
mod outside_lung;
mod padding;
mod prone;
mod sharp_kernel;
mod thick_slices;
mod wrong_side;

use super::count::{Count, Counted};
use super::input::{Input, LobeLabel};
use super::result::{Finding, Lung, Opacity};
use super::values::Values;

/// Every flag, in the order of the tables.
pub const ALL: &[&dyn Flag] = &[
    &lung_mask_failed::LungMaskFailed,
    &not_hu::NotHu,
    &lowest_hu::LowestHu,
    &wrong_side::WrongSide,
    &liver_side::LiverSide,
    &outside_lung::OutsideLung,
    &lung_volume::LungVolume,
    &lung_volume::LungRatio,
    &field_of_view::FieldOfView,
    &padding::Padding,
    &lobes_differ::LobesDiffer,
    &metal::Metal,
    &thick_slices::ThickSlices,
    &sharp_kernel::SharpKernel,
    &contrast_agent::ContrastAgent,
    &prone::Prone,
    &age::Age,
];

/// One thing that a reader must know.
pub trait Flag: std::fmt::Debug + Sync {
    /// The stable name.
    fn id(&self) -> &'static str;

    /// What raises it, with its unit.
    fn threshold(&self) -> String;

    /// Where the threshold comes from.
    fn source(&self) -> &'static str;

    /// Which quantities it touches: `volumes`, `percent`, `regions`, `attenuation`, `scores`, `sides`.
    fn affects(&self) -> &'static [&'static str];

    /// Whether the case raises it.
    fn check(&self, case: &Seen<'_>) -> Option<Raised>;
}

/// A raised flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// What was found, with its unit.
    pub found: String,
    /// What that means, as a sentence.
    pub sentence: String,
}

/// What flags look at.
#[derive(Debug)]
pub struct Seen<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) opacity: &'a Opacity,
    pub(super) values: &'a Values,
    /// The lungs, unless their mask is missing or failed.
    pub(super) lungs: Option<SeenLungs<'a>>,
    pub(super) lobes: &'a [(LobeLabel, Count)],
}

/// The lungs as flags look at them.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenLungs<'a> {
    pub(super) lung: &'a Lung,
    pub(super) counted: &'a Counted,
    pub(super) map: &'a pulmo_ct::LabelMap,
}

/// The flags that the case raises.
pub(super) fn raised(case: &Seen<'_>) -> Vec<Finding> {
    let raised = ALL.iter().filter_map(|flag| {
        let Raised { found, sentence } = flag.check(case)?;
        Some(Finding {
            id: flag.id().to_owned(),
            sentence,
            found,
            threshold: flag.threshold(),
            affects: flag.affects().iter().map(|&what| what.to_owned()).collect(),
            source: flag.source().to_owned(),
        })
    });
    raised.collect()
}

#[cfg(test)]
mod tests;
