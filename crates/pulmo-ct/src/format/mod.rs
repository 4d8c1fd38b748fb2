//! Files in and out: CT volumes and label maps as DICOM, NIfTI, NRRD and MetaImage.
//!
//! A file is recognised by its content, never by its name; the name only says in which format to write. What
//! leaves this module is a [`CtVolume`] in HU or a [`LabelMap`], both in LPS+ mm and (slice, row, column)
//! order; nothing above it knows which file they came from, except through [`Origin`].
//!
//! To add a format: a type in a file of its own that implements `FileFormat`, and its entry in `table::ALL`.

pub mod dicom;
mod facts;
mod meta_image;
mod nifti;
mod nrrd;
mod table;
mod text;
mod voxels;
pub mod warning;

use std::path::Path;

use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

pub use dicom::series::{Listing, SINGLE_SLICE, SeriesSummary, list, list_series};
pub use facts::ScanFacts;

/// What the user may choose when opening a CT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which series of a DICOM folder: a SeriesInstanceUID or the number in the listing of
    /// [`list`]. Needed only where a folder holds several that could be taken equally well.
    pub series: Option<String>,
    /// Whether the voxels are known not to be HU, so that their range need not be doubted.
    pub known_not_hu: bool,
    /// Whether missing slices of a DICOM series may be filled and unequal distances evened out, by linear
    /// interpolation along the slice axis. A warning tells where slices were invented.
    pub allow_gaps: bool,
    /// Whether a DICOM series of a tilted gantry is resampled onto a grid with right angles, by linear
    /// interpolation. Otherwise its grid is sheared, and its voxels are exact.
    pub straighten: bool,
}

/// A CT volume together with where it came from.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The voxels in HU on their grid.
    pub volume: CtVolume,
    /// Where they came from.
    pub origin: Origin,
    /// What a user should know although the volume could be opened, one sentence each.
    pub warnings: Vec<String>,
}

/// Where a volume came from. Holds nothing that names a patient.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The format by name: `DICOM series`, `NIfTI-1`, `NIfTI-2`, `NRRD`, `MetaImage`.
    pub format: &'static str,
    /// DICOM StudyInstanceUID; `None` for other formats and where it is empty.
    pub study_instance_uid: Option<String>,
    /// DICOM SeriesInstanceUID; `None` for other formats and where it is empty.
    pub series_instance_uid: Option<String>,
    /// The file name without the ending of its format (`.nii.gz`, `.nrrd`); `None` for a DICOM series.
    pub file_stem: Option<String>,
    /// How the voxels are stored: the transfer syntax of a DICOM series, the data type of another file (`int16`).
    pub encoding: String,
    /// How many files were read.
    pub files: usize,
    /// How many slices the volume has.
    pub slices: usize,
    /// Share (0 to 1) of the voxels that the file marks as not measured; they hold [`CtVolume::AIR_HU`].
    pub padding_share: f64,
    /// How the CT was made, as far as the file says so.
    pub scan: ScanFacts,
}

/// Opens a CT: a folder with DICOM series (nested folders included), a DICOMDIR, an enhanced multi-frame CT, or a
/// NIfTI, NRRD or MetaImage file.
///
/// Of several series the best is taken, if one clearly is, and a warning says which; see [`list`].
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if a file cannot be read, [`Error::Unsupported`](crate::Error::Unsupported)
/// for what this program does not read and [`Error::Invalid`](crate::Error::Invalid) for damaged or
/// contradictory content; the message names file and field.
pub fn open_ct(path: &Path, options: &OpenOptions) -> Result<Opened> {
    open_ct_with_progress(path, options, &|_, _| ())
}

/// [`open_ct`] that calls `progress(done, total)` after each DICOM slice, from several threads.
///
/// Another file is one piece: it reports `(1, 1)` at its end.
///
/// # Errors
/// As [`open_ct`].
pub fn open_ct_with_progress(
    path: &Path,
    options: &OpenOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Opened> {
    let mut opened = table::recognise(path)?.open_ct(path, options, progress)?;
    if !options.known_not_hu {
        warn_if_not_hu(&opened.volume, &mut opened.warnings);
    }
    Ok(opened)
}

/// Opens a label map: a NIfTI, NRRD or MetaImage file.
///
/// Values must be integers from 0 to 255 after scaling; a float mask may miss an integer by up to 1e-3.
///
/// # Errors
/// As [`open_ct`], and [`Error::Invalid`](crate::Error::Invalid) for the first voxel that holds no label.
pub fn open_label_map(path: &Path) -> Result<LabelMap> {
    table::recognise(path)?.open_label_map(path)
}

/// Writes a label map as uint8, in the format that the name ends in: `.nii`, `.nii.gz`, `.nrrd`, `.nhdr`
/// (with `.raw.gz` beside it), `.mha` or `.mhd` (with `.zraw` beside it).
///
/// Labels come back to the bit, and the grid too, except that NIfTI-1 holds it in float32. The file appears
/// complete or not at all; of two files the header comes last.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) for other endings and for a grid that the format cannot
/// hold (a sheared one in MetaImage), [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn write_label_map(path: &Path, labels: &LabelMap) -> Result<()> {
    table::by_ending(path)?.write_label_map(path, labels)
}

/// Writes a CT: int16 if every HU is an integer that fits, float32 otherwise. Names as [`write_label_map`].
///
/// # Errors
/// As [`write_label_map`].
pub fn write_volume(path: &Path, volume: &CtVolume) -> Result<()> {
    table::by_ending(path)?.write_volume(path, volume)
}

/// Writes shares from 0 to 1 (probabilities), given in 255ths, as NIfTI: uint8 with the scale slope 1/255, so that every reader
/// sees values from 0 to 1 and the file has one byte per voxel. The name must end in `.nii` or `.nii.gz`.
///
/// # Errors
/// As [`write_label_map`].
pub fn write_shares(path: &Path, shares_255: &LabelMap) -> Result<()> {
    if !table::has_ending(path, &[".nii", ".nii.gz"]) {
        return Err(Error::unsupported(path, "shares are written as NIfTI only", "name it .nii.gz"));
    }
    nifti::write_shares(path, shares_255)
}

/// Opens shares from 0 to 1 (probabilities) from NIfTI, NRRD or MetaImage: floats, or what has a scale slope, as they are;
/// unscaled uint8 in 255ths. Rounding to a little outside of 0 to 1 is taken back.
///
/// # Errors
/// As [`open_ct`], and [`Error::Invalid`] if a value lies outside.
pub fn open_shares(path: &Path) -> Result<CtVolume> {
    let opened = open_ct(path, &OpenOptions { known_not_hu: true, ..OpenOptions::default() })?;
    let grid = *opened.volume.grid();
    let mut shares = opened.volume.into_hu();
    let highest = shares.iter().copied().fold(0.0, f32::max);
    let divisor = if opened.origin.encoding == "uint8" && highest > 1.0 + SHARE_ROUNDING { 255.0 } else { 1.0 };
    for (at, share) in shares.iter_mut().enumerate() {
        *share /= divisor;
        if !(-SHARE_ROUNDING..=1.0 + SHARE_ROUNDING).contains(share) {
            let problem = format!("voxel {at} holds {}, expected a probability from 0 to 1", *share * divisor);
            return Err(Error::invalid(
                path,
                problem,
                "give probabilities as floats from 0 to 1 or as uint8 in 255ths",
            ));
        }
        *share = share.clamp(0.0, 1.0);
    }
    CtVolume::new(grid, shares)
}

/// How far a share may lie outside of 0 to 1 because it was stored in float32.
const SHARE_ROUNDING: f32 = 1e-5;

/// Warns of volumes that are probably not in HU: whatever a CT shows, there is air around or in it.
fn warn_if_not_hu(volume: &CtVolume, warnings: &mut Vec<String>) {
    // Most volumes answer within their first rows.
    if volume.hu().iter().any(|&hu| hu <= NOT_HU_ABOVE) {
        return;
    }
    let (low, high) =
        volume.hu().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    warnings.push(warning::NOT_HU.say(&[&low, &high]));
}

/// A CT has voxels at or below this many HU: air. Values without any are probably not HU.
pub const NOT_HU_ABOVE: f32 = -500.0;
