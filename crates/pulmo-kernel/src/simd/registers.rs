//! The three innermost loops of the convolutions. Sums are kept in registers over runs of products, then added up.

#![allow(clippy::needless_range_loop, reason = "loops over constants unroll into registers; iterators may not")]

use super::{MAX_ROWS, Simd};

/// One kernel position of a tile's reduction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    /// Where its row masks lie in the tile's masks: depth, height, width.
    pub(crate) masks: [usize; 3],
    /// Floats from a row's base to the input voxel it reads through this tap.
    pub(crate) offset: isize,
}

/// A tile of output voxels (rows) times some vectors of output channels, over some taps and all input channels.
///
/// # Contract
/// `bases[row]` plus `offset` of every tap whose three masks have bit `row` set points at `depth` readable floats, as
/// `zeros` does; `panel` holds `taps * depth * vectors * LANES` floats; `sums` holds `rows * vectors * LANES` writable
/// floats; with `last`, `outputs[row]` points at `width <= vectors * LANES` writable floats that nobody else touches.
pub(crate) struct TileJob<'a> {
    pub(crate) bases: &'a [*const f32; MAX_ROWS],
    pub(crate) outputs: &'a [*mut f32; MAX_ROWS],
    pub(crate) masks: &'a [u16],
    pub(crate) taps: &'a [Tap],
    pub(crate) zeros: *const f32,
    pub(crate) depth: usize,
    pub(crate) panel: *const f32,
    /// Starting sums for all rows (`vectors * LANES` floats); null to go on from `sums`.
    pub(crate) start: *const f32,
    pub(crate) sums: *mut f32,
    /// Write the outputs instead of the sums.
    pub(crate) last: bool,
    pub(crate) width: usize,
}

/// Pointers of a tile's rows through one tap; rows outside the input read zeros.
///
/// # Safety
/// As [`TileJob`].
#[inline(always)]
unsafe fn row_pointers<const ROWS: usize>(
    (bases, zeros): (&[*const f32; MAX_ROWS], *const f32),
    mask: u32,
    offset: isize,
) -> [*const f32; ROWS] {
    let mut pointers = [zeros; ROWS];
    if mask == (1 << ROWS) - 1 {
        for row in 0..ROWS {
            pointers[row] = bases[row].wrapping_offset(offset);
        }
    } else {
        for row in 0..ROWS {
            if mask >> row & 1 == 1 {
                pointers[row] = bases[row].wrapping_offset(offset);
            }
        }
    }
    pointers
}

/// Products that are summed in registers before they are added to the sums in memory.
///
/// A sum of thousands of products one after the other loses bits to every one of them; short runs that are added up
/// keep float32 as close to the exact sum as the libraries that people compare with.
const RUN: usize = 64;

/// `memory += sums`, and the sums begin again at zero.
///
/// # Safety
/// `memory` holds `ROWS * VECTORS * LANES` floats.
#[inline(always)]
unsafe fn flush<S: Simd, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[S::Vector; VECTORS]; ROWS],
    memory: *mut f32,
) {
    for row in 0..ROWS {
        for vector in 0..VECTORS {
            // SAFETY: within what the caller grants.
            unsafe {
                let at = memory.add((row * VECTORS + vector) * S::LANES);
                S::store(at, S::add(S::load(at), sums[row][vector]));
                sums[row][vector] = S::zero();
            }
        }
    }
}

/// `sums[row][channel] += sum over taps and input channels of x * w`.
///
/// # Safety
/// The contract of [`TileJob`], with its numbers of rows and vectors equal to `ROWS` and `VECTORS`.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(job: &TileJob) {
    debug_assert!(job.width <= VECTORS * S::LANES);
    // SAFETY: every pointer is within what the contract of the job grants.
    unsafe {
        if !job.start.is_null() {
            for row in 0..ROWS {
                let to = job.sums.add(row * VECTORS * S::LANES);
                std::ptr::copy_nonoverlapping(job.start, to, VECTORS * S::LANES);
            }
        }
        let mut sums = [[S::zero(); VECTORS]; ROWS];
        let mut run = 0;
        for (index, tap) in job.taps.iter().enumerate() {
            let mask = job.masks[tap.masks[0]] & job.masks[tap.masks[1]] & job.masks[tap.masks[2]];
            if mask == 0 {
                continue;
            }
            // Where all rows lie inside, their pointers stay as they are and the offset goes to the index.
            let whole = u32::from(mask) == (1 << ROWS) - 1;
            let rows: &[*const f32; MAX_ROWS];
            let mut moved = [job.zeros; MAX_ROWS];
            let offset = if whole {
                rows = job.bases;
                tap.offset
            } else {
                let inside: [_; ROWS] = row_pointers((job.bases, job.zeros), u32::from(mask), tap.offset);
                moved[..ROWS].copy_from_slice(&inside);
                rows = &moved;
                0
            };
            let mut panel = job.panel.add(index * job.depth * VECTORS * S::LANES);
            let mut first = 0;
            while first < job.depth {
                let end = (first + RUN - run).min(job.depth);
                for channel in first..end {
                    let mut weights = [S::zero(); VECTORS];
                    for vector in 0..VECTORS {
                        weights[vector] = S::load(panel.add(vector * S::LANES));
                    }
                    for row in 0..ROWS {
                        let value = S::splat(rows[row].wrapping_offset(offset + channel as isize));
                        for vector in 0..VECTORS {
                            sums[row][vector] = S::multiply_add(value, weights[vector], sums[row][vector]);
                        }
                    }
                    panel = panel.add(VECTORS * S::LANES);
                }
                run += end - first;
                first = end;
                if run == RUN {
                    flush::<S, ROWS, VECTORS>(&mut sums, job.sums);
                    run = 0;
                }
            }
        }
        flush::<S, ROWS, VECTORS>(&mut sums, job.sums);
        if job.last {
            for row in 0..ROWS {
                let from = job.sums.add(row * VECTORS * S::LANES);
                std::ptr::copy_nonoverlapping(from, job.outputs[row], job.width);
            }
        }
    }
}

/// A tile of output voxels times few output channels, reduced along the input channels by whole vectors.
///
/// # Contract
/// As [`TileJob`], with `panel` holding `taps * DOTS * depth` floats, `depth` rounded up to whole vectors and the
/// excess zero; `start` holds `DOTS` floats; `outputs[row]` is good for `DOTS` floats.
pub(crate) struct DotJob<'a> {
    pub(crate) bases: &'a [*const f32; MAX_ROWS],
    pub(crate) outputs: &'a [*mut f32; MAX_ROWS],
    pub(crate) masks: &'a [u16],
    pub(crate) taps: &'a [Tap],
    pub(crate) zeros: *const f32,
    pub(crate) depth: usize,
    pub(crate) panel: *const f32,
    /// Null to go on from the outputs.
    pub(crate) start: *const f32,
    pub(crate) rows: usize,
}

/// Dot products of input voxels with the weights of `DOTS` output channels, `ROWS` voxels at a time.
///
/// # Safety
/// The contract of [`DotJob`].
#[inline(always)]
pub(crate) unsafe fn dot<S: Simd, const ROWS: usize, const DOTS: usize>(job: &DotJob) {
    let (full, rest) = (job.depth / S::LANES, job.depth % S::LANES);
    let padded = job.depth.div_ceil(S::LANES) * S::LANES;
    for first in (0..job.rows).step_by(ROWS) {
        let count = ROWS.min(job.rows - first);
        // SAFETY: every pointer is within what the contract of the job grants; rows beyond `count` read zeros.
        unsafe {
            let mut sums = [[S::zero(); DOTS]; ROWS];
            for (index, tap) in job.taps.iter().enumerate() {
                let mask = job.masks[tap.masks[0]] & job.masks[tap.masks[1]] & job.masks[tap.masks[2]];
                let mask = u32::from(mask) >> first & ((1 << count) - 1);
                if mask == 0 {
                    continue;
                }
                let mut rows = [job.zeros; ROWS];
                for row in 0..count {
                    if mask >> row & 1 == 1 {
                        rows[row] = job.bases[first + row].wrapping_offset(tap.offset);
                    }
                }
                let panel = job.panel.add(index * DOTS * padded);
                for vector in 0..full {
                    let at = vector * S::LANES;
                    for row in 0..ROWS {
                        let value = S::load(rows[row].add(at));
                        for channel in 0..DOTS {
                            let weights = S::load(panel.add(channel * padded + at));
                            sums[row][channel] = S::multiply_add(value, weights, sums[row][channel]);
                        }
                    }
                }
                if rest > 0 {
                    let at = full * S::LANES;
                    for row in 0..ROWS {
                        let value = S::load_first(rows[row].add(at), rest);
                        for channel in 0..DOTS {
                            let weights = S::load(panel.add(channel * padded + at));
                            sums[row][channel] = S::multiply_add(value, weights, sums[row][channel]);
                        }
                    }
                }
            }
            for row in 0..ROWS {
                for channel in 0..DOTS {
                    if row < count {
                        let output = job.outputs[first + row].add(channel);
                        let before = if job.start.is_null() { *output } else { *job.start.add(channel) };
                        output.write(S::sum(sums[row][channel]) + before);
                    }
                }
            }
        }
    }
}

/// Outer products of packed rows and packed vectors, summed over pairs of places.
///
/// # Contract
/// For every pair `(a, b)`, `rows` holds `ROWS` floats from `a * ROWS` and `columns` `VECTORS * LANES` floats from
/// `b * VECTORS * LANES`; `sums` holds `ROWS * VECTORS * LANES` writable floats.
pub(crate) struct OuterJob<'a> {
    pub(crate) rows: *const f32,
    pub(crate) columns: *const f32,
    pub(crate) pairs: &'a [[u32; 2]],
    pub(crate) sums: *mut f32,
}

/// `sums[row][column] += sum over pairs of rows[a][row] * columns[b][column]`.
///
/// # Safety
/// The contract of [`OuterJob`].
#[inline(always)]
pub(crate) unsafe fn outer<S: Simd, const ROWS: usize, const VECTORS: usize>(job: &OuterJob) {
    // SAFETY: every pointer is within what the contract of the job grants.
    unsafe {
        let mut sums = [[S::zero(); VECTORS]; ROWS];
        for &[a, b] in job.pairs {
            let rows = job.rows.add(a as usize * ROWS);
            let columns = job.columns.add(b as usize * VECTORS * S::LANES);
            let mut vectors = [S::zero(); VECTORS];
            for vector in 0..VECTORS {
                vectors[vector] = S::load(columns.add(vector * S::LANES));
            }
            for row in 0..ROWS {
                let value = S::splat(rows.add(row));
                for vector in 0..VECTORS {
                    sums[row][vector] = S::multiply_add(value, vectors[vector], sums[row][vector]);
                }
            }
        }
        flush::<S, ROWS, VECTORS>(&mut sums, job.sums);
    }
}
