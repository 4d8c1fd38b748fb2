//! How much memory the kernels allocate.

use super::{Conv3d, passes, slabs, tiles, weights, winograd};
use crate::element::Element;
use crate::matrix;
use crate::simd::MAX_ROWS;

/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();
/// Slack for lists of tasks, tiles and line numbers, per thread.
const THREAD_SLACK: usize = 256 << 10;
/// Floats of the longest row of a tile, and of the longest vector.
const WIDTH: usize = 32;
const LANES: usize = 16;

impl Conv3d {
    /// Upper bound, in bytes, of what one call (forward or either gradient) on tensors of `E` has allocated at a time, with
    /// as many threads as the current pool has.
    pub fn scratch_bytes<E: Element>(&self) -> usize {
        if runs_on_tiles::<E>() {
            return matrix::scratch_bytes(self);
        }
        let threads = rayon::current_num_threads();
        let ordinary = passes::as_forward(self);
        let turned = ordinary.unwrap_or(*self);
        // What is not stored as float32 is widened whole where there are strides.
        let widened = ordinary.is_none() && E::PER_SCALAR > 1;
        let widened = if widened { (self.input_len() + self.output_len()) * FLOAT } else { 0 };
        let data_gradient = self.weight_len() * FLOAT + pass_bytes(&turned, threads) + widened;
        pass_bytes(self, threads).max(data_gradient).max(weight_gradient_bytes(self, threads))
    }

    /// The same for the forward call alone.
    pub fn forward_scratch_bytes<E: Element>(&self) -> usize {
        if runs_on_tiles::<E>() {
            return matrix::forward_scratch_bytes(self);
        }
        pass_bytes(self, rayon::current_num_threads())
    }
}

/// Whether calls on tensors of `E` are products of tiles.
fn runs_on_tiles<E: Element>() -> bool {
    E::PER_SCALAR > 1 && matrix::chosen().is_some()
}

/// Bytes of a pass: the planes of a slab, and the panel, sums and tiles of every thread.
fn pass_bytes(conv: &Conv3d, threads: usize) -> usize {
    if winograd::pays(conv) {
        return winograd::shared_bytes(conv) + threads * (winograd::thread_bytes(conv) + THREAD_SLACK);
    }
    let depth = conv.in_channels.max(conv.out_channels) * if passes::merges(conv) { conv.kernel[2] } else { 1 };
    let panel = tiles::PANEL_BYTES.max(depth * WIDTH * FLOAT) + conv.taps() * 4 * (depth + WIDTH) * FLOAT;
    let sums = 2 * tiles::TASK_TILES * MAX_ROWS * WIDTH * FLOAT;
    let tile = tiles::TASK_TILES * (512 + 4 * conv.kernel.iter().sum::<usize>());
    slabs::bytes(conv) + threads * (panel + sums + tile + THREAD_SLACK) + 128 * conv.taps()
}

/// Bytes of a weight gradient: the sums of all parts of space, and the packed lines of every thread.
fn weight_gradient_bytes(conv: &Conv3d, threads: usize) -> usize {
    let [depth, height, width] = conv.output();
    let filtered = winograd::pays(conv);
    let merged = if passes::merges(conv) && !filtered { conv.kernel[2] } else { 1 };
    // Strips of rows and vectors of columns are filled up; the few last channels may be rows of their own.
    let rows = conv.in_channels * merged + MAX_ROWS;
    let columns = conv.out_channels + LANES;
    // Six points instead of three taps.
    let taps = if filtered { 2 * conv.taps() } else { conv.taps() / merged };
    let sums = taps * rows * columns * FLOAT;
    let parts = weights::parts(conv.weight_len(), conv.batch * depth * height, width) + 1;
    let voxels = if filtered { weights::CHUNK_VOXELS_OF_POINTS } else { weights::CHUNK_VOXELS };
    let lines = (voxels / width.max(1)).max(1).min(conv.batch * depth * height);
    // Neighbouring output lines share most of their input lines, plane by plane.
    let planes = lines / height.max(1) + 2;
    let in_a_plane = lines * conv.stride[1] + planes * conv.kernel[1];
    let input_lines = (conv.kernel[0] * in_a_plane).min(conv.batch * conv.input[0] * conv.input[1]);
    let line = if merged > 1 { width } else { conv.input[2] };
    // A line's points are half as many again as its voxels.
    let packed = (input_lines * line * rows + lines * width * columns) * FLOAT * if filtered { 2 } else { 1 };
    let pairs = 2 * conv.taps() * lines * width * 2 * FLOAT;
    let slots = 2 * conv.batch * conv.input[0] * conv.input[1] * FLOAT + 32 * input_lines;
    parts * sums + threads * (2 * packed + pairs + slots + THREAD_SLACK)
}
