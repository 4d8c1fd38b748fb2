//! Do some slices form one grid? If not, which slice is the reason?

use std::path::Path;

use dicom_dictionary_std::uids;

use super::super::codec;
use super::gaps::Filling;
use super::header::SliceHeader;
use super::place::{Axes, Places, names, position};
use crate::error::Error;
use crate::format::OpenOptions;
use crate::format::warning;
use crate::geometry::{Affine, Grid};

/// Rows and columns beyond any CT, which only a damaged header has.
const LARGEST_SIDE: usize = 8192;
/// How far PixelSpacing may differ within a series, as a fraction.
const SAME_SPACING_FRACTION: f64 = 1e-4;

/// Slices in the order of their positions and the grid they form.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) slices: Vec<SliceHeader>,
    pub(super) grid: Grid,
    /// How the grid's slices come from `slices`, if not one from one.
    pub(super) filling: Option<Filling>,
    pub(super) warnings: Vec<String>,
}

/// A stack, or why there is none.
pub(super) type Outcome = std::result::Result<Stack, Refusal>;

/// Why a series is not taken.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    is_unsupported: bool,
    pub(super) problem: String,
    hint: &'static str,
}

impl Refusal {
    pub(super) fn invalid(problem: String, hint: &'static str) -> Self {
        Self { is_unsupported: false, problem, hint }
    }

    pub(super) fn unsupported(problem: String, hint: &'static str) -> Self {
        Self { is_unsupported: true, problem, hint }
    }

    /// The error for the folder.
    pub(super) fn at(self, folder: &Path) -> Error {
        if self.is_unsupported {
            Error::unsupported(folder, self.problem, self.hint)
        } else {
            Error::invalid(folder, self.problem, self.hint)
        }
    }
}

/// Why a slice alone is not taken; nothing else is wrong with it.
pub const SINGLE_SLICE: &str = "a single slice: the distance between slices is unknown";

type Check = std::result::Result<(), Refusal>;

impl Stack {
    /// Checks slices and puts them in order. Needs at least one.
    pub(super) fn of(slices: &[&SliceHeader], options: &OpenOptions) -> Outcome {
        must_be_ct(slices)?;
        must_be_readable(slices)?;
        must_have_all_parts(slices)?;
        must_be_alike(slices)?;
        let mut warnings = Vec::new();
        let axes = Axes::of(slices, &mut warnings)?;
        let Places { slices, step, filling } = Places::of(slices, &axes, options.allow_gaps, &mut warnings)?;

        let first = slices[0];
        let [row_mm, column_mm] = spacing(first);
        let columns = [step, axes.down.map(|x| x * row_mm), axes.right.map(|x| x * column_mm)];
        let affine = Affine { columns, origin_mm: position(first) };
        let count = filling.as_ref().map_or(slices.len(), Filling::slices);
        let grid = Grid::new([count, first.rows, first.columns], affine)
            .map_err(|e| Refusal::invalid(e.to_string(), "a header may be damaged"))?;
        if grid.is_sheared() {
            let degrees = grid.shear_degrees();
            warnings.push(warning::TILTED.say(&[&format_args!("{degrees:.2}")]));
        }
        warn_of_pixels(&slices, &mut warnings);
        Ok(Self { slices: slices.into_iter().cloned().collect(), grid, filling, warnings })
    }

    /// Any slice: a stack has at least two.
    pub(super) fn first(&self) -> &SliceHeader {
        &self.slices[0]
    }
}

/// What a SOP class is, for people; its UID if it is none of those that lie beside CTs.
pub(super) fn object_name(sop_class: &str) -> String {
    let name = match sop_class {
        uids::CT_IMAGE_STORAGE => "a CT image",
        uids::ENHANCED_CT_IMAGE_STORAGE => "an enhanced multi-frame CT",
        uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE => "a legacy converted enhanced CT",
        uids::SEGMENTATION_STORAGE => "a segmentation (SEG)",
        "1.2.840.10008.5.1.4.1.1.66.7" => "a label map segmentation (SEG)",
        uids::RT_STRUCTURE_SET_STORAGE => "an RT structure set",
        uids::BASIC_TEXT_SR_STORAGE | uids::ENHANCED_SR_STORAGE | uids::COMPREHENSIVE_SR_STORAGE => {
            "a structured report (SR)"
        }
        uids::COMPREHENSIVE3_DSR_STORAGE => "a structured report (SR)",
        uids::X_RAY_RADIATION_DOSE_SR_STORAGE => "a dose report (SR)",
        uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE => "a key object selection",
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE => "a secondary capture",
        "1.2.840.10008.5.1.4.1.1.7.1" | "1.2.840.10008.5.1.4.1.1.7.2" => "a multi-frame secondary capture",
        "1.2.840.10008.5.1.4.1.1.7.3" | "1.2.840.10008.5.1.4.1.1.7.4" => "a multi-frame secondary capture",
        uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE => "a presentation state",
        uids::ENCAPSULATED_PDF_STORAGE => "an encapsulated PDF",
        uids::MR_IMAGE_STORAGE => "an MR image",
        uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE => "a PET image",
        "" => "an object without a SOP class",
        other => return format!("an object of SOP class {other}"),
    };
    name.to_owned()
}

fn must_be_ct(slices: &[&SliceHeader]) -> Check {
    let odd = |is_odd: &dyn Fn(&SliceHeader) -> bool| -> Vec<&SliceHeader> {
        slices.iter().copied().filter(|slice| is_odd(slice)).collect()
    };
    let hint = "give the folder of one CT series";
    if let Some(other) = odd(&|slice| slice.modality != "CT").first() {
        let modality = if other.modality.is_empty() { "none" } else { &other.modality };
        let mixed = if slices.iter().any(|slice| slice.modality == "CT") { " beside CT in one series" } else { "" };
        return Err(Refusal::unsupported(format!("modality {modality}{mixed}, expected CT"), hint));
    }
    if let Some((slice, problem)) = slices.iter().find_map(|slice| Some((slice, slice.problem.as_ref()?))) {
        return Err(Refusal::invalid(format!("{}: {problem}", slice.name()), "export the series again"));
    }
    let taken =
        ["", uids::CT_IMAGE_STORAGE, uids::ENHANCED_CT_IMAGE_STORAGE, uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE];
    if let Some(foreign) = odd(&|slice| !taken.contains(&slice.sop_class.as_str())).first() {
        let what = object_name(&foreign.sop_class);
        let problem = format!("{} is {what} (SOP class), expected a CT image", foreign.name());
        return Err(Refusal::unsupported(problem, hint));
    }
    let localizers = odd(&SliceHeader::is_localizer);
    if !localizers.is_empty() {
        let problem = if localizers.len() == slices.len() {
            "only localisers (scout views), no slices".to_owned()
        } else {
            format!("localisers among its {} files ({}): {}", slices.len(), localizers.len(), names(&localizers))
        };
        return Err(Refusal::unsupported(problem, "keep only the slices of one CT series in the folder"));
    }
    Ok(())
}

fn must_be_readable(slices: &[&SliceHeader]) -> Check {
    for slice in slices {
        let missing = if slice.rows == 0 || slice.columns == 0 {
            "Rows or Columns"
        } else if slice.position_mm.is_none() {
            "ImagePositionPatient"
        } else if slice.orientation.is_none() {
            "ImageOrientationPatient"
        } else if slice.pixel_spacing_mm.is_none_or(|mm| mm.iter().any(|&x| x <= 0.0)) {
            "PixelSpacing"
        } else {
            ""
        };
        if !missing.is_empty() {
            let problem = format!("{} has no usable {missing}", slice.name());
            return Err(Refusal::invalid(problem, "without it the slice has no place in space"));
        }
        if slice.rows.max(slice.columns) > LARGEST_SIDE {
            let problem = format!("{} has {} x {} pixels", slice.name(), slice.rows, slice.columns);
            return Err(Refusal::unsupported(problem, "the header may be damaged"));
        }
        if !codec::can_decode(&slice.transfer_syntax) {
            let name = codec::transfer_syntax_name(&slice.transfer_syntax);
            return Err(Refusal::unsupported(
                format!("{} is compressed as {name}", slice.name()),
                "convert it to an uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000 transfer syntax",
            ));
        }
        slice.layout.check().map_err(|problem| {
            Refusal::unsupported(format!("{}: {problem}", slice.name()), "export the series again from its source")
        })?;
    }
    if slices.len() < 2 {
        return Err(Refusal::unsupported(
            SINGLE_SLICE.to_owned(),
            "give the folder that holds all slices of the series",
        ));
    }
    Ok(())
}

/// A concatenation is one object in several files; it is a volume only with all of them.
fn must_have_all_parts(slices: &[&SliceHeader]) -> Check {
    let Some((_, total)) = slices.iter().find_map(|slice| slice.part) else { return Ok(()) };
    let there: std::collections::BTreeSet<i64> = slices.iter().filter_map(|slice| Some(slice.part?.0)).collect();
    if there.len() as i64 == total {
        return Ok(());
    }
    let problem = format!("only {} of {total} parts of its concatenation are there: {there:?}", there.len());
    Err(Refusal::invalid(problem, "copy the whole series again"))
}

fn must_be_alike(slices: &[&SliceHeader]) -> Check {
    let first = slices[0];
    for slice in slices {
        if (slice.rows, slice.columns) != (first.rows, first.columns) {
            let problem = format!(
                "{} has {} x {} pixels, {} has {} x {}",
                slice.name(),
                slice.rows,
                slice.columns,
                first.name(),
                first.rows,
                first.columns
            );
            return Err(Refusal::invalid(problem, "keep the slices of one reconstruction in the folder"));
        }
        let (mm, expected) = (spacing(slice), spacing(first));
        if mm.iter().zip(expected).any(|(a, b)| (a - b).abs() > SAME_SPACING_FRACTION * b) {
            let problem = format!("{} has PixelSpacing {mm:?} mm, {} has {expected:?} mm", slice.name(), first.name());
            return Err(Refusal::invalid(problem, "keep the slices of one reconstruction in the folder"));
        }
    }
    Ok(())
}

fn warn_of_pixels(slices: &[&SliceHeader], warnings: &mut Vec<String>) {
    if slices.iter().any(|slice| is_lossy(slice)) {
        warnings.push(warning::LOSSY.say(&[]));
    }
    if let Some(hu) = slices.iter().find_map(|slice| slice.layout.suspicious_padding_hu()) {
        warnings.push(warning::PADDING.say(&[&hu]));
    }
}

/// Whether the pixels are not those that the scanner made.
pub(super) fn is_lossy(slice: &SliceHeader) -> bool {
    slice.layout.is_lossy || codec::is_lossy(&slice.transfer_syntax)
}

/// `must_be_readable` has made sure that it is there.
fn spacing(slice: &SliceHeader) -> [f64; 2] {
    slice.pixel_spacing_mm.unwrap_or([f64::NAN; 2])
}
