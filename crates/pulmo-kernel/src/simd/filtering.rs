//! The transforms of Winograd's minimal filtering, of inputs, output gradients and sums ([`super::filter`]).
//!
//! With `y = Aᵀ [(G w) ⊙ (Bᵀ x)]` for inputs `x`, three weights `w` and outputs `y`, along a line, or along and across lines. Points come in
//! pairs, so that what is even and what is odd in them is computed once for both.

use super::filter::{MOST_OUTPUTS, MOST_PAIRS, MOST_POINTS, Points};
use super::{Simd, Stored};

/// A run of voxels to be turned into points, channel by channel.
///
/// # Contract
/// `from` holds `channels` floats at every multiple of `voxel` below `steps` times the filter's outputs and, for inputs, two more;
/// `to` is writable for `channels` floats at `point * point_pitch + step * step_pitch` for all points and all steps, and does not
/// overlap `from`.
pub(crate) struct SpreadJob {
    pub(crate) from: *const f32,
    pub(crate) voxel: usize,
    pub(crate) channels: usize,
    pub(crate) steps: usize,
    pub(crate) to: *mut f32,
    pub(crate) point_pitch: usize,
    pub(crate) step_pitch: usize,
}

/// The vectors of a step's points, or of its outputs; zero behind the last.
type Vectors<S> = [<S as Simd>::Vector; MOST_POINTS];

/// Every second of `x` from `first` on times `factors`, and one more.
#[inline(always)]
unsafe fn every_second<S: Simd>(x: &Vectors<S>, first: usize, factors: &[f32]) -> S::Vector {
    // SAFETY: arithmetic only.
    unsafe {
        let mut sum = x[first + 2 * factors.len()];
        for power in (0..factors.len()).rev() {
            sum = S::multiply_add(S::splat(&factors[power]), x[first + 2 * power], sum);
        }
        sum
    }
}

/// `Bᵀ` of a step's inputs.
#[inline(always)]
unsafe fn points_of_inputs<S: Simd, P: Points>(x: &Vectors<S>) -> Vectors<S> {
    // SAFETY: arithmetic only.
    unsafe {
        let mut points = [S::zero(); MOST_POINTS];
        let pairs = P::PAIRS.len();
        points[0] = every_second::<S>(x, 0, &P::OF_ALL[..pairs]);
        for pair in 0..pairs {
            let even = every_second::<S>(x, 2, &P::OF_OTHERS[pair][..pairs - 1]);
            let odd = every_second::<S>(x, 1, &P::OF_OTHERS[pair][..pairs - 1]);
            points[1 + 2 * pair] = S::multiply_add(S::splat(&P::POWERS[pair][1]), odd, even);
            points[2 + 2 * pair] = S::multiply_add(S::splat(&-P::POWERS[pair][1]), odd, even);
        }
        if P::INFINITY {
            points[P::COUNT - 1] = every_second::<S>(x, 1, &P::OF_ALL[..pairs]);
        }
        points
    }
}

/// Every second of `y` from the `last` on down, as the factors of the powers of `square`.
#[inline(always)]
unsafe fn polynomial<S: Simd>(y: &Vectors<S>, last: usize, square: f32) -> S::Vector {
    // SAFETY: arithmetic only.
    unsafe {
        let mut sum = y[last];
        for below in (0..last / 2).rev() {
            sum = S::multiply_add(S::splat(&square), sum, y[2 * below + last % 2]);
        }
        sum
    }
}

/// `A` of a step's output gradients.
#[inline(always)]
unsafe fn points_of_gradients<S: Simd, P: Points>(y: &Vectors<S>) -> Vectors<S> {
    // SAFETY: arithmetic only.
    unsafe {
        let mut points = [S::zero(); MOST_POINTS];
        let last = P::OUTPUTS - 1;
        points[0] = y[0];
        for pair in 0..P::PAIRS.len() {
            let square = P::POWERS[pair][2];
            let even = polynomial::<S>(y, last - last % 2, square);
            let odd = polynomial::<S>(y, last - (last + 1) % 2, square);
            points[1 + 2 * pair] = S::multiply_add(S::splat(&P::POWERS[pair][1]), odd, even);
            points[2 + 2 * pair] = S::multiply_add(S::splat(&-P::POWERS[pair][1]), odd, even);
        }
        if P::INFINITY {
            points[P::COUNT - 1] = y[last];
        }
        points
    }
}

/// `Aᵀ` of the sums at a step's points.
#[inline(always)]
unsafe fn outputs_of_points<S: Simd, P: Points>(m: &Vectors<S>) -> Vectors<S> {
    // SAFETY: arithmetic only.
    unsafe {
        let pairs = P::PAIRS.len();
        let (mut even, mut odd) = ([S::zero(); MOST_PAIRS], [S::zero(); MOST_PAIRS]);
        for pair in 0..pairs {
            let (plus, minus) = (m[1 + 2 * pair], m[2 + 2 * pair]);
            even[pair] = S::add(plus, minus);
            odd[pair] = S::multiply_add(S::splat(&-1.0), minus, plus);
        }
        let mut outputs = [S::zero(); MOST_POINTS];
        outputs[0] = even[pairs - 1];
        for pair in (0..pairs - 1).rev() {
            outputs[0] = S::add(even[pair], outputs[0]);
        }
        outputs[0] = S::add(m[0], outputs[0]);
        for (output, to) in outputs.iter_mut().enumerate().take(P::OUTPUTS).skip(1) {
            let parts = if output % 2 == 0 { &even } else { &odd };
            let mut sum = if P::INFINITY && output + 1 == P::OUTPUTS { m[P::COUNT - 1] } else { S::zero() };
            for pair in (0..pairs).rev() {
                sum = S::multiply_add(S::splat(&P::POWERS[pair][output]), parts[pair], sum);
            }
            *to = sum;
        }
        outputs
    }
}

/// Reads the voxels of a step from `from` on, `count` floats of each, and turns them into points.
///
/// # Safety
/// As [`SpreadJob`]; `count` is at most `LANES`.
#[inline(always)]
unsafe fn points_at<S: Simd, P: Points, const GRADIENTS: bool>(
    from: *const f32,
    voxel: usize,
    count: usize,
) -> Vectors<S> {
    // SAFETY: the caller grants these voxels.
    unsafe {
        let mut x = [S::zero(); MOST_POINTS];
        let voxels = if GRADIENTS { P::OUTPUTS } else { P::COUNT };
        for (index, x) in x.iter_mut().enumerate().take(voxels) {
            let from = from.add(index * voxel);
            *x = if count == S::LANES { S::load(from) } else { S::load_first(from, count) };
        }
        if GRADIENTS { points_of_gradients::<S, P>(&x) } else { points_of_inputs::<S, P>(&x) }
    }
}

/// Turns every step's inputs (or, with `GRADIENTS`, its output gradients) into points.
///
/// # Safety
/// The contract of [`SpreadJob`].
#[inline(always)]
pub(crate) unsafe fn spread<S: Simd, P: Points, const GRADIENTS: bool>(job: &SpreadJob) {
    for step in 0..job.steps {
        let mut at = 0;
        while at < job.channels {
            // SAFETY: every pointer is within what the contract of the job grants.
            unsafe {
                let from = job.from.add(step * P::OUTPUTS * job.voxel);
                let to = job.to.add(step * job.step_pitch);
                if job.channels < S::LANES {
                    let points = points_at::<S, P, GRADIENTS>(from, job.voxel, job.channels);
                    for (point, value) in points.into_iter().enumerate().take(P::COUNT) {
                        f32::store::<S>(to.add(point * job.point_pitch), value, job.channels);
                    }
                } else {
                    // The last vector may overlap the one before: the same values are written twice.
                    at = at.min(job.channels - S::LANES);
                    let points = points_at::<S, P, GRADIENTS>(from.add(at), job.voxel, S::LANES);
                    for (point, value) in points.into_iter().enumerate().take(P::COUNT) {
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
/// `sums` holds `width` floats, rounded up to whole vectors, at every multiple of `point_pitch` below the filter's points, or their
/// square; `start` as many (added to every output, zeros if there is no bias); `to` is writable for `width` floats at every
/// multiple of `voxel` below `outputs`, for a square on each of its lines.
pub(crate) struct CollectJob<E> {
    pub(crate) sums: *const f32,
    pub(crate) point_pitch: usize,
    pub(crate) start: *const f32,
    pub(crate) to: *mut E,
    pub(crate) voxel: usize,
    pub(crate) outputs: usize,
    pub(crate) width: usize,
    /// For a square: how many lines it has, and the elements between them.
    pub(crate) lines: Option<(usize, usize)>,
}

/// Writes a step's outputs.
///
/// # Safety
/// The contract of [`CollectJob`].
#[inline(always)]
pub(crate) unsafe fn collect<S: Simd, P: Points, E: Stored>(job: &CollectJob<E>) {
    let mut at = 0;
    while at < job.width {
        // SAFETY: every pointer is within what the contract of the job grants.
        unsafe {
            match job.lines {
                None => store_outputs::<S, P, E>(job, &sums_at::<S, P, E>(job, 0, at), (0, at)),
                Some((lines, pitch)) => {
                    let mut across = [[S::zero(); MOST_POINTS]; MOST_OUTPUTS];
                    for along in 0..P::COUNT {
                        let outputs = outputs_of_points::<S, P>(&sums_at::<S, P, E>(job, along * P::COUNT, at));
                        for (line, output) in across.iter_mut().zip(outputs).take(P::OUTPUTS) {
                            line[along] = output;
                        }
                    }
                    for (line, sums) in across.iter().enumerate().take(lines) {
                        store_outputs::<S, P, E>(job, sums, (line * pitch, at));
                    }
                }
            }
        }
        at += S::LANES;
    }
}

/// The sums of a step's points from `first` on, at one vector of channels.
///
/// # Safety
/// The contract of [`CollectJob`].
#[inline(always)]
unsafe fn sums_at<S: Simd, P: Points, E>(job: &CollectJob<E>, first: usize, at: usize) -> Vectors<S> {
    // SAFETY: the caller grants these sums.
    unsafe {
        let mut sums = [S::zero(); MOST_POINTS];
        for (point, sum) in sums.iter_mut().enumerate().take(P::COUNT) {
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
unsafe fn store_outputs<S: Simd, P: Points, E: Stored>(
    job: &CollectJob<E>,
    sums: &Vectors<S>,
    (line, at): (usize, usize),
) {
    // SAFETY: the caller grants these outputs.
    unsafe {
        let start = S::load(job.start.add(at));
        let outputs = outputs_of_points::<S, P>(sums);
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
