//! How much memory a segmentation takes, and the window that keeps it within a limit.

use pulmo_ct::intensity::Intensity;
use pulmo_net::forecast::forecast;
use pulmo_net::{Error as NetError, Network, Precision, Purpose, Shape};

use crate::batch::Placement;
use crate::error::{Error, Result};
use crate::predict::Window;
use crate::recipe::{GridMode, Recipe, Voxels};
use crate::result::InferenceNote;

/// Bytes that the program takes beside network and volumes: its code, its threads with the buffers that kernels keep, a batch on its way.
///
/// Part of every predicted peak, of a training and of a segmentation.
pub const PROGRAM_BYTES: u64 = 112 << 20;

/// Overlap of the windows of a model that otherwise sees whole volumes.
const OVERLAP: f64 = 0.5;

/// The shortest window that is still worth a network's while, unless the recipe's is shorter: slices, rows, columns.
const SHORTEST: [usize; 3] = [8, 32, 32];

/// How a network goes over one CT, and what that takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// Its windows; one as large as the volume is the whole volume at once.
    pub window: Window,
    /// The window without a limit.
    pub unlimited: Window,
    /// The most that the program takes from here on, the reading of the CT left out.
    pub peak_bytes: u64,
    /// What network, parameters and kernels are held to; `None` without a limit.
    pub max_network_bytes: Option<u64>,
}

impl Course {
    /// Chooses the windows for a CT: the recipe's, or under a limit the largest that keep to it.
    ///
    /// A window is shortened along its longest axis, by the network's multiple at a time, until it fits: whole slices
    /// lose rows and columns before slices.
    ///
    /// # Errors
    /// [`Error::Net`] if the network cannot be built; [`Error::Run`] if no window fits, which names the smallest limit that
    /// would do.
    pub fn plan(recipe: &Recipe, placement: &Placement, voxels: Voxels, max_bytes: Option<u64>) -> Result<Self> {
        let volumes = Volumes { recipe, placement, voxels };
        let unlimited = window_of(&recipe.input.grid).fitted_to(placement.network.shape());
        let of = |window, network_bytes, max_network_bytes| Self {
            window,
            unlimited,
            peak_bytes: volumes.peak_bytes(window, network_bytes),
            max_network_bytes,
        };
        let Some(max_bytes) = max_bytes else {
            return Ok(of(unlimited, network_bytes(recipe, unlimited, None)?, None));
        };
        let windows = windows(recipe, unlimited)?;
        for &window in &windows {
            let Some(room) = max_bytes.checked_sub(PROGRAM_BYTES + volumes.beside_network(window)) else { continue };
            match network_bytes(recipe, window, Some(room)) {
                Ok(bytes) if volumes.peak_bytes(window, bytes) <= max_bytes => {
                    return Ok(of(window, bytes, Some(room)));
                }
                Ok(_) | Err(Error::Net(NetError::Memory { .. })) => {}
                Err(other) => return Err(other),
            }
        }
        let mut least = u64::MAX;
        for &window in &windows {
            if let Err(Error::Net(NetError::Memory { needed_bytes, .. })) = network_bytes(recipe, window, Some(0)) {
                least = least.min(volumes.peak_bytes(window, needed_bytes));
            }
        }
        Err(too_little(max_bytes, least, windows.last().map_or(unlimited, |window| *window)))
    }

    /// What a result says of it.
    #[must_use]
    pub fn note(&self, precision: Precision, max_bytes: Option<u64>) -> InferenceNote {
        InferenceNote {
            window: self.window.size,
            overlap: self.window.overlap,
            window_without_limit: self.unlimited.size,
            precision,
            max_bytes,
            predicted_peak_bytes: self.peak_bytes,
        }
    }
}

/// The windows that a recipe asks for.
#[must_use]
pub fn window_of(mode: &GridMode) -> Window {
    match *mode {
        GridMode::Whole { size } => Window { size, overlap: OVERLAP },
        GridMode::Patches { size, overlap, .. } => Window { size, overlap },
    }
}

/// Ever smaller windows, the first without regard to memory.
fn windows(recipe: &Recipe, unlimited: Window) -> Result<Vec<Window>> {
    let multiple = recipe.network.size_multiple()?;
    let asked = window_of(&recipe.input.grid);
    let mut windows = vec![unlimited];
    if asked != unlimited {
        windows.push(asked);
    }
    let mut size = asked.size;
    let shorter = |size: [usize; 3], axis: usize| (size[axis] - 1) / multiple[axis] * multiple[axis];
    loop {
        let can = |axis: &usize| shorter(size, *axis) >= SHORTEST[*axis].max(multiple[*axis]);
        let Some(axis) = (0..3).filter(can).max_by_key(|&axis| size[axis]) else { return Ok(windows) };
        size[axis] = shorter(size, axis);
        windows.push(Window { size, ..asked });
    }
}

/// Bytes of network, parameters and kernels.
fn network_bytes(recipe: &Recipe, window: Window, max_bytes: Option<u64>) -> Result<u64> {
    let shape = Shape { batch: 1, channels: recipe.network.input_channels, size: window.size };
    Ok(forecast(&recipe.network, shape, Purpose::Inference, recipe.training.precision, max_bytes)?.peak_bytes)
}

/// Everything of a segmentation that is no network.
struct Volumes<'a> {
    recipe: &'a Recipe,
    placement: &'a Placement,
    voxels: Voxels,
}

impl Volumes<'_> {
    /// The fullest of the stages: reading the model, preparing, network, restoring.
    fn peak_bytes(&self, window: Window, network_bytes: u64) -> u64 {
        let weights = parameter_bytes(&self.recipe.network);
        let stages = [
            2 * weights,
            weights + self.preparing(),
            network_bytes + self.beside_network(window),
            weights + self.restoring(),
        ];
        PROGRAM_BYTES + stages.into_iter().max().unwrap_or(0)
    }

    /// Bytes for the CT, the turned CT and what is made of it one after another; see [`crate::batch::prepare`].
    fn preparing(&self) -> u64 {
        let input = &self.recipe.input;
        let (intensity, slice_size) = input.appearance(self.voxels);
        let stored = self.placement.stored.voxels() as u64;
        let network = self.placement.network.voxels() as u64;
        let resized = slice_size.map(|[rows, columns]| (self.placement.oriented.shape()[0] * rows * columns) as u64);
        let oriented = resized.unwrap_or(stored);
        let of_slices = matches!(intensity, Intensity::SliceMinMaxClahe { .. });
        let is_moved = matches!(input.grid, GridMode::Patches { spacing_mm: None, .. });
        let resampled = if is_moved { oriented } else { oriented + network };
        let values = match intensity {
            Intensity::SliceMinMaxClahe { .. } => 0,
            Intensity::Histogram { .. } => 2 * network,
            _ => network,
        };
        // Slices that are resized or equalised are collected in pieces before they are one volume.
        let in_pieces = [resized.map_or(0, |resized| stored + 2 * resized), if of_slices { 3 * oriented } else { 0 }];
        4 * (stored + (resampled + values).max(in_pieces[0]).max(in_pieces[1]))
    }

    /// Bytes for the CT, its prepared volume, the probabilities and what goes into and comes out of the network.
    fn beside_network(&self, window: Window) -> u64 {
        let network = &self.recipe.network;
        let volume = self.placement.network.voxels();
        let probabilities = volume * (network.classes - 1);
        let in_window = window.size.iter().product::<usize>() * (1 + network.input_channels + network.classes);
        4 * (self.placement.stored.voxels() + volume + probabilities + in_window) as u64
    }

    /// Bytes for the CT, the probabilities, and the labels before and after their axes are turned back.
    fn restoring(&self) -> u64 {
        let stored = self.placement.stored.voxels() as u64;
        let probabilities = self.placement.network.voxels() * (self.recipe.network.classes - 1);
        4 * stored + 4 * probabilities as u64 + 2 * stored
    }
}

fn parameter_bytes(network: &Network) -> u64 {
    let shapes = network.parameter_shapes().unwrap_or_default();
    shapes.iter().map(|(_, shape)| 4 * shape.iter().product::<usize>() as u64).sum()
}

fn too_little(max_bytes: u64, least_bytes: u64, window: Window) -> Error {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let [slices, rows, columns] = window.size;
    Error::run(
        format!(
            "{} MiB are too little for this CT and model: {} MiB are needed, even with windows of {slices} x {rows} x {columns} voxels",
            max_bytes >> 20,
            mib(least_bytes)
        ),
        format!("this would do: --max-ram {}MiB", mib(least_bytes)),
    )
}

#[cfg(test)]
mod tests {
    use pulmo_ct::{Affine, Grid};

    use super::*;

    fn recipe(name: &str) -> Recipe {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name);
        Recipe::load(&path, &[]).unwrap()
    }

    fn placement(stored: [usize; 3], network: [usize; 3]) -> Placement {
        let affine = Affine { columns: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], origin_mm: [0.0; 3] };
        let [stored, network] = [stored, network].map(|shape| Grid::new(shape, affine).unwrap());
        Placement { stored, oriented: stored, network }
    }

    #[test]
    fn windows_lose_rows_and_columns_before_slices() {
        let sizes = |recipe: &Recipe| -> Vec<[usize; 3]> {
            windows(recipe, window_of(&recipe.input.grid)).unwrap().iter().map(|window| window.size).collect()
        };
        let paper = sizes(&recipe("paper.toml"));
        assert_eq!(paper[..4], [[20, 224, 224], [20, 224, 208], [20, 208, 208], [20, 208, 192]]);
        assert_eq!(paper.last(), Some(&[8, 32, 32]));
        assert!(paper.contains(&[20, 112, 112]));
        let small = sizes(&recipe("small_cpu.toml"));
        assert_eq!((small[0], small[1], small.last()), ([16, 128, 128], [16, 128, 120], Some(&[8, 32, 32])));
    }

    #[test]
    fn the_largest_window_within_the_limit_is_taken_or_the_least_limit_is_named() {
        let recipe = recipe("paper.toml");
        let placement = placement([40, 512, 512], [20, 224, 224]);
        let plan = |max_bytes| Course::plan(&recipe, &placement, Voxels::AsInTraining, max_bytes);
        let free = plan(None).unwrap();
        assert_eq!((free.window, free.max_network_bytes), (free.unlimited, None));
        // The largest limit that changes the window is less than what no limit takes: memory is given back first.
        let roomy = plan(Some(free.peak_bytes)).unwrap();
        assert_eq!(roomy.window, free.window);
        let Err(Error::Run { problem, hint }) = plan(Some(1 << 28)) else {
            panic!("256 MiB hold not even the weights")
        };
        assert!(problem.starts_with("256 MiB are too little"), "{problem}");
        let least: u64 = hint.trim_start_matches("this would do: --max-ram ").trim_end_matches("MiB").parse().unwrap();
        let mut before = 0;
        for max_bytes in (least..free.peak_bytes >> 20).step_by(100).map(|mib| mib << 20) {
            let limited = plan(Some(max_bytes)).unwrap();
            assert!(limited.peak_bytes <= max_bytes, "{limited:?} of {max_bytes}");
            let voxels = limited.window.size.iter().product();
            assert!(voxels >= before, "more memory, a smaller window: {limited:?}");
            before = voxels;
        }
        assert!(plan(Some((least - 1) << 20)).is_err(), "the least is the least");
    }
}
