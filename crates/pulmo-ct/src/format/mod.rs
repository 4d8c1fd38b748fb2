//! Files in and out: CT volumes from DICOM series and NIfTI, label maps from and to NIfTI.
//!
//! A file is recognised by its content; the extension only words the error of a file nobody knows. What
//! leaves this module is a [`CtVolume`] in HU or a [`LabelMap`], both in LPS+ mm and (slice, row, column)
//! order; nothing above it knows which file they came from, except through [`Origin`].
//!
//! To add a format: write its module, add a `Format` and its mark to `Format::of`, and an arm to
//! [`open_ct_with_progress`].

pub mod dicom;
pub mod nifti;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

pub use dicom::series::{SeriesSummary, list_series};

/// What the user may choose when opening a CT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which series of a DICOM folder: a SeriesInstanceUID or the number in the listing of
    /// [`list_series`]. Needed only where a folder holds several that could be taken.
    pub series: Option<String>,
    /// Whether the voxels are known not to be HU, so that their range need not be doubted.
    pub known_not_hu: bool,
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
    /// The format by name: `DICOM series` or `NIfTI-1`.
    pub format: &'static str,
    /// DICOM StudyInstanceUID; `None` for other formats and where it is empty.
    pub study_instance_uid: Option<String>,
    /// DICOM SeriesInstanceUID; `None` for other formats and where it is empty.
    pub series_instance_uid: Option<String>,
    /// The file name without `.nii` or `.nii.gz`; `None` for a DICOM series.
    pub file_stem: Option<String>,
    /// How the voxels are stored: the transfer syntax of a DICOM series, the data type of a NIfTI file.
    pub encoding: String,
    /// How many files were read.
    pub files: usize,
    /// How many slices the volume has.
    pub slices: usize,
    /// Share (0 to 1) of the voxels that the file marks as not measured; they hold [`CtVolume::AIR_HU`].
    pub padding_share: f64,
}

/// The formats that are recognised, read or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    DicomFolder,
    DicomFile,
    /// Either `.nii` or, with `gzip`, anything compressed: the NIfTI reader looks inside.
    Nifti,
    Nrrd,
    MetaImage,
    Unknown,
}

impl Format {
    /// Recognises a path by what it holds.
    fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::DicomFolder);
        }
        let mut head = Vec::with_capacity(352);
        let file = File::open(path).map_err(|e| Error::read(path, e))?;
        file.take(352).read_to_end(&mut head).map_err(|e| Error::read(path, e))?;
        Ok(if head.get(128..132) == Some(b"DICM") {
            Self::DicomFile
        } else if head.starts_with(&[0x1f, 0x8b]) || nifti::looks_like_header(&head) {
            Self::Nifti
        } else if head.starts_with(b"NRRD") {
            Self::Nrrd
        } else if head.starts_with(b"ObjectType") || head.starts_with(b"NDims") {
            Self::MetaImage
        } else {
            Self::Unknown
        })
    }

    /// The error for what no reader takes.
    fn refuse(self, path: &Path) -> Error {
        let takes = "readable are a folder with the DICOM files of one CT series, .nii and .nii.gz";
        match self {
            Self::DicomFile => dicom::series::refuse_single_file(path),
            Self::Nrrd => Error::unsupported(path, "an NRRD file", format!("convert it to .nii.gz; {takes}")),
            Self::MetaImage => Error::unsupported(path, "a MetaImage file", format!("convert it to .nii.gz; {takes}")),
            _ if nifti::has_extension(path) => nifti::not_nifti(path),
            _ => Error::unsupported(path, "neither DICOM nor NIfTI by its content", takes),
        }
    }
}

/// Opens a CT: a folder with a DICOM series (nested folders included), a `.nii` or a `.nii.gz` file.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read, [`Error::Unsupported`] for what this program does not read and
/// [`Error::Invalid`] for damaged or contradictory content; the message names file and field.
pub fn open_ct(path: &Path, options: &OpenOptions) -> Result<Opened> {
    open_ct_with_progress(path, options, &|_, _| ())
}

/// [`open_ct`] that calls `progress(done, total)` after each DICOM slice, from several threads.
///
/// A NIfTI file is one piece: it reports `(1, 1)` at its end.
///
/// # Errors
/// As [`open_ct`].
pub fn open_ct_with_progress(
    path: &Path,
    options: &OpenOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Opened> {
    let mut opened = match Format::of(path)? {
        Format::DicomFolder => dicom::series::open(path, options, progress)?,
        Format::Nifti => {
            let opened = nifti::open_ct(path)?;
            progress(1, 1);
            opened
        }
        other => return Err(other.refuse(path)),
    };
    if !options.known_not_hu {
        warn_if_not_hu(&opened.volume, &mut opened.warnings);
    }
    Ok(opened)
}

/// Opens a NIfTI label map.
///
/// Values must be integers from 0 to 255 after scaling; a float mask may miss an integer by up to 1e-3.
///
/// # Errors
/// [`Error::Io`], [`Error::Unsupported`] for other formats, [`Error::Invalid`] for damaged files and for
/// the first voxel that holds no label.
pub fn open_label_map(path: &Path) -> Result<LabelMap> {
    match Format::of(path)? {
        Format::Nifti => nifti::open_label_map(path),
        Format::DicomFolder => Err(Error::unsupported(path, "a folder, expected a label map", "give a .nii.gz file")),
        other => Err(other.refuse(path)),
    }
}

/// Writes a label map as NIfTI-1 (uint8); the name must end in `.nii` or `.nii.gz`.
///
/// The file appears complete or not at all.
///
/// # Errors
/// [`Error::Unsupported`] for other extensions or more than 32,767 voxels along an axis, [`Error::Io`] if
/// the file cannot be written.
pub fn write_label_map(path: &Path, labels: &LabelMap) -> Result<()> {
    nifti::write_label_map(path, labels)
}

/// Writes a CT as NIfTI-1: int16 if every HU is an integer that fits, float32 otherwise.
///
/// # Errors
/// As [`write_label_map`].
pub fn write_volume(path: &Path, volume: &CtVolume) -> Result<()> {
    nifti::write_volume(path, volume)
}

/// Warns of volumes that are probably not in HU: whatever a CT shows, there is air around or in it.
fn warn_if_not_hu(volume: &CtVolume, warnings: &mut Vec<String>) {
    let (low, high) =
        volume.hu().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    if low > -500.0 {
        warnings.push(format!("values span {low} to {high}: no voxel is air, so they are probably not HU"));
    }
}
