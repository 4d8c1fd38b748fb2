//! DICOM: the files of one CT series become one volume in HU.
//!
//! | file | duty |
//! |---|---|
//! | `scan` | finds the files, reads their headers, groups them by series |
//! | `header`, `enhanced` | what a slice says of itself, as a file or as a frame of a multi-frame object |
//! | `dicomdir` | the index of a medium |
//! | `split` | separates the stacks that one series holds |
//! | `stack`, `place` | whether slices form one grid, and which |
//! | `choose`, `summary` | which stack is taken, and the listing for the user |
//! | `facts` | how the series was made |
//! | `pixel` | from stored pixels to HU |
//! | `gaps` | even distances, on request |
//!
//! A series is refused rather than repaired: a missing slice or unequal gaps would silently move voxels in
//! space. Slices are sorted by position along the normal, never by name or InstanceNumber, and the distance
//! between them comes from their positions, never from SliceThickness. The slices of a tilted gantry form a
//! sheared grid, which is exact. Agrees with SimpleITK's series reader and pydicom except for padding, which
//! here is air, and for tilt, which SimpleITK's grid leaves out.

mod choose;
mod dicomdir;
mod enhanced;
mod facts;
mod gaps;
mod header;
mod pixel;
mod place;
mod scan;
mod split;
mod stack;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::header::SliceHeader;
use self::stack::Stack;
use self::summary::Contents;
use crate::error::{Error, Result};
use crate::format::warning;
use crate::format::{OpenOptions, Opened, Origin};
use crate::geometry::Grid;
use crate::resample::affine::{self, Interpolation};
use crate::volume::CtVolume;

pub(in crate::format::dicom) use place::place_within_mm;
pub use stack::SINGLE_SLICE;
pub use summary::{Listing, SeriesSummary, list, list_series};

/// Opens the chosen, or the best, stack of a folder, a DICOMDIR or a multi-frame file.
pub(in crate::format) fn open(
    path: &Path,
    options: &OpenOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Opened> {
    let chosen = Chosen::of(path, options)?;
    let mut warnings = chosen.warnings;
    let stack = chosen.stack;
    let (hu, padding) = decode(path, &stack, progress)?;
    let padding_share = padding as f64 / hu.len() as f64;
    let grid = stack.grid;
    let hu = match &stack.filling {
        Some(filling) => filling.apply(&hu, grid.shape()[1] * grid.shape()[2]),
        None => hu,
    };
    let mut volume = CtVolume::new(grid, hu)?;
    if options.straighten && grid.is_sheared() {
        volume = affine::resample(&volume, &affine::right_angled(&grid)?, Interpolation::Linear)?;
        warnings.push(warning::STRAIGHTENED.say(&[&format_args!("{:.2}", grid.shear_degrees())]));
    }
    let first = stack.first();
    let present = |uid: &String| Some(uid.clone()).filter(|uid| !uid.is_empty());
    let mut files: Vec<&Path> = stack.slices.iter().map(|slice| slice.file.as_path()).collect();
    files.sort_unstable();
    files.dedup();
    let origin = Origin {
        format: "DICOM series",
        study_instance_uid: present(&first.study_uid),
        series_instance_uid: present(&first.series_uid),
        file_stem: None,
        encoding: chosen.encoding,
        files: files.len(),
        slices: stack.slices.len(),
        padding_share,
        scan: facts::of(first),
    };
    Ok(Opened { volume, origin, warnings })
}

/// The stack to read, what to say of it, and what else is there.
struct Chosen {
    stack: Stack,
    encoding: String,
    warnings: Vec<String>,
    /// One file of every series.
    of_each_series: Vec<PathBuf>,
}

impl Chosen {
    fn of(path: &Path, options: &OpenOptions) -> Result<Self> {
        let contents = Contents::of(path, options)?;
        let (at, why) = match contents.choose(options) {
            Ok(choice) => choice,
            Err(error) => {
                // A damaged file may be the very slice that is missed.
                contents.scan.must_be_whole(path, "")?;
                return Err(error);
            }
        };
        contents.scan.must_be_whole(path, &contents.summaries[at].uid)?;
        let of_each_series = contents.scan.series.iter().map(|series| series.first().file.clone()).collect();
        let others = contents.parts.len() - 1;
        let from_folder = contents.warnings.clone();
        let (stack, summary) = contents.take(at)?;
        let mut warnings = stack.warnings.clone();
        warnings.extend(from_folder);
        if others > 0 {
            let number = summary.number;
            warnings.push(warning::SERIES_TAKEN.say(&[&number, &others, &why]));
        }
        Ok(Self { stack, encoding: summary.transfer_syntax, warnings, of_each_series })
    }
}

/// A slice of the taken series, without its pixels.
#[derive(Debug)]
pub(in crate::format::dicom) struct TakenSlice {
    pub(in crate::format::dicom) file: PathBuf,
    /// From 1, in a multi-frame object.
    pub(in crate::format::dicom) frame: Option<u32>,
    pub(in crate::format::dicom) position_mm: [f64; 3],
    /// The direction along a row (increasing column), then along a column (increasing row).
    pub(in crate::format::dicom) orientation: [f64; 6],
}

/// The series that [`open`] takes, without its pixels: what DICOM outputs refer to.
#[derive(Debug)]
pub(in crate::format::dicom) struct Taken {
    pub(in crate::format::dicom) grid: Grid,
    /// In the order of the grid; slice by slice unless `is_resampled`.
    pub(in crate::format::dicom) slices: Vec<TakenSlice>,
    /// One file of every series below the folder, to see their numbers.
    pub(in crate::format::dicom) headers: Vec<PathBuf>,
    /// Whether slices of the grid were invented, or shifted in their planes.
    pub(in crate::format::dicom) is_resampled: bool,
}

/// Chooses and checks as [`open`] does, and reads no pixels.
pub(in crate::format::dicom) fn take(path: &Path, options: &OpenOptions) -> Result<Taken> {
    let chosen = Chosen::of(path, options)?;
    let stack = chosen.stack;
    let is_straightened = options.straighten && stack.grid.is_sheared();
    let grid = if is_straightened { affine::right_angled(&stack.grid)? } else { stack.grid };
    let slices = stack.slices.iter().map(|slice| TakenSlice {
        file: slice.file.clone(),
        frame: slice.frame.and_then(|number| u32::try_from(number + 1).ok()),
        position_mm: slice.position_mm.unwrap_or([f64::NAN; 3]),
        orientation: slice.orientation.unwrap_or([f64::NAN; 6]),
    });
    let is_resampled = is_straightened || stack.filling.is_some();
    Ok(Taken { grid, slices: slices.collect(), headers: chosen.of_each_series, is_resampled })
}

/// Decodes all measured slices into one block; also counts padding voxels.
fn decode(path: &Path, stack: &Stack, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(Vec<f32>, usize)> {
    let [_, rows, columns] = stack.grid.shape();
    let slices = inflated(&stack.slices).map_err(|how| Error::invalid(path, how, "copy the file again"))?;
    let damaged = || {
        let problem = format!("{} slices of {rows} x {columns} do not fit into memory", slices.len());
        Error::invalid(path, problem, "a header may be damaged")
    };
    // The first slice shows whether the size is real, before memory is taken for all.
    let mut first = vec![0.0; rows * columns];
    let first_padding = pixel::read_slice(&slices[0], &mut first)?;
    let voxels = slices.len().checked_mul(rows * columns).ok_or_else(damaged)?;
    let mut hu: Vec<f32> = Vec::new();
    hu.try_reserve_exact(voxels).map_err(|_| damaged())?;
    hu.resize(voxels, 0.0);
    hu[..first.len()].copy_from_slice(&first);
    let done = AtomicUsize::new(0);
    progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices.len());
    let padding = hu
        .par_chunks_mut(rows * columns)
        .zip(slices.as_slice())
        .skip(1)
        .map(|(out, slice)| {
            let padding = pixel::read_slice(slice, out)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices.len());
            Ok(padding)
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok((hu, padding + first_padding))
}

/// The slices, with a deflated multi-frame object inflated once and not for every frame.
fn inflated(slices: &[SliceHeader]) -> std::result::Result<Vec<SliceHeader>, String> {
    let mut slices = slices.to_vec();
    let mut last: Option<(PathBuf, Arc<super::pixel_data::PixelData>)> = None;
    for slice in slices.iter_mut().filter(|slice| slice.frame.is_some()) {
        let Some(pixels) = &slice.pixel_data else { continue };
        let known = last.as_ref().filter(|(file, _)| *file == slice.file).map(|(_, pixels)| Arc::clone(pixels));
        let pixels = match known {
            Some(pixels) => pixels,
            None => Arc::new(pixels.inflated()?),
        };
        last = Some((slice.file.clone(), Arc::clone(&pixels)));
        slice.pixel_data = Some(pixels);
    }
    Ok(slices)
}

/// Opens a single file: an index or a multi-frame CT, or nothing that is a volume by itself.
pub(in crate::format) fn open_file(
    path: &Path,
    options: &OpenOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Opened> {
    if dicomdir::is_called_dicomdir(path) {
        return open(path, options, progress);
    }
    match scan::read_headers(path).map(|headers| headers.into_iter().next()) {
        Ok(Some(header)) if header.modality == "CT" && header.is_multi_frame() => open(path, options, progress),
        _ => Err(refuse_single_file(path)),
    }
}

/// The error for a single DICOM file that is no volume.
pub(in crate::format) fn refuse_single_file(path: &Path) -> Error {
    let hint = "give the folder that holds all slices of the series";
    match scan::read_headers(path) {
        Ok(headers) => match headers.first() {
            Some(header) => {
                let what = stack::object_name(&header.sop_class);
                Error::unsupported(path, format!("a single DICOM file: {what}"), hint)
            }
            None => Error::unsupported(path, "the index of a medium (DICOMDIR)", hint),
        },
        Err(unreadable) => unreadable.at(path),
    }
}
