//! DICOM: a folder with the files of one CT series becomes one volume in HU.
//!
//! Four steps, one file each: `scan` reads the headers below a folder and groups them by series
//! (after `lengths` has checked that a file is as long as it says),
//! `stack` checks that the slices of a series form one grid, `codec` undoes the compression of a slice
//! and `pixel` turns it into HU. A series is refused rather than repaired: a missing slice, a tilted
//! gantry or unequal gaps would silently move voxels in space.
//!
//! Slices are sorted by position along the normal, never by name or InstanceNumber, and the distance
//! between them comes from their positions, never from SliceThickness. Agrees with SimpleITK's series
//! reader and pydicom except for padding, which here is air.

mod pixel;
mod scan;
mod stack;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::scan::{Scan, Series};
use self::stack::Stack;
pub(in crate::format::dicom) use self::stack::place_within_mm;
use super::codec;
use crate::error::{Error, Result};
use crate::format::{OpenOptions, Opened, Origin};
use crate::geometry::Grid;
use crate::volume::CtVolume;

/// One series of a folder as the user sees it before choosing. Holds no description and no name.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSummary {
    /// Place in the listing, from 1: by SeriesNumber, then SeriesInstanceUID.
    pub number: usize,
    /// SeriesInstanceUID; may be empty in files that were stripped of it.
    pub uid: String,
    /// Modality, for example `CT`.
    pub modality: String,
    /// How many files belong to it.
    pub slices: usize,
    /// Voxels along (slice, row, column), if the slices form a grid.
    pub shape: Option<[usize; 3]>,
    /// Distances along (slice, row, column) in mm, if the slices form a grid.
    pub spacing_mm: Option<[f64; 3]>,
    /// `axial`, `coronal`, `sagittal` or `oblique`, if the slices say how they lie.
    pub orientation: Option<&'static str>,
    /// The transfer syntax by name.
    pub transfer_syntax: String,
    /// Why the series cannot be taken as a CT volume; `None` if it can.
    pub refusal: Option<String>,
}

impl SeriesSummary {
    fn of(number: usize, series: &Series, stack: &stack::Outcome<'_>) -> Self {
        let first = series.first();
        let grid = stack.as_ref().ok().map(|stack| stack.grid);
        Self {
            number,
            uid: first.series_uid.clone(),
            modality: first.modality.clone(),
            slices: series.slices.len(),
            shape: grid.map(|grid| grid.shape()),
            spacing_mm: grid.map(|grid| grid.spacing().mm()),
            orientation: first.orientation.map(stack::orientation_name),
            transfer_syntax: codec::transfer_syntax_name(&first.transfer_syntax),
            refusal: stack.as_ref().err().map(|refusal| refusal.problem.clone()),
        }
    }

    /// One line of a listing.
    fn line(&self) -> String {
        let Self { number, modality, slices, uid, .. } = self;
        let what = match (&self.refusal, self.spacing_mm, self.orientation) {
            (Some(refusal), ..) => format!("cannot be taken: {refusal}"),
            (None, Some([apart, ..]), Some(orientation)) => format!("{apart:.3} mm apart, {orientation}"),
            _ => String::new(),
        };
        let uid = if uid.is_empty() { "without SeriesInstanceUID" } else { uid };
        format!("{number}: {modality}, {slices} slices, {what} ({uid})")
    }
}

/// Lists the series in a folder and those nested in it, whether they can be taken or not.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read, [`Error::Invalid`] if it holds no DICOM file.
pub fn list_series(folder: &Path) -> Result<Vec<SeriesSummary>> {
    let scan = scan::scan(folder)?;
    Ok(assess(&scan).into_iter().map(|(summary, _)| summary).collect())
}

fn assess(scan: &Scan) -> Vec<(SeriesSummary, stack::Outcome<'_>)> {
    let mut assessed = Vec::with_capacity(scan.series.len());
    for (at, series) in scan.series.iter().enumerate() {
        let stack = Stack::of(series);
        assessed.push((SeriesSummary::of(at + 1, series, &stack), stack));
    }
    assessed
}

/// Opens the chosen, or the only usable, series of a folder.
pub(in crate::format) fn open(
    folder: &Path,
    options: &OpenOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Opened> {
    let scan = scan::scan(folder)?;
    scan.must_be_undamaged()?;
    let mut assessed = assess(&scan);
    let at = choose(folder, options, &assessed)?;
    let others = assessed.len() - 1;
    let (summary, stack) = assessed.swap_remove(at);
    let stack = stack.map_err(|refusal| refusal.at(folder))?;

    let mut warnings = stack.warnings.clone();
    warnings.extend(scan.left_out_warning());
    if others > 0 {
        warnings.push(format!("series {} was taken; {others} other series were left out", summary.number));
    }
    let (hu, padding) = decode(folder, &stack, progress)?;
    let volume = CtVolume::new(stack.grid, hu)?;
    let first = stack.slices[0];
    let present = |uid: &String| Some(uid.clone()).filter(|uid| !uid.is_empty());
    let origin = Origin {
        format: "DICOM series",
        study_instance_uid: present(&first.study_uid),
        series_instance_uid: present(&first.series_uid),
        file_stem: None,
        encoding: summary.transfer_syntax,
        files: stack.slices.len(),
        slices: stack.slices.len(),
        padding_share: padding as f64 / volume.hu().len() as f64,
    };
    Ok(Opened { volume, origin, warnings })
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
    /// In the order of the grid.
    pub(in crate::format::dicom) slices: Vec<TakenSlice>,
    /// One file of every series below the folder, to see their numbers.
    pub(in crate::format::dicom) headers: Vec<PathBuf>,
}

/// Chooses and checks as [`open`] does, and reads no pixels.
pub(in crate::format::dicom) fn take(folder: &Path, options: &OpenOptions) -> Result<Taken> {
    let scan = scan::scan(folder)?;
    scan.must_be_undamaged()?;
    let mut assessed = assess(&scan);
    let at = choose(folder, options, &assessed)?;
    let stack = assessed.swap_remove(at).1.map_err(|refusal| refusal.at(folder))?;
    let slices = stack.slices.iter().map(|slice| TakenSlice {
        file: slice.file.clone(),
        frame: None,
        position_mm: slice.position_mm.unwrap_or([f64::NAN; 3]),
        orientation: slice.orientation.unwrap_or([f64::NAN; 6]),
    });
    let headers = scan.series.iter().map(|series| series.first().file.clone()).collect();
    Ok(Taken { grid: stack.grid, slices: slices.collect(), headers })
}

/// The place of the series to open.
fn choose(folder: &Path, options: &OpenOptions, series: &[(SeriesSummary, stack::Outcome<'_>)]) -> Result<usize> {
    let listing = || series.iter().map(|(summary, _)| summary.line()).collect::<Vec<_>>().join("; ");
    if let Some(wanted) = &options.series {
        let wanted = wanted.trim();
        let found = series.iter().position(|(s, _)| s.uid == wanted || s.number.to_string() == wanted);
        return found.ok_or_else(|| {
            let problem = format!("it holds no series `{wanted}`");
            Error::invalid(folder, problem, format!("it holds {}", listing()))
        });
    }
    let usable: Vec<usize> = (0..series.len()).filter(|&at| series[at].1.is_ok()).collect();
    match (usable.as_slice(), series.len()) {
        (&[only], _) => Ok(only),
        // The error of the only series says most.
        ([], 1) => Ok(0),
        ([], _) => {
            let problem = format!("none of its {} series is a CT that can be taken: {}", series.len(), listing());
            Err(Error::invalid(folder, problem, "give the folder of one CT series"))
        }
        (several, _) => {
            let problem = format!("{} of its series could be taken: {}", several.len(), listing());
            Err(Error::invalid(folder, problem, "choose one by its number or SeriesInstanceUID"))
        }
    }
}

/// Decodes all slices straight into the volume; also counts padding voxels.
fn decode(folder: &Path, stack: &Stack<'_>, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(Vec<f32>, usize)> {
    let [slices, rows, columns] = stack.grid.shape();
    let mut hu: Vec<f32> = Vec::new();
    hu.try_reserve_exact(stack.grid.voxels()).map_err(|_| {
        let problem = format!("{slices} slices of {rows} x {columns} do not fit into memory");
        Error::invalid(folder, problem, "a header may be damaged")
    })?;
    hu.resize(stack.grid.voxels(), 0.0);
    let done = AtomicUsize::new(0);
    let padding = hu
        .par_chunks_mut(rows * columns)
        .zip(&stack.slices)
        .map(|(out, slice)| {
            let padding = pixel::read_slice(slice, out)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices);
            Ok(padding)
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok((hu, padding))
}

/// The error for a single DICOM file, which is never a volume here.
pub(in crate::format) fn refuse_single_file(path: &Path) -> Error {
    match scan::read_header(path) {
        Ok(header) if header.is_multi_frame() => Error::unsupported(
            path,
            format!("an enhanced multi-frame object ({} frames)", header.frames),
            "export the series as single-frame CT images",
        ),
        _ => Error::unsupported(path, "a single DICOM file", "give the folder that holds all slices of the series"),
    }
}
