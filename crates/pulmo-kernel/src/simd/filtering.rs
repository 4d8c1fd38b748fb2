//! The transforms of Winograd's minimal filtering: four outputs of three taps by six products; along both axes of a plane,
//! sixteen outputs of nine taps by 36.
//!
//! With the points 0, ±a, ±b and infinity, `y = Aᵀ [(G w) ⊙ (Bᵀ x)]` for six inputs `x`, three weights `w` and four outputs
//! `y`. The points 21/32 and 25/16 keep all constants of `A` and `B` exact in float32 and lose little: along and across lines
//! an error of about four times that of the direct sum, half of what the usual 1 and 2 give.
//!
//! # References
//! Lavin and Gray 2016, "Fast algorithms for convolutional neural networks"; Barabasz et al. 2020, "Error analysis and
//! improving the accuracy of Winograd convolution for deep neural networks".

use super::{Simd, Stored};

/// Products of one step: the points, infinity included.
pub(crate) const POINTS: usize = 6;
/// Outputs of one step.
pub(crate) const OUTPUTS: usize = 4;

const A: f32 = 21.0 / 32.0;
const B: f32 = 25.0 / 16.0;
const A2: f32 = A * A;
const B2: f32 = B * B;
/// What the weights at ±a and at ±b are divided by.
const DIVISORS: [f64; 2] = [2.0 * (A2 as f64) * (A2 as f64 - B2 as f64), 2.0 * (B2 as f64) * (B2 as f64 - A2 as f64)];

/// `G`: the weights of each point as factors of the three taps.
pub(crate) const WEIGHTS: [[f64; 3]; POINTS] = {
    let (a, b) = (A as f64, B as f64);
    let [at_a, at_b] = DIVISORS;
    [
        [1.0 / (a * a * b * b), 0.0, 0.0],
        [1.0 / at_a, a / at_a, a * a / at_a],
        [1.0 / at_a, -a / at_a, a * a / at_a],
        [1.0 / at_b, b / at_b, b * b / at_b],
        [1.0 / at_b, -b / at_b, b * b / at_b],
        [0.0, 0.0, 1.0],
    ]
};

/// A run of voxels to be turned into points, channel by channel.
///
/// # Contract
/// `from` holds `channels` floats at every multiple of `voxel` below `steps * 4 + 2` voxels (inputs) or `steps * 4`
/// (output gradients); `to` is writable for `channels` floats at `point * point_pitch + step * step_pitch` for all six
/// points and all steps, and does not overlap `from`.
pub(crate) struct SpreadJob {
    pub(crate) from: *const f32,
    pub(crate) voxel: usize,
    pub(crate) channels: usize,
    pub(crate) steps: usize,
    pub(crate) to: *mut f32,
    pub(crate) point_pitch: usize,
    pub(crate) step_pitch: usize,
}

/// `Bᵀ` of six inputs.
#[inline(always)]
unsafe fn points_of_inputs<S: Simd>(x: [S::Vector; POINTS]) -> [S::Vector; POINTS] {
    // SAFETY: arithmetic only.
    unsafe {
        let (minus_a2, minus_b2) = (S::splat(&-A2), S::splat(&-B2));
        let (product, sum) = (S::splat(&(A2 * B2)), S::splat(&-(A2 + B2)));
        let even_a = S::multiply_add(minus_b2, x[2], x[4]);
        let odd_a = S::multiply_add(minus_b2, x[1], x[3]);
        let even_b = S::multiply_add(minus_a2, x[2], x[4]);
        let odd_b = S::multiply_add(minus_a2, x[1], x[3]);
        [
            S::multiply_add(product, x[0], S::multiply_add(sum, x[2], x[4])),
            S::multiply_add(S::splat(&A), odd_a, even_a),
            S::multiply_add(S::splat(&-A), odd_a, even_a),
            S::multiply_add(S::splat(&B), odd_b, even_b),
            S::multiply_add(S::splat(&-B), odd_b, even_b),
            S::multiply_add(product, x[1], S::multiply_add(sum, x[3], x[5])),
        ]
    }
}

/// `A` of four output gradients.
#[inline(always)]
unsafe fn points_of_gradients<S: Simd>(y: [S::Vector; OUTPUTS]) -> [S::Vector; POINTS] {
    // SAFETY: arithmetic only.
    unsafe {
        let even_a = S::multiply_add(S::splat(&A2), y[2], y[0]);
        let odd_a = S::multiply_add(S::splat(&A2), y[3], y[1]);
        let even_b = S::multiply_add(S::splat(&B2), y[2], y[0]);
        let odd_b = S::multiply_add(S::splat(&B2), y[3], y[1]);
        [
            y[0],
            S::multiply_add(S::splat(&A), odd_a, even_a),
            S::multiply_add(S::splat(&-A), odd_a, even_a),
            S::multiply_add(S::splat(&B), odd_b, even_b),
            S::multiply_add(S::splat(&-B), odd_b, even_b),
            y[3],
        ]
    }
}

/// `Aᵀ` of six sums.
#[inline(always)]
unsafe fn outputs_of_points<S: Simd>(m: [S::Vector; POINTS]) -> [S::Vector; OUTPUTS] {
    // SAFETY: arithmetic only.
    unsafe {
        let minus = S::splat(&-1.0);
        let (even_a, odd_a) = (S::add(m[1], m[2]), S::multiply_add(minus, m[2], m[1]));
        let (even_b, odd_b) = (S::add(m[3], m[4]), S::multiply_add(minus, m[4], m[3]));
        let scaled_odd_b = S::multiply_add(S::splat(&B), odd_b, S::zero());
        let scaled_even_b = S::multiply_add(S::splat(&B2), even_b, S::zero());
        [
            S::add(m[0], S::add(even_a, even_b)),
            S::multiply_add(S::splat(&A), odd_a, scaled_odd_b),
            S::multiply_add(S::splat(&A2), even_a, scaled_even_b),
            S::multiply_add(S::splat(&(A2 * A)), odd_a, S::multiply_add(S::splat(&(B2 * B)), odd_b, m[5])),
        ]
    }
}

/// Reads up to six voxels from `from` on, `count` floats of each, and turns them into points.
///
/// # Safety
/// As [`SpreadJob`]; `count` is at most `LANES`.
#[inline(always)]
unsafe fn points_at<S: Simd, const GRADIENTS: bool>(
    from: *const f32,
    voxel: usize,
    count: usize,
) -> [S::Vector; POINTS] {
    // SAFETY: the caller grants these voxels.
    unsafe {
        let mut x = [S::zero(); POINTS];
        let voxels = if GRADIENTS { OUTPUTS } else { POINTS };
        for (index, x) in x.iter_mut().enumerate().take(voxels) {
            let from = from.add(index * voxel);
            *x = if count == S::LANES { S::load(from) } else { S::load_first(from, count) };
        }
        if GRADIENTS { points_of_gradients::<S>([x[0], x[1], x[2], x[3]]) } else { points_of_inputs::<S>(x) }
    }
}

/// Turns every step's six inputs (or, with `GRADIENTS`, its four output gradients) into points.
///
/// # Safety
/// The contract of [`SpreadJob`].
#[inline(always)]
pub(crate) unsafe fn spread<S: Simd, const GRADIENTS: bool>(job: &SpreadJob) {
    for step in 0..job.steps {
        let mut at = 0;
        while at < job.channels {
            // SAFETY: every pointer is within what the contract of the job grants.
            unsafe {
                let from = job.from.add(step * OUTPUTS * job.voxel);
                let to = job.to.add(step * job.step_pitch);
                if job.channels < S::LANES {
                    let points = points_at::<S, GRADIENTS>(from, job.voxel, job.channels);
                    for (point, value) in points.into_iter().enumerate() {
                        f32::store::<S>(to.add(point * job.point_pitch), value, job.channels);
                    }
                } else {
                    // The last vector may overlap the one before: the same values are written twice.
                    at = at.min(job.channels - S::LANES);
                    let points = points_at::<S, GRADIENTS>(from.add(at), job.voxel, S::LANES);
                    for (point, value) in points.into_iter().enumerate() {
                        S::store(to.add(point * job.point_pitch + at), value);
                    }
                }
            }
            at += S::LANES;
        }
    }
}

/// The sums of one step's points, to be turned into outputs.
///
/// # Contract
/// `sums` holds `width` floats, rounded up to whole vectors, at every multiple of `point_pitch` below six, or 36 for a square;
/// `start` as many (added to every output, zeros if there is no bias); `to` is writable for `width` floats at every multiple of
/// `voxel` below `outputs`, for a square on each of its lines.
pub(crate) struct CollectJob<E> {
    pub(crate) sums: *const f32,
    pub(crate) point_pitch: usize,
    pub(crate) start: *const f32,
    pub(crate) to: *mut E,
    pub(crate) voxel: usize,
    pub(crate) outputs: usize,
    pub(crate) width: usize,
    /// For a square: how many lines it has, up to four, and the elements between them.
    pub(crate) lines: Option<(usize, usize)>,
}

/// Writes a step's outputs.
///
/// # Safety
/// The contract of [`CollectJob`].
#[inline(always)]
pub(crate) unsafe fn collect<S: Simd, E: Stored>(job: &CollectJob<E>) {
    let mut at = 0;
    while at < job.width {
        // SAFETY: every pointer is within what the contract of the job grants.
        unsafe {
            match job.lines {
                None => store_outputs::<S, E>(job, sums_at::<S, E>(job, 0, at), (0, at)),
                Some((lines, pitch)) => {
                    let mut across = [[S::zero(); POINTS]; OUTPUTS];
                    for along in 0..POINTS {
                        let outputs = outputs_of_points::<S>(sums_at::<S, E>(job, along * POINTS, at));
                        for (line, output) in across.iter_mut().zip(outputs) {
                            line[along] = output;
                        }
                    }
                    for (line, sums) in across.into_iter().enumerate().take(lines) {
                        store_outputs::<S, E>(job, sums, (line * pitch, at));
                    }
                }
            }
        }
        at += S::LANES;
    }
}

/// The sums of six points from `first` on, at one vector of channels.
///
/// # Safety
/// The contract of [`CollectJob`].
#[inline(always)]
unsafe fn sums_at<S: Simd, E>(job: &CollectJob<E>, first: usize, at: usize) -> [S::Vector; POINTS] {
    // SAFETY: the caller grants these sums.
    unsafe {
        let mut sums = [S::zero(); POINTS];
        for (point, sum) in sums.iter_mut().enumerate() {
            *sum = S::load(job.sums.add((first + point) * job.point_pitch + at));
        }
        sums
    }
}

/// Turns the sums of a line into outputs and writes them.
///
/// # Safety
/// The contract of [`CollectJob`].
#[inline(always)]
unsafe fn store_outputs<S: Simd, E: Stored>(
    job: &CollectJob<E>,
    sums: [S::Vector; POINTS],
    (line, at): (usize, usize),
) {
    // SAFETY: the caller grants these outputs.
    unsafe {
        let start = S::load(job.start.add(at));
        let outputs = outputs_of_points::<S>(sums);
        for (voxel, output) in outputs.into_iter().enumerate().take(job.outputs) {
            let to = job.to.add(line + voxel * job.voxel + at);
            // Twice, so that whole vectors are stored without counting.
            if at + S::LANES <= job.width {
                E::store::<S>(to, S::add(output, start), S::LANES);
            } else {
                E::store::<S>(to, S::add(output, start), job.width - at);
            }
        }
    }
}
