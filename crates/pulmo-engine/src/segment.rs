//! The library's front door: a CT in, a label map on the same grid and its volume in mL out.
//!
//! Stages: [`crate::batch::prepare`] (orientation, grid, intensities), the network over the whole volume or
//! window by window ([`crate::predict`]), probabilities back to the CT's own grid, labels. A model of two classes
//! marks what lies above its threshold, one of more classes gives each voxel the most probable one.

use std::time::Instant;

use pulmo_ct::orient::Turn;
use pulmo_ct::sentence::Sentence;
use pulmo_ct::{CtVolume, LabelMap};
use pulmo_net::{Session, Shape};

use crate::batch::{self, Placement};
use crate::error::{Error, Result};
use crate::model::{Model, is_lung};
use crate::predict::{self, Axes, Block, Window};
use crate::recipe::{GridMode, Recipe, Voxels};
use crate::result::{ClassVolume, Infiltrate, Seconds, seconds};

/// Every warning of segmenting.
pub const WARNINGS: [Sentence; 2] = [NOTHING_FOUND, MUCH_FOUND];
const NOTHING_FOUND: Sentence =
    Sentence::new("no infiltrate found: the mask is empty (highest probability of any voxel: {}); look at the CT");
const MUCH_FOUND: Sentence =
    Sentence::new("{} % of all voxels are marked, more than lungs usually fill; look at the mask");

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
    model: Model,
    session: Session<f32>,
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
    pub fn new(model: Model, kernels: pulmo_kernel::Kernels) -> Result<Self> {
        if model.labels.iter().all(|name| is_lung(name)) {
            let problem = format!("the model marks {} only, so it finds no infiltrate", model.labels.join(", "));
            return Err(Error::run(problem, "take a model that was trained on masks of infiltrate"));
        }
        let session = Session::new(&model.recipe.network, &model.weights, kernels)?;
        Ok(Self { model, session })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Segments a CT; `done` is told how many of how many network inputs are finished.
    ///
    /// # Errors
    /// [`Error::Ct`] if the intensities cannot be prepared, [`Error::Net`] if the network cannot run on them.
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
        let volume = Block::new(placement.network.shape(), prepared.values);
        let prepare = start.elapsed();

        let start = Instant::now();
        let probabilities = probabilities(&mut self.session, recipe, &volume, &mut done)?;
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
        let warnings = warnings(&infiltrate, &probabilities, &counts);
        let seconds = Seconds {
            prepare: seconds(prepare),
            network: seconds(network),
            restore: seconds(restore),
            ..Seconds::default()
        };
        let field = Field { probabilities, infiltrate: counts, placement, turn };
        Ok(Segmentation { labels, infiltrate, classes, used_intensity_of_hu, seconds, warnings, field })
    }
}

fn class_volume(labels: &LabelMap, value: u8, name: &str) -> ClassVolume {
    let voxels = labels.count(value) as u64;
    ClassVolume { value, name: name.to_owned(), voxels, volume_ml: voxels as f64 * labels.grid().voxel_ml() }
}

/// Probabilities of a prepared volume on the network's grid, as the recipe asks for: one block for each class but
/// the background.
///
/// # Errors
/// [`Error::Net`] if the network cannot run on an input of this size.
pub fn probabilities(
    session: &mut Session<f32>,
    recipe: &Recipe,
    volume: &Block,
    done: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Block>> {
    let network = &recipe.network;
    let mut infer = |block: &Block| -> Result<Vec<f32>> {
        let shape = Shape { batch: 1, channels: network.input_channels, size: block.shape };
        let logits = session.infer(shape, &batch::network_input(&[&block.values], network.input_channels))?;
        Ok(predict::foreground(&logits, network.classes))
    };
    match recipe.input.grid {
        GridMode::Whole { .. } => {
            let values = infer(volume)?;
            done(1, 1);
            Ok(values.chunks(volume.values.len()).map(|class| Block::new(volume.shape, class.to_vec())).collect())
        }
        GridMode::Patches { size, overlap, .. } => {
            predict::sliding_window(volume, Window { size, overlap }.fitted_to(volume.shape), infer, done)
        }
    }
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

#[cfg(test)]
mod tests {
    use pulmo_ct::orient::Orientation;
    use pulmo_ct::{Affine, Grid};

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
    fn an_empty_mask_is_never_silent() {
        let nothing = Infiltrate { voxels: 0, volume_ml: 0.0, share_of_volume: 0.0 };
        let classes = [Block::new([1, 1, 2], vec![0.9, 0.0]), Block::new([1, 1, 2], vec![0.1, 0.3])];
        let found = warnings(&nothing, &classes, &[false, true]);
        assert!(found[0].contains("no infiltrate found") && found[0].contains("0.300"), "{found:?}");
        let some = Infiltrate { voxels: 1, volume_ml: 0.1, share_of_volume: 0.01 };
        assert!(warnings(&some, &[Block::new([1, 1, 1], vec![0.9])], &[true]).is_empty());
    }
}
