//! The fingerprint of a data set: how its spacings, shapes, intensities and volumes are distributed.
//!
//! One CT is in memory at a time, whatever the number of cases.

use std::collections::BTreeMap;

use serde::Serialize;

use super::import::is_lung;
use super::list::{Case, DataList, LabelValue, Split};
use crate::error::Result;
use crate::format::{OpenOptions, open_ct, open_label_map};

/// Five numbers of a distribution, and how many values there are.
///
/// Quantiles are linear between values, as NumPy's are by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// The least.
    pub minimum: f64,
    /// A quarter lies below.
    pub lower_quartile: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub upper_quartile: f64,
    /// The largest.
    pub maximum: f64,
    /// The arithmetic mean.
    pub mean: f64,
}

impl Summary {
    /// Of any values; zeros for none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            count: sorted.len(),
            minimum: sorted[0],
            lower_quartile: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            upper_quartile: quantile(&sorted, 0.75),
            maximum: sorted[sorted.len() - 1],
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
        }
    }
}

/// The value below which a part of sorted values lies, linear between two of them.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// What was measured on one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseFigures {
    /// The case.
    pub name: String,
    /// What it is for.
    pub split: Split,
    /// Its site, if it is known.
    pub site: String,
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// Distances of voxel centres along (slice, row, column) in mm.
    pub spacing_mm: [f64; 3],
    /// Extent along (slice, row, column) in mm.
    pub size_mm: [f64; 3],
    /// Values (HU, or greys) below which 0.5, 50 and 99.5 per cent of all voxels lie.
    pub intensity: [f64; 3],
    /// The same of the voxels of infiltrates; `None` without any.
    pub infiltrate_intensity: Option<[f64; 3]>,
    /// Volume of infiltrates (all labels that are no lung) in mL.
    pub infiltrate_ml: f64,
    /// Volume of the lungs in mL, if there is a label map of them.
    pub lung_ml: Option<f64>,
}

/// The whole fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fingerprint {
    /// The data set.
    pub name: String,
    /// Cases measured.
    pub cases: usize,
    /// Different patients.
    pub patients: usize,
    /// Cases by site; empty name for unknown.
    pub sites: BTreeMap<String, usize>,
    /// Cases by split.
    pub splits: BTreeMap<&'static str, usize>,
    /// Spacing along (slice, row, column) in mm.
    pub spacing_mm: [Summary; 3],
    /// Voxels along (slice, row, column).
    pub shape: [Summary; 3],
    /// Infiltrates in mL, over all cases.
    pub infiltrate_ml: Summary,
    /// Cases without infiltrates.
    pub without_infiltrate: usize,
    /// Median intensity of infiltrates, over the cases that have some.
    pub infiltrate_median: Summary,
    /// Values below which 0.5 and 99.5 per cent of the infiltrates' voxels of all cases lie, and their mean and
    /// standard deviation: what nnU-Net clips and normalises by.
    pub foreground: Option<Foreground>,
    /// Each case.
    pub figures: Vec<CaseFigures>,
    /// Cases that could not be opened, and why.
    pub failed: Vec<(String, String)>,
}

/// Intensities of all voxels of infiltrates together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Foreground {
    /// How many voxels.
    pub voxels: u64,
    /// 0.5 per cent lie below.
    pub percentile_00_5: f64,
    /// 99.5 per cent lie below.
    pub percentile_99_5: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub standard_deviation: f64,
}

/// The lowest value that has a bin of its own.
const LOWEST: i32 = -4096;
/// How many bins of one unit there are.
const BINS: usize = 16384;

/// Counts of values in steps of one, from -4096 to 12287; what lies beyond goes to the ends.
#[derive(Debug, Clone)]
struct Histogram {
    bins: Vec<u64>,
}

impl Histogram {
    fn new() -> Self {
        Self { bins: vec![0; BINS] }
    }

    fn add(&mut self, value: f32) {
        let bin = (value.round() as i64 - i64::from(LOWEST)).clamp(0, BINS as i64 - 1);
        self.bins[bin as usize] += 1;
    }

    fn join(&mut self, other: &Self) {
        self.bins.iter_mut().zip(&other.bins).for_each(|(a, b)| *a += b);
    }

    fn count(&self) -> u64 {
        self.bins.iter().sum()
    }

    /// The value that at least `part` of the values do not exceed.
    fn percentile(&self, part: f64) -> f64 {
        let wanted = (part * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bin = self.bins.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        f64::from(LOWEST) + bin.unwrap_or(0) as f64
    }

    fn three(&self) -> Option<[f64; 3]> {
        (self.count() > 0).then(|| [0.005, 0.5, 0.995].map(|part| self.percentile(part)))
    }

    fn foreground(&self) -> Option<Foreground> {
        let voxels = self.count();
        if voxels == 0 {
            return None;
        }
        let values = || self.bins.iter().enumerate().map(|(bin, &n)| (f64::from(LOWEST) + bin as f64, n as f64));
        let mean = values().map(|(value, n)| value * n).sum::<f64>() / voxels as f64;
        let variance = values().map(|(value, n)| (value - mean).powi(2) * n).sum::<f64>() / voxels as f64;
        Some(Foreground {
            voxels,
            percentile_00_5: self.percentile(0.005),
            percentile_99_5: self.percentile(0.995),
            mean,
            standard_deviation: variance.sqrt(),
        })
    }
}

/// Measures every case, one after the other; a case that cannot be opened is listed.
pub fn fingerprint(list: &DataList, progress: &dyn Fn(usize, usize)) -> Fingerprint {
    let mut all = Histogram::new();
    let (mut figures, mut failed) = (Vec::with_capacity(list.cases.len()), Vec::new());
    for (done, case) in list.cases.iter().enumerate() {
        progress(done, list.cases.len());
        match measure(case, &list.labels, &mut all) {
            Ok(one) => figures.push(one),
            Err(error) => failed.push((case.name.clone(), error.to_string())),
        }
    }
    let mut sites: BTreeMap<String, usize> = BTreeMap::new();
    let mut splits: BTreeMap<&'static str, usize> = BTreeMap::new();
    for one in &figures {
        *sites.entry(one.site.clone()).or_default() += 1;
        *splits.entry(one.split.name()).or_default() += 1;
    }
    let patients: std::collections::BTreeSet<&str> = list.cases.iter().map(|case| case.patient.as_str()).collect();
    let along = |value: &dyn Fn(&CaseFigures) -> f64| Summary::of(&figures.iter().map(value).collect::<Vec<_>>());
    let medians: Vec<f64> = figures.iter().filter_map(|one| Some(one.infiltrate_intensity?[1])).collect();
    Fingerprint {
        name: list.name.clone(),
        cases: figures.len(),
        patients: patients.len(),
        sites,
        splits,
        spacing_mm: std::array::from_fn(|axis| along(&|one| one.spacing_mm[axis])),
        shape: std::array::from_fn(|axis| along(&|one| one.shape[axis] as f64)),
        infiltrate_ml: along(&|one| one.infiltrate_ml),
        without_infiltrate: figures.iter().filter(|one| one.infiltrate_ml == 0.0).count(),
        infiltrate_median: Summary::of(&medians),
        foreground: all.foreground(),
        figures,
        failed,
    }
}

fn measure(case: &Case, labels: &BTreeMap<LabelValue, String>, all: &mut Histogram) -> Result<CaseFigures> {
    let options = OpenOptions { known_not_hu: true, ..OpenOptions::default() };
    let opened = open_ct(&case.image, &options)?;
    let mask = open_label_map(&case.labels)?;
    let grid = *opened.volume.grid();
    grid.must_equal(mask.grid())?;
    let is_infiltrate: Vec<bool> =
        (0..=255).map(|value| labels.get(&LabelValue(value)).is_some_and(|name| !is_lung(name))).collect();
    let (mut body, mut inside) = (Histogram::new(), Histogram::new());
    for (&hu, &label) in opened.volume.hu().iter().zip(mask.labels()) {
        body.add(hu);
        if is_infiltrate[usize::from(label)] {
            inside.add(hu);
        }
    }
    all.join(&inside);
    drop((opened, mask));
    let lung_ml = case
        .lungs
        .as_ref()
        .map(|lungs| open_label_map(lungs))
        .transpose()?
        .map(|lungs| lungs.labels().iter().filter(|&&label| label != 0).count() as f64 * lungs.grid().voxel_ml());
    let (shape, spacing_mm) = (grid.shape(), grid.spacing().mm());
    Ok(CaseFigures {
        name: case.name.clone(),
        split: case.split,
        site: case.site.clone(),
        shape,
        spacing_mm,
        size_mm: std::array::from_fn(|axis| shape[axis] as f64 * spacing_mm[axis]),
        intensity: body.three().unwrap_or_default(),
        infiltrate_intensity: inside.three(),
        infiltrate_ml: inside.count() as f64 * grid.voxel_ml(),
        lung_ml,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_those_of_numpy() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!((summary.minimum, summary.maximum, summary.mean), (1.0, 4.0, 2.5));
        assert_eq!((summary.lower_quartile, summary.median, summary.upper_quartile), (1.75, 2.5, 3.25));
        assert_eq!(Summary::of(&[]).count, 0);
        assert_eq!(Summary::of(&[7.0]).upper_quartile, 7.0);
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.three(), None);
        (0..1000).for_each(|value| histogram.add(value as f32 - 500.0));
        assert_eq!(histogram.three(), Some([-496.0, -1.0, 494.0]));
        histogram.add(-1e9);
        histogram.add(1e9);
        assert_eq!(histogram.percentile(1.0), f64::from(LOWEST) + BINS as f64 - 1.0);
        let foreground = histogram.foreground().unwrap();
        assert_eq!(foreground.voxels, 1002);
    }
}
