//! The numbers of one case as plain data.
//!
//! What could not be measured is absent, and a field beside it (`…_left_out`) says why in a sentence.

use pulmo_ct::Grid;
use pulmo_ct::format::ScanFacts;
use serde::{Deserialize, Serialize};

use super::input::Subject;

/// Everything that is measured in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantities {
    /// [`Quantities::SCHEMA`].
    pub schema: String,
    /// Whose result it is, by keys.
    pub subject: Subject,
    /// How the CT was made.
    pub scan: ScanFacts,
    /// The grid it was measured on.
    pub grid: GridFacts,
    /// The opacity as a whole.
    pub opacity: Opacity,
    /// The lungs; `None` where their mask is missing or failed.
    pub lung: Option<Lung>,
    /// Why there is no lung, and so no share, region or score.
    pub lung_left_out: Option<LeftOut>,
    /// Per cent of lung by rule; the first is the default rule. Empty without lungs.
    pub involvement: Vec<Involvement>,
    /// Parts of the lungs. Empty without lungs.
    pub regions: Vec<Region>,
    /// The lungs in slabs of equal height from the lowest to the highest, for a drawing. Empty without lungs.
    pub levels: Vec<Level>,
    /// Higher and lower attenuation inside the opacity.
    pub attenuation: Option<Attenuation>,
    /// Why there is none.
    pub attenuation_left_out: Option<LeftOut>,
    /// Number and size of foci.
    pub foci: Foci,
    /// Scores that could be given.
    pub scores: Vec<Score>,
    /// Scores that could not, and why.
    pub scores_left_out: Vec<LeftOut>,
    /// What a reader must know before trusting the numbers.
    pub flags: Vec<Finding>,
    /// An interval for the opacity's volume, if it has proved itself.
    pub interval: Option<Interval>,
    /// Why an interval that was given is not shown.
    pub interval_left_out: Option<LeftOut>,
}

impl Quantities {
    /// The form of these data; another number means other fields.
    pub const SCHEMA: &'static str = "pulmo.quantities.1";

    /// The region of an `id`.
    #[must_use]
    pub fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.id == id)
    }

    /// The score of an `id`.
    #[must_use]
    pub fn score(&self, id: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.id == id)
    }

    /// The flag of an `id`.
    #[must_use]
    pub fn flag(&self, id: &str) -> Option<&Finding> {
        self.flags.iter().find(|flag| flag.id == id)
    }
}

/// The grid of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridFacts {
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// Distances between voxel centres along (slice, row, column) in mm.
    pub spacing_mm: [f64; 3],
    /// Volume of a voxel in mL.
    pub voxel_ml: f64,
}

impl GridFacts {
    pub(super) fn of(grid: &Grid) -> Self {
        Self { shape: grid.shape(), spacing_mm: grid.spacing().mm(), voxel_ml: grid.voxel_ml() }
    }
}

/// The opacity as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Opacity {
    /// Its voxels.
    pub voxels: u64,
    /// Its volume in mL, inside the lungs and outside.
    pub total_ml: f64,
    /// Inside the lung mask, in mL; `None` without lungs.
    pub inside_lung_ml: Option<f64>,
    /// Outside the lung mask, in mL; `None` without lungs.
    pub outside_lung_ml: Option<f64>,
    /// Share of the opacity that lies outside the lung mask, in per cent; `None` without lungs or without opacity.
    pub outside_lung_percent: Option<f64>,
}

/// The lungs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lung {
    /// Both, in mL.
    pub total_ml: f64,
    /// The patient's left, in mL.
    pub left_ml: f64,
    /// The patient's right, in mL.
    pub right_ml: f64,
    /// How far the lungs reach along the patient's axis (LPS z), lowest and highest, in mm.
    pub height_mm: [f64; 2],
}

/// Per cent of lung by a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Involvement {
    /// `inside_lung` (the default), `all_of_lung` or `all_of_union`.
    pub rule_id: String,
    /// The rule in words.
    pub rule: String,
    /// The rule as a formula: `|O ∩ L| / |L|`.
    pub formula: String,
    /// The share in per cent.
    pub percent: f64,
}

/// A part of the lungs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// `both`, `left`, `right`, `upper`, `left_upper`, `dorsal`, `left_upper_lobe`, …; unique.
    pub id: String,
    /// `lungs`, `height_thirds` or `volume_thirds`, `dorsal_ventral`, `lobes`, `zones`.
    pub group: String,
    /// How the region is cut, in words.
    pub rule: String,
    /// Its lung, in mL.
    pub lung_ml: f64,
    /// Opacity in it, inside the lung mask (or the lobe), in mL.
    pub opacity_ml: f64,
    /// Opacity in per cent of the region; `None` if the region is empty.
    pub percent: Option<f64>,
}

/// A slab of the lungs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Its lower and upper end along the patient's axis (LPS z), in mm.
    pub height_mm: [f64; 2],
    /// The patient's left lung in it, in mL.
    pub left_lung_ml: f64,
    /// Opacity in the left lung, in mL.
    pub left_opacity_ml: f64,
    /// The patient's right lung in it, in mL.
    pub right_lung_ml: f64,
    /// Opacity in the right lung, in mL.
    pub right_opacity_ml: f64,
}

/// How the attenuation inside the opacity is distributed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attenuation {
    /// The smoothing before the cut, in words.
    pub smoothing: String,
    /// Standard deviation of the smoothing in mm.
    pub smoothing_sd_mm: f64,
    /// The opacity's mean attenuation in HU.
    pub mean_hu: f64,
    /// One entry per cut: first -300 HU, then -200 HU.
    pub cuts: Vec<AttenuationCut>,
}

/// Opacity on both sides of a cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttenuationCut {
    /// The cut in HU; what lies at it or above is higher.
    pub cut_hu: f64,
    /// Opacity of lower attenuation (mostly ground glass) in mL.
    pub lower_ml: f64,
    /// Opacity of higher attenuation (mostly consolidation) in mL.
    pub higher_ml: f64,
    /// Opacity of higher attenuation in per cent of the opacity.
    pub higher_percent: f64,
    /// The same with the cut moved by -50 and by +50 HU, in per cent.
    pub higher_percent_if_moved: [f64; 2],
}

/// Number and size of foci.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Foci {
    /// How voxels hang together, in words.
    pub rule: String,
    /// The smallest that is counted, in mL.
    pub smallest_ml: f64,
    /// Foci of that size and more.
    pub count: usize,
    /// Foci that are smaller …
    pub smaller_count: usize,
    /// … and their volume together in mL.
    pub smaller_ml: f64,
    /// Volumes of the counted foci in mL, largest first.
    pub sizes_ml: Vec<f64>,
}

/// One class of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// What a region of this class scores.
    pub points: u32,
    /// The class as its source prints it: `26-49 %`.
    pub printed: String,
    /// Where the class begins, in per cent of the region.
    pub from_percent: f64,
    /// Whether a value that equals the beginning belongs to the class.
    pub includes_from: bool,
}

/// A score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// `pan25`, `tss20`, `zones24`, `height_thirds24` or `mosmed`.
    pub id: String,
    /// What it is, in words.
    pub name: String,
    /// The points, summed over the regions; of `mosmed` the grade.
    pub points: u32,
    /// The most that can be reached.
    pub most: u32,
    /// How the points are written: `7`, `CT-1`.
    pub text: String,
    /// What each region scored.
    pub parts: Vec<ScorePart>,
    /// The classes.
    pub boundaries: Vec<Boundary>,
    /// What happens to a value between two printed classes, such as 25.5 %; `None` if there is no such gap.
    pub gap_rule: Option<String>,
    /// When a region scores 0 although there is opacity.
    pub floor_rule: String,
    /// Where the score comes from.
    pub source: String,
}

/// What a region scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    /// The region's `id`.
    pub region: String,
    /// Opacity in per cent of the region.
    pub percent: f64,
    /// Opacity in mL.
    pub opacity_ml: f64,
    /// Its points.
    pub points: u32,
}

/// Something that was not measured, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What: a score's `id`, `lung`, `attenuation`, `interval`.
    pub id: String,
    /// Why, by a stable identifier: `no_lobe_map`, `no_lung_mask`, `lung_mask_failed`, `not_hu`, …
    pub reason_id: String,
    /// Why, in words.
    pub reason: String,
}

/// Something that a reader must know before trusting the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which flag: `sharp_kernel`, `contrast_agent`, …
    pub id: String,
    /// What was found and what it means, in words.
    pub sentence: String,
    /// What was found, with its unit: `5 mm`, `B70f`.
    pub found: String,
    /// What raises the flag, with its unit: `more than 3 mm`.
    pub threshold: String,
    /// Which quantities it touches: `volumes`, `percent`, `attenuation`, `scores`, `sides`.
    pub affects: Vec<String>,
    /// Where the threshold comes from.
    pub source: String,
}

/// An interval for the opacity's volume from a model's uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its ends in mL.
    pub ml: [f64; 2],
    /// How many of 100 such intervals should hold the truth.
    pub nominal_percent: f64,
    /// Held-out phantoms on which the model's intervals were checked …
    pub checked: u32,
    /// … and those whose true volume lay inside.
    pub covered: u32,
}
