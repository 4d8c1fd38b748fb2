//! The library's front door: a CT in, a label map on the same grid and its volume in mL out.
//!
//! Stages: [`crate::batch::prepare`] (orientation, grid, intensities), the network over the whole volume or
//! window by window ([`crate::predict`]), probabilities back to the CT's own grid, labels. A model of two classes
//! marks what lies above its threshold, one of more classes gives each voxel the most probable one.

use std::time::Instant;

use pulmo_ct::orient::Turn;
use pulmo_ct::sentence::Sentence;
use pulmo_ct::{CtVolume, LabelMap};
use pulmo_net::{Precision, Session, Shape};

use crate::batch::{self, Placement};
use crate::error::{Error, Result};
use crate::memory::Course;
use crate::model::{Model, is_lung};
use crate::predict::{self, Axes, Block, Window};
use crate::recipe::Voxels;
use crate::result::{ClassVolume, InferenceNote, Infiltrate, Seconds, seconds};

/// Every warning of segmenting.
pub const WARNINGS: [Sentence; 3] = [NOTHING_FOUND, MUCH_FOUND, SMALLER_WINDOWS];
const NOTHING_FOUND: Sentence =
    Sentence::new("no infiltrate found: the mask is empty (highest probability of any voxel: {}); look at the CT");
const MUCH_FOUND: Sentence =
    Sentence::new("{} % of all voxels are marked, more than lungs usually fill; look at the mask");
const SMALLER_WINDOWS: Sentence = Sentence::new(
    "the network saw windows of {} voxels in place of {}, to keep to {} MiB of memory; without that limit the mask may \
     differ a little",
);

/// A CT whose lowest value lies above this holds no air, so it is not in HU.
const NO_AIR_ABOVE_HU: f32 = -500.0;

/// What was found in one CT.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// The model's classes, on exactly the CT's grid; with two classes 1 where there is infiltrate.
    pub labels: LabelMap,
    /// How much there is of the classes that are infiltrate (see [`crate::model::is_lung`]).
    pub infiltrate: Infiltrate,
    /// How much there is of each class but the background.
    pub classes: Vec<ClassVolume>,
    /// Whether `input.intensity_of_hu` was used in place of `input.intensity`.
    pub used_intensity_of_hu: bool,
    /// How the network went over the CT.
    pub inference: InferenceNote,
    /// Times of the stages done here; `read` and `write` are 0.
    pub seconds: Seconds,
    /// What a reader must know, one sentence each.
    pub warnings: Vec<String>,
    /// What the labels were made from.
    field: Field,
}

/// Probabilities on the network's grid, and the way back to the CT's.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    /// One block for each class but the background.
    probabilities: Vec<Block>,
    /// Which of them are infiltrate.
    infiltrate: Vec<bool>,
    placement: Placement,
    turn: Turn,
}

impl Segmentation {
    /// 1 where there is infiltrate of any class, on the CT's grid.
    #[must_use]
    pub fn infiltrate_mask(&self) -> LabelMap {
        self.mask(|class| self.field.infiltrate[class])
    }

    /// 1 where the model marks lung, infiltrate included, on the CT's grid; `None` if it knows no lung.
    #[must_use]
    pub fn lungs(&self) -> Option<LabelMap> {
        self.field.infiltrate.contains(&false).then(|| self.mask(|_| true))
    }

    /// 1 where `counts` is true of a voxel's class, counted from 0 without the background.
    fn mask(&self, counts: impl Fn(usize) -> bool) -> LabelMap {
        let chosen = |&label: &u8| u8::from(label > 0 && counts(usize::from(label) - 1));
        let labels = self.labels.labels().iter().map(chosen).collect();
        LabelMap::new(*self.labels.grid(), labels).unwrap_or_else(|_| unreachable!("as many labels as before"))
    }

    /// The probabilities of infiltrate in 255ths (0 to 255, rounded), one per voxel of the CT's own grid in C
    /// order (slice, row, column): trilinear from the network's grid, the same values that the labels were cut
    /// from. Several classes of infiltrate are added up.
    ///
    /// # Errors
    /// None in practice, as [`restore`].
    pub fn probabilities_255(&self) -> Result<Vec<u8>> {
        let Field { probabilities, infiltrate, placement, turn } = &self.field;
        let map = onto_stored(probabilities, placement, *turn, |classes| {
            let share: f32 = classes.iter().zip(infiltrate).filter(|(_, counts)| **counts).map(|(p, _)| p).sum();
            (share.clamp(0.0, 1.0) * 255.0).round() as u8
        })?;
        Ok(map.labels().to_vec())
    }
}

/// A model made ready to segment one CT after another.
pub struct Segmenter {
    /// Without its weights, which the session holds.
    model: Model,
    session: Session<f32>,
    max_bytes: Option<u64>,
}

impl std::fmt::Debug for Segmenter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Segmenter").field("recipe", &self.model.recipe.name).finish_non_exhaustive()
    }
}

impl Segmenter {
    /// Makes a model ready.
    ///
    /// # Errors
    /// [`Error::Net`] if the weights do not fit the network; [`Error::Run`] if none of its classes is infiltrate.
    pub fn new(mut model: Model, kernels: pulmo_kernel::Kernels) -> Result<Self> {
        if model.labels.iter().all(|name| is_lung(name)) {
            let problem = format!("the model marks {} only, so it finds no infiltrate", model.labels.join(", "));
            return Err(Error::run(problem, "take a model that was trained on masks of infiltrate"));
        }
        let mut session = Session::new(&model.recipe.network, &model.weights, kernels)?;
        session.set_precision(model.recipe.training.precision);
        model.weights.clear();
        Ok(Self { model, session, max_bytes: None })
    }

    /// Sets the most bytes that the program may take while it segments; `None` for no limit.
    ///
    /// Where they are too few for the recipe's windows, smaller ones are taken, which the result says; see [`Course::plan`].
    pub fn set_max_bytes(&mut self, max_bytes: Option<u64>) {
        self.max_bytes = max_bytes;
    }

    /// Holds activations in other numbers than the recipe says.
    pub fn set_precision(&mut self, precision: Precision) {
        self.model.recipe.training.precision = precision;
        self.session.set_precision(precision);
    }

    /// The model, without its weights.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Segments a CT; `done` is told how many of how many network inputs are finished.
    ///
    /// # Errors
    /// [`Error::Ct`] if the intensities cannot be prepared, [`Error::Net`] if the network cannot run on them,
    /// [`Error::Run`] if the memory limit is too low for any window.
    ///
    /// # Edge cases
    /// Nothing found is a result, with a warning. A CT of one slice is segmented like any other.
    pub fn segment(&mut self, ct: &CtVolume, mut done: impl FnMut(usize, usize)) -> Result<Segmentation> {
        let recipe = &self.model.recipe;
        let start = Instant::now();
        let used_intensity_of_hu = recipe.input.intensity_of_hu.is_some() && is_in_hu(ct);
        let voxels = if used_intensity_of_hu { Voxels::Hu } else { Voxels::AsInTraining };
        let prepared = batch::prepare(ct, None, &recipe.input, voxels, recipe.network.classes)?;
        let placement = prepared.placement;
        let course = Course::plan(recipe, &placement, voxels, self.max_bytes)?;
        self.session.set_max_bytes(course.max_network_bytes);
        let volume = Block::new(placement.network.shape(), prepared.values);
        let prepare = start.elapsed();

        let start = Instant::now();
        let probabilities = probabilities(&mut self.session, course.window, &volume, &mut done)?;
        self.session.free_activations();
        drop(volume);
        let network = start.elapsed();

        let start = Instant::now();
        let turn = Turn::to(recipe.input.orientation, &placement.stored);
        let labels = restore(&probabilities, &placement, turn, recipe.training.threshold as f32)?;
        let restore = start.elapsed();
        let classes: Vec<ClassVolume> =
            (1..).zip(&self.model.labels).map(|(v, n)| class_volume(&labels, v, n)).collect();
        let counts: Vec<bool> = self.model.labels.iter().map(|name| !is_lung(name)).collect();
        let voxels = classes.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(class, _)| class.voxels).sum();
        let infiltrate = Infiltrate {
            voxels,
            volume_ml: voxels as f64 * labels.grid().voxel_ml(),
            share_of_volume: voxels as f64 / labels.grid().voxels() as f64,
        };
        let inference = course.note(recipe.training.precision, self.max_bytes);
        let mut warnings = warnings(&infiltrate, &probabilities, &counts);
        warnings.extend(smaller_windows(&inference));
        let seconds = Seconds {
            prepare: seconds(prepare),
            network: seconds(network),
            restore: seconds(restore),
            ..Seconds::default()
        };
        let field = Field { probabilities, infiltrate: counts, placement, turn };
        Ok(Segmentation { labels, infiltrate, classes, used_intensity_of_hu, inference, seconds, warnings, field })
    }
}

fn class_volume(labels: &LabelMap, value: u8, name: &str) -> ClassVolume {
    let voxels = labels.count(value) as u64;
    ClassVolume { value, name: name.to_owned(), voxels, volume_ml: voxels as f64 * labels.grid().voxel_ml() }
}

/// Probabilities of a prepared volume on the network's grid: one block for each class but the background.
///
/// A window of the volume's shape is the whole volume at once; others slide over it.
///
/// # Errors
/// [`Error::Net`] if the network cannot run on an input of this size.
pub fn probabilities(
    session: &mut Session<f32>,
    window: Window,
    volume: &Block,
    done: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Block>> {
    let (channels, classes) = (session.network().input_channels, session.network().classes);
    let mut infer = |block: &Block| -> Result<Vec<f32>> {
        let shape = Shape { batch: 1, channels, size: block.shape };
        let logits = session.infer(shape, &batch::network_input(&[&block.values], channels))?;
        Ok(predict::foreground(&logits, classes))
    };
    if window.size != volume.shape {
        return predict::sliding_window(volume, window, infer, done);
    }
    let values = infer(volume)?;
    done(1, 1);
    Ok(values.chunks(volume.values.len()).map(|class| Block::new(volume.shape, class.to_vec())).collect())
}

/// Probabilities on the network's grid as labels on the grid the CT was read on.
///
/// Two classes: a voxel is infiltrate if its trilinear probability is above `threshold`. More: the class of the largest
/// trilinear probability, whatever the threshold.
///
/// `turn` is the one that led from `placement.stored` to `placement.oriented`.
///
/// # Errors
/// [`Error::Ct`] if the placement and the turn do not belong together.
pub fn restore(probabilities: &[Block], placement: &Placement, turn: Turn, threshold: f32) -> Result<LabelMap> {
    match probabilities.len() {
        1 => onto_stored(probabilities, placement, turn, |p| u8::from(p[0] > threshold)),
        _ => onto_stored(probabilities, placement, turn, predict::largest_class),
    }
}

/// One byte per voxel of the grid the CT was read on, from the trilinear probabilities of its classes.
fn onto_stored(
    probabilities: &[Block],
    placement: &Placement,
    turn: Turn,
    byte: impl Fn(&[f32]) -> u8 + Sync,
) -> Result<LabelMap> {
    let axes = Axes::between(&placement.network, &placement.oriented);
    let oriented = axes.interpolate(probabilities, placement.oriented.shape(), byte);
    Ok(turn.labels_back(&LabelMap::new(placement.oriented, oriented)?, &placement.stored)?)
}

/// Whether a CT holds air, as everything in HU does.
fn is_in_hu(ct: &CtVolume) -> bool {
    ct.hu().iter().any(|&hu| hu <= NO_AIR_ABOVE_HU)
}

fn warnings(infiltrate: &Infiltrate, probabilities: &[Block], counts: &[bool]) -> Vec<String> {
    let mut warnings = Vec::new();
    if infiltrate.voxels == 0 {
        let of_infiltrate = probabilities.iter().zip(counts).filter(|(_, counts)| **counts);
        let highest = of_infiltrate.flat_map(|(class, _)| &class.values).copied().fold(0.0, f32::max);
        warnings.push(NOTHING_FOUND.say(&[&format_args!("{highest:.3}")]));
    } else if infiltrate.share_of_volume > 0.25 {
        warnings.push(MUCH_FOUND.say(&[&format_args!("{:.0}", 100.0 * infiltrate.share_of_volume)]));
    }
    warnings
}

fn smaller_windows(inference: &InferenceNote) -> Option<String> {
    let InferenceNote { window, window_without_limit, max_bytes, .. } = inference;
    let voxels = |[slices, rows, columns]: [usize; 3]| format!("{slices} x {rows} x {columns}");
    let max_bytes = max_bytes.filter(|_| window != window_without_limit)?;
    Some(SMALLER_WINDOWS.say(&[&voxels(*window), &voxels(*window_without_limit), &(max_bytes >> 20)]))
}

#[cfg(test)]
mod tests {
    use pulmo_ct::orient::Orientation;
    use pulmo_ct::phantom::{PhantomOptions, thorax};
    use pulmo_ct::{Affine, Grid};

    use crate::model::Provenance;
    use crate::recipe::Recipe;

    use super::*;

    #[test]
    fn probabilities_become_labels_on_the_stored_grid() {
        let affine =
            |step| Affine { columns: [[0.0, 0.0, step], [0.0, step, 0.0], [step, 0.0, 0.0]], origin_mm: [0.0; 3] };
        let oriented = Grid::new([1, 1, 7], affine(1.0)).unwrap();
        // The file holds the columns from the patient's left.
        let columns = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]];
        let stored = Grid::new([1, 1, 7], Affine { columns, origin_mm: [6.0, 0.0, 0.0] }).unwrap();
        let turn = Turn::to(Orientation::Patient, &stored);
        let network = Grid::new([1, 1, 3], affine(3.0)).unwrap();
        let placement = Placement { stored, oriented, network };
        let labels = restore(&[Block::new([1, 1, 3], vec![0.0, 0.9, 0.3])], &placement, turn, 0.5).unwrap();
        // At 0, 0.3, 0.6, 0.9, 0.7, 0.5, 0.3 from the right, so 0.3 first in the file.
        assert_eq!(labels.labels(), [0, 0, 1, 1, 1, 0, 0]);
        assert_eq!(*labels.grid(), stored, "to the bit");
        let peak = [Block::new([1, 1, 3], vec![0.0, 1.0, 0.0])];
        let bytes = onto_stored(&peak, &placement, turn, |p| (p[0] * 255.0) as u8);
        assert_eq!(bytes.unwrap().labels()[3], 255, "the middle of the network's grid");
    }

    #[test]
    fn a_memory_limit_makes_windows_smaller_and_changes_the_mask_little() {
        const RECIPE: &str = r#"
name = "wide"
network = { architecture = "unet", input_channels = 1, classes = 2, widths = [8, 16] }
input.grid = { mode = "whole", size = [16, 96, 96] }
input.intensity = { kind = "window", center_hu = -450.0, width_hu = 1300.0 }
training.phase = [{ name = "one", epochs = 1, learning_rate = 1e-2 }]
"#;
        let options = PhantomOptions { shape: [16, 60, 60], spacing_mm: [16.0, 6.0, 6.0], ..PhantomOptions::seeded(3) };
        let ct = thorax(&options).unwrap().volume;
        let segmenter = |threshold: f64| {
            let mut recipe = Recipe::parse(RECIPE, "wide", &[]).unwrap();
            recipe.training.threshold = threshold;
            let weights = recipe.network.initial_weights(5).unwrap();
            let labels = vec!["infiltrate".to_owned()];
            let model = Model { recipe, labels, provenance: Provenance::default(), weights, sha256: String::new() };
            Segmenter::new(model, pulmo_kernel::Kernels::Fast).unwrap()
        };
        // A network that has learnt nothing marks half of the voxels if the threshold is the median.
        let mut shares = segmenter(0.5).segment(&ct, |_, _| {}).unwrap().probabilities_255().unwrap();
        shares.sort_unstable();
        let mut segmenter = segmenter(f64::from(shares[shares.len() / 2]) / 255.0);
        let free = segmenter.segment(&ct, |_, _| {}).unwrap();
        let share = free.infiltrate.share_of_volume;
        assert!((0.2..0.8).contains(&share), "{share}");
        let mut windows = 0;
        segmenter.set_max_bytes(Some(1 << 20));
        let Err(Error::Run { problem, hint }) = segmenter.segment(&ct, |_, _| {}) else {
            panic!("1 MiB is too little")
        };
        assert!(problem.starts_with("1 MiB are too little"), "{problem}");
        let least: u64 = hint.trim_start_matches("this would do: --max-ram ").trim_end_matches("MiB").parse().unwrap();
        let max_bytes = least << 20;
        segmenter.set_max_bytes(Some(max_bytes));
        let limited = segmenter.segment(&ct, |_, of| windows = of).unwrap();
        let note = limited.inference;
        assert!(note.window != [16, 96, 96] && note.window_without_limit == [16, 96, 96] && windows > 4, "{note:?}");
        assert!(note.predicted_peak_bytes <= max_bytes && max_bytes < free.inference.predicted_peak_bytes, "{note:?}");
        let warning = limited.warnings.iter().find_map(|warning| SMALLER_WINDOWS.values(warning)).unwrap();
        assert_eq!(warning[1..], ["16 x 96 x 96".to_owned(), least.to_string()]);
        assert!(free.warnings.iter().all(|warning| SMALLER_WINDOWS.values(warning).is_none()));
        let both = limited.labels.labels().iter().zip(free.labels.labels());
        let same = both.filter(|(a, b)| a == b).count() as f64 / ct.grid().voxels() as f64;
        // At the median as many voxels as can be lie close to the threshold, and a trained network's fewer.
        assert!((0.8..1.0).contains(&same), "{same} of the voxels alike");
    }

    #[test]
    fn an_empty_mask_is_never_silent() {
        let nothing = Infiltrate { voxels: 0, volume_ml: 0.0, share_of_volume: 0.0 };
        let classes = [Block::new([1, 1, 2], vec![0.9, 0.0]), Block::new([1, 1, 2], vec![0.1, 0.3])];
        let found = warnings(&nothing, &classes, &[false, true]);
        assert!(found[0].contains("no infiltrate found") && found[0].contains("0.300"), "{found:?}");
        let some = Infiltrate { voxels: 1, volume_ml: 0.1, share_of_volume: 0.01 };
        assert!(warnings(&some, &[Block::new([1, 1, 1], vec![0.9])], &[true]).is_empty());
    }
}
