//! The passes over a lattice: along rows and columns of each slice, then along the slices.

use std::ops::Range;

use rayon::prelude::*;

use super::Lattice;
use super::envelope::{Envelope, Site};

/// Columns that are worked on together, so that each cache line is fetched once.
const BLOCK: usize = 16;
/// Rows whose results wait together before they are written into the slices.
const BAND: usize = 32;
/// No site in this row.
const NONE: u16 = u16::MAX;

/// The nearest site of the voxel's own slice: 0 if the slice has none, else 1 + (rows away · 2¹⁶ + columns away).
type Steps = u32;

fn pack(rows: u32, columns: u32) -> Steps {
    (rows << 16 | columns) + 1
}

fn unpack(steps: Steps) -> [u32; 2] {
    [(steps - 1) >> 16, (steps - 1) & 0xFFFF]
}

/// What a thread works with in a slice.
struct Scratch {
    sites: Vec<bool>,
    /// Columns to the nearest site of the row.
    along_row: Vec<u16>,
    /// The same of a block of columns, and what was found there: column by column.
    near: Vec<u16>,
    found: Vec<Steps>,
    envelope: Envelope,
}

/// Finds for each voxel the nearest site of its slice; `paint` writes the sites of a slice over what is there.
pub(super) fn in_slices(lattice: &Lattice, paint: impl Fn(usize, &mut [bool]) + Sync) -> Vec<Steps> {
    let [_, rows, columns] = lattice.shape;
    let plane = rows * columns;
    let mut steps = vec![0; lattice.voxels()];
    let scratch = || Scratch {
        sites: vec![false; plane],
        along_row: vec![NONE; plane],
        near: vec![NONE; BLOCK * rows],
        found: vec![0; BLOCK * rows],
        envelope: Envelope::default(),
    };
    steps.par_chunks_exact_mut(plane).enumerate().for_each_init(scratch, |scratch, (slice, out)| {
        paint(slice, &mut scratch.sites);
        let mut filled = Vec::new();
        let in_rows = scratch.sites.chunks_exact(columns).zip(scratch.along_row.chunks_exact_mut(columns));
        for (row, (sites, away)) in in_rows.enumerate() {
            if nearest_in_row(sites, away) {
                filled.push(row);
            }
        }
        if !filled.is_empty() {
            for start in (0..columns).step_by(BLOCK) {
                along_columns(lattice, &filled, start..columns.min(start + BLOCK), (&mut *scratch, &mut *out));
            }
        }
    });
    steps
}

/// Squared distance in mm² to the nearest site of one slice, C order; infinite without a site.
pub(crate) fn squared_in_slice([rows, columns]: [usize; 2], spacing_mm: [f64; 2], sites: &[bool]) -> Vec<f32> {
    let lattice = Lattice { shape: [1, rows, columns], spacing_mm: [1.0, spacing_mm[0], spacing_mm[1]] };
    let steps = in_slices(&lattice, |_, slice| slice.copy_from_slice(sites));
    let squared = |steps: Steps| {
        if steps == 0 {
            return f32::INFINITY;
        }
        let [down, across] = unpack(steps).map(f64::from);
        let (down, across) = (down * spacing_mm[0], across * spacing_mm[1]);
        (down * down + across * across) as f32
    };
    steps.into_iter().map(squared).collect()
}

/// Steps to the nearest site of a row; false if it has none (`away` is then not written).
fn nearest_in_row(sites: &[bool], away: &mut [u16]) -> bool {
    let Some(first) = sites.iter().position(|&site| site) else { return false };
    // Everything left of the first site counts down to it; from there on, up from the last one seen.
    for (column, away) in away[..first].iter_mut().enumerate() {
        *away = (first - column) as u16;
    }
    let mut steps = 0;
    for (away, &site) in away[first..].iter_mut().zip(&sites[first..]) {
        steps = if site { 0 } else { steps + 1 };
        *away = steps;
    }
    let mut steps = NONE;
    for (away, &site) in away.iter_mut().zip(sites).rev() {
        steps = if site { 0 } else { steps.saturating_add(1) };
        *away = steps.min(*away);
    }
    true
}

/// From the nearest in each of the rows `filled` to the nearest in the slice, for a block of columns.
fn along_columns(
    lattice: &Lattice,
    filled: &[usize],
    block: Range<usize>,
    (scratch, out): (&mut Scratch, &mut [Steps]),
) {
    let [_, rows, columns] = lattice.shape;
    let [_, between_rows, between_columns] = lattice.spacing_mm;
    let Scratch { along_row, near, found, envelope, .. } = scratch;
    for (k, &row) in filled.iter().enumerate() {
        let in_row = &along_row[row * columns..(row + 1) * columns];
        in_row[block.clone()].iter().enumerate().for_each(|(column, &away)| near[column * rows + k] = away);
    }
    for column in 0..block.len() {
        envelope.clear();
        for (&row, &away) in filled.iter().zip(&near[column * rows..]) {
            let off = f64::from(away) * between_columns;
            envelope.push(Site {
                at: row as f64 * between_rows,
                height: off * off,
                key: u32::from(away),
                index: row as u32,
            });
        }
        let mut walk = envelope.walk();
        for (row, found) in found[column * rows..(column + 1) * rows].iter_mut().enumerate() {
            let site = walk.nearest(row as f64 * between_rows);
            *found = pack(site.index.abs_diff(row as u32), site.key);
        }
    }
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        let out = out[block.clone()].iter_mut().enumerate();
        out.for_each(|(column, out)| *out = found[column * rows + row]);
    }
}

/// The distance at every voxel, each turned into what is kept of it.
pub(super) fn everywhere<T: Copy + Send + Sync>(
    lattice: &Lattice,
    steps: &[Steps],
    keep: impl Fn(f64) -> T + Sync,
) -> Vec<T> {
    let [slices, rows, columns] = lattice.shape;
    let mut out = vec![keep(f64::INFINITY); lattice.voxels()];
    let in_row = |row: usize| {
        let mut found = vec![keep(f64::INFINITY); slices * columns];
        let mut lines = Lines::default();
        for start in (0..columns).step_by(BLOCK) {
            lines.gather(lattice, steps, row, start..columns.min(start + BLOCK));
            for column in start..columns.min(start + BLOCK) {
                if !lines.through_slices(lattice, column) {
                    continue;
                }
                let mut walk = lines.envelope.walk();
                for slice in 0..slices {
                    let site = walk.nearest(slice as f64 * lattice.spacing_mm[0]);
                    found[slice * columns + column] = keep(distance_mm(lattice, site, slice));
                }
            }
        }
        found
    };
    for start in (0..rows).step_by(BAND) {
        let band: Vec<Vec<T>> = (start..rows.min(start + BAND)).into_par_iter().map(in_row).collect();
        out.par_chunks_exact_mut(rows * columns).enumerate().for_each(|(slice, out)| {
            for (row, found) in band.iter().enumerate() {
                let found = &found[slice * columns..(slice + 1) * columns];
                out[(start + row) * columns..(start + row + 1) * columns].copy_from_slice(found);
            }
        });
    }
    out
}

/// The lines along the slices through a block of columns of one row.
#[derive(Default)]
struct Lines {
    start: usize,
    steps: Vec<Steps>,
    envelope: Envelope,
}

impl Lines {
    fn gather(&mut self, lattice: &Lattice, steps: &[Steps], row: usize, block: Range<usize>) {
        let [slices, rows, columns] = lattice.shape;
        self.start = block.start;
        self.steps.resize(slices * BLOCK, 0);
        for slice in 0..slices {
            let in_row = &steps[(slice * rows + row) * columns..][block.clone()];
            in_row.iter().enumerate().for_each(|(column, &steps)| self.steps[column * slices + slice] = steps);
        }
    }

    /// Fills the envelope of the line through a column of the block; false if it has no site.
    fn through_slices(&mut self, lattice: &Lattice, column: usize) -> bool {
        let slices = lattice.shape[0];
        let [between_slices, between_rows, between_columns] = lattice.spacing_mm;
        self.envelope.clear();
        let line = (column - self.start) * slices;
        for (slice, &steps) in self.steps[line..line + slices].iter().enumerate() {
            if steps == 0 {
                continue;
            }
            let [away_rows, away_columns] = unpack(steps);
            let (down, across) = (f64::from(away_rows) * between_rows, f64::from(away_columns) * between_columns);
            self.envelope.push(Site {
                at: slice as f64 * between_slices,
                height: down * down + across * across,
                key: steps,
                index: slice as u32,
            });
        }
        !self.envelope.is_empty()
    }
}

fn distance_mm(lattice: &Lattice, site: &Site, slice: usize) -> f64 {
    let [rows, columns] = unpack(site.key);
    lattice.length_mm([site.index.abs_diff(slice as u32), rows, columns])
}
