//! Our side of the rows.

use std::path::Path;
use std::time::Instant;

use pulmo_ct::format::dicom::seg::{self, SegKind, Segment};
use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, SegmentMeaning, Settings, SourceSeries, Timestamp};
use pulmo_ct::format::{self, OpenOptions};
use pulmo_ct::resample::resample_ct;
use pulmo_ct::resample::spacing::{grid_with_spacing, labels_to_grid};
use pulmo_ct::{CtVolume, Error, Spacing};

/// The spacing to resample to, as in `rivals.py`.
const COARSE_MM: f64 = 1.5;

/// Does one row's work and prints its seconds, the process's peak and the sum that all tools must agree on.
pub(crate) fn work(row: &str, folder: &Path) -> Result<(), String> {
    let done = match row {
        "series-read" => read(folder),
        "nifti-read" => read(&folder.join("ct.nii.gz")),
        "nifti-write" => write(folder),
        "resample" => resample(folder),
        "labels-back" => labels_back(folder),
        "segmentation-write" => write_segmentation(folder),
        _ => return Err(format!("no row `{row}`")),
    };
    let (seconds, check) = done.map_err(|error| error.to_string())?;
    println!("seconds {seconds:.3}\npeak_mib {:.0}\ncheck {check}", peak_mib());
    Ok(())
}

/// The result of `work` and how long it took.
fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(f64, T), Error> {
    let start = Instant::now();
    let made = work()?;
    Ok((start.elapsed().as_secs_f64(), made))
}

fn total(volume: &CtVolume) -> f64 {
    volume.hu().iter().map(|hu| f64::from(*hu)).sum()
}

fn open(path: &Path) -> Result<CtVolume, Error> {
    Ok(format::open_ct(path, &OpenOptions::default())?.volume)
}

fn read(path: &Path) -> Result<(f64, String), Error> {
    let (seconds, volume) = timed(|| open(path))?;
    Ok((seconds, format!("{}", total(&volume))))
}

fn write(folder: &Path) -> Result<(f64, String), Error> {
    let (volume, target) = (open(&folder.join("ct.nii.gz"))?, folder.join("written-pulmo.nii.gz"));
    let (seconds, ()) = timed(|| format::write_volume(&target, &volume))?;
    Ok((seconds, target.metadata().map_or(0, |found| found.len()).to_string()))
}

fn resample(folder: &Path) -> Result<(f64, String), Error> {
    let volume = open(&folder.join("ct.nii.gz"))?;
    let spacing = Spacing::new([COARSE_MM; 3])?;
    let (seconds, made) = timed(|| resample_ct(&volume, spacing))?;
    let [slices, rows, columns] = made.grid().shape();
    Ok((seconds, format!("({columns}, {rows}, {slices}) {:.0}e6", total(&made) / 1e6)))
}

fn labels_back(folder: &Path) -> Result<(f64, String), Error> {
    let coarse = format::open_label_map(&folder.join("coarse.nii.gz"))?;
    let fine = *format::open_label_map(&folder.join("labels.nii.gz"))?.grid();
    let expected = grid_with_spacing(&fine, Spacing::new([COARSE_MM; 3])?)?;
    if expected.shape() != coarse.grid().shape() {
        return Err(Error::Value { problem: "the coarse label map is not on the grid of 1.5 mm".into() });
    }
    let (seconds, made) = timed(|| labels_to_grid(&coarse, &fine))?;
    Ok((seconds, made.labels().iter().map(|label| u64::from(*label)).sum::<u64>().to_string()))
}

fn write_segmentation(folder: &Path) -> Result<(f64, String), Error> {
    let (labels, target) = (format::open_label_map(&folder.join("labels.nii.gz"))?, folder.join("written-pulmo.dcm"));
    let settings = Settings {
        algorithm: Algorithm { name: "bench".into(), version: "1".into(), kind: AlgorithmKind::Automatic },
        created: Timestamp::from_environment()?,
        new_study: false,
    };
    let names = ["right_lung", "left_lung", "opacity"];
    let segments: Vec<Segment> = names
        .into_iter()
        .filter_map(SegmentMeaning::of)
        .zip(1..)
        .map(|(meaning, number)| Segment::of(number, meaning))
        .collect();
    let (seconds, ()) = timed(|| {
        let source = SourceSeries::open(&folder.join("dicom"), &OpenOptions::default())?;
        seg::write(&source, &labels, &segments, SegKind::Binary, &settings)?.write(&target)
    })?;
    let voxels = labels.labels().iter().filter(|label| **label > 0).count();
    Ok((seconds, voxels.to_string()))
}

/// The process's peak in MiB, as Linux counts it; NaN elsewhere.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}
