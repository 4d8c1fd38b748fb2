//! What a folder holds, for the user who chooses, and which of it would be taken.

use std::path::Path;

use super::super::codec;
use super::choose::best;
use super::header::SliceHeader;
use super::place::orientation_name;
use super::scan::Scan;
use super::split::{Part, split};
use super::stack::{Stack, is_lossy, object_name};
use crate::error::{Error, Result};
use crate::format::OpenOptions;
use crate::geometry::Grid;
use crate::sentence::counted;

/// One stack of slices of a series, or a series that is none, as the user sees it before choosing.
///
/// Holds no description and no name: those may be a patient's.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSummary {
    /// Place in the listing, from 1: by SeriesNumber, then SeriesInstanceUID, then file.
    pub number: usize,
    /// SeriesInstanceUID; may be empty in files that were stripped of it. The stacks of one series share it.
    pub uid: String,
    /// Modality, for example `CT`.
    pub modality: String,
    /// What the objects are, by SOP class: `a CT image`, `a segmentation (SEG)`.
    pub object: String,
    /// How many slices (files, or frames of a multi-frame object) belong to it.
    pub slices: usize,
    /// The grid, if the slices form one.
    pub grid: Option<Grid>,
    /// `axial`, `coronal`, `sagittal` or `oblique`, if the slices say how they lie.
    pub orientation: Option<&'static str>,
    /// SliceThickness in mm, which is not the distance between slices.
    pub slice_thickness_mm: Option<f64>,
    /// ConvolutionKernel; empty if it is not given.
    pub kernel: String,
    /// ImageType, for example `ORIGINAL\PRIMARY\AXIAL`.
    pub image_type: String,
    /// Whether a contrast agent is named.
    pub has_contrast: bool,
    /// The transfer syntax by name.
    pub transfer_syntax: String,
    /// Whether the pixels were once compressed with loss.
    pub is_lossy: bool,
    /// The attribute that separates this stack from others of its series, if one was needed.
    pub split_by: Option<&'static str>,
    /// What a user should know of it although it can be taken.
    pub warnings: Vec<String>,
    /// Why it cannot be taken as a CT volume; `None` if it can.
    pub refusal: Option<String>,
}

impl SeriesSummary {
    fn of(number: usize, part: &Part) -> Self {
        let first: &SliceHeader = part.first();
        let stack = part.stack.as_ref();
        Self {
            number,
            uid: first.series_uid.clone(),
            modality: first.modality.clone(),
            object: object_name(&first.sop_class),
            slices: part.slices.len(),
            grid: stack.ok().map(|stack| stack.grid),
            orientation: first.orientation.map(orientation_name),
            slice_thickness_mm: first.slice_thickness_mm,
            kernel: first.kernel.clone(),
            image_type: first.image_type.join("\\"),
            has_contrast: first.has_contrast,
            transfer_syntax: codec::transfer_syntax_name(&first.transfer_syntax),
            is_lossy: part.slices.iter().any(is_lossy),
            split_by: part.split_by,
            warnings: stack.map(|stack| stack.warnings.clone()).unwrap_or_default(),
            refusal: stack.err().map(|refusal| refusal.problem.clone()),
        }
    }

    /// One line of a listing.
    fn line(&self) -> String {
        let Self { number, modality, slices, uid, kernel, .. } = self;
        let what = match (&self.refusal, &self.grid, self.orientation) {
            (Some(refusal), ..) => format!("cannot be taken: {refusal}"),
            (None, Some(grid), Some(orientation)) => {
                let kernel = if kernel.is_empty() { String::new() } else { format!(", kernel {kernel}") };
                format!("{:.3} mm apart, {orientation}{kernel}", grid.spacing().mm()[0])
            }
            _ => String::new(),
        };
        let uid = if uid.is_empty() { "without SeriesInstanceUID" } else { uid };
        format!("{number}: {modality}, {}, {what} ({uid})", counted(*slices, "slice", "slices"))
    }
}

/// The stacks of a folder and the one that is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// All of them, whether they can be taken or not.
    pub series: Vec<SeriesSummary>,
    /// The place in `series` of the one that is taken; `None` if none can be, or several equally well.
    pub taken: Option<usize>,
    /// Why it is taken, or why none is.
    pub why: String,
    /// What a user should know of the folder: files that are damaged, missing or no DICOM.
    pub warnings: Vec<String>,
}

/// Lists what a folder, a DICOMDIR or a multi-frame file holds, and which of it [`crate::format::open_ct`]
/// takes under the same options. Pixels are not read.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read, [`Error::Invalid`] if it holds no DICOM file.
pub fn list(path: &Path, options: &OpenOptions) -> Result<Listing> {
    let contents = Contents::of(path, options)?;
    let (taken, why) = match contents.choose(options) {
        Ok((at, why)) => (Some(at), why),
        Err(error) => {
            let why = match &error {
                Error::Invalid { problem, .. } | Error::Unsupported { problem, .. } => problem.clone(),
                other => other.to_string(),
            };
            (None, why)
        }
    };
    Ok(Listing { series: contents.summaries, taken, why, warnings: contents.warnings })
}

/// Lists the stacks in a folder; see [`list`].
///
/// # Errors
/// As [`list`].
pub fn list_series(path: &Path) -> Result<Vec<SeriesSummary>> {
    list(path, &OpenOptions::default()).map(|listing| listing.series)
}

/// Everything that a path holds, assessed.
pub(super) struct Contents<'a> {
    path: &'a Path,
    pub(super) scan: Scan,
    pub(super) parts: Vec<Part>,
    pub(super) summaries: Vec<SeriesSummary>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(path: &'a Path, options: &OpenOptions) -> Result<Self> {
        let scan = super::scan::scan(path)?;
        let parts: Vec<Part> = scan.series.iter().flat_map(|series| split(series, options)).collect();
        let summaries = parts.iter().enumerate().map(|(at, part)| SeriesSummary::of(at + 1, part)).collect();
        let warnings = scan.warnings();
        Ok(Self { path, scan, parts, summaries, warnings })
    }

    fn listing(&self) -> String {
        self.summaries.iter().map(SeriesSummary::line).collect::<Vec<_>>().join("; ")
    }

    /// The place of the part to take, and why.
    pub(super) fn choose(&self, options: &OpenOptions) -> Result<(usize, String)> {
        let usable = |at: &usize| self.parts[*at].stack.is_ok();
        let mut candidates: Vec<usize> = (0..self.parts.len()).collect();
        if let Some(wanted) = options.series.as_deref().map(str::trim) {
            candidates
                .retain(|&at| self.summaries[at].uid == wanted || self.summaries[at].number.to_string() == wanted);
            if candidates.is_empty() {
                let problem = format!("it holds no series `{wanted}`");
                return Err(Error::invalid(self.path, problem, format!("it holds {}", self.listing())));
            }
        }
        let could: Vec<usize> = candidates.iter().copied().filter(usable).collect();
        match (could.as_slice(), candidates.as_slice()) {
            (&[only], &[_]) if options.series.is_some() => Ok((only, "it was asked for".to_owned())),
            (&[only], &[_]) => Ok((only, "it is the only one".to_owned())),
            (&[only], _) => Ok((only, "it is the only one that is a CT volume".to_owned())),
            // The error of the only one says most; the caller meets it when it takes the stack.
            ([], &[only]) => match &self.parts[only].stack {
                Err(refusal) => Err(refusal.clone().at(self.path)),
                Ok(_) => Ok((only, String::new())),
            },
            ([], _) => {
                let problem =
                    format!("none of its {} series is a CT that can be taken: {}", self.parts.len(), self.listing());
                Err(Error::invalid(self.path, problem, "give the folder of one CT series"))
            }
            (several, _) => match best(&self.parts, several) {
                Ok((at, reasons)) => Ok((at, self.praise(at, &reasons))),
                Err(tied) => {
                    let lines: Vec<String> = tied.iter().map(|&at| self.summaries[at].line()).collect();
                    let problem =
                        format!("{} of its series could be taken equally well: {}", tied.len(), lines.join("; "));
                    let hint = "choose one by its number or SeriesInstanceUID (--series)";
                    Err(Error::invalid(self.path, problem, hint))
                }
            },
        }
    }

    fn praise(&self, at: usize, reasons: &[&str]) -> String {
        let summary = &self.summaries[at];
        let apart = summary.grid.map_or(f64::NAN, |grid| grid.spacing().mm()[0]);
        let orientation = summary.orientation.unwrap_or_default();
        format!(
            "of the CT volumes it is the one that is {}: {orientation}, {}, {apart:.3} mm apart",
            reasons.join(", "),
            counted(summary.slices, "slice", "slices")
        )
    }

    /// Takes the part at a place.
    pub(super) fn take(mut self, at: usize) -> Result<(Stack, SeriesSummary)> {
        let stack = self.parts.swap_remove(at).stack.map_err(|refusal| refusal.at(self.path))?;
        Ok((stack, self.summaries.swap_remove(at)))
    }
}
