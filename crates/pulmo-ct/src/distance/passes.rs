//! The passes over a lattice: along rows and columns of each slice, then along the slices.

use rayon::prelude::*;

use super::Lattice;
use super::envelope::{Envelope, Site};

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

/// Finds for each voxel the nearest site of its slice; `paint` writes the sites of a slice over what is there.
pub(super) fn in_slices(lattice: &Lattice, paint: impl Fn(usize, &mut [bool]) + Sync) -> Vec<Steps> {
    let [_, rows, columns] = lattice.shape;
    let plane = rows * columns;
    let mut steps = vec![0; lattice.voxels()];
    let scratch = || (vec![false; plane], vec![NONE; plane], Envelope::default());
    steps.par_chunks_exact_mut(plane).enumerate().for_each_init(scratch, |(sites, along_row, envelope), (k, out)| {
        paint(k, sites);
        let mut filled = Vec::new();
        let in_rows = sites.chunks_exact(columns).zip(along_row.chunks_exact_mut(columns));
        for (row, (sites, away)) in in_rows.enumerate() {
            if nearest_in_row(sites, away) {
                filled.push(row);
            }
        }
        if !filled.is_empty() {
            along_columns(lattice, &filled, along_row, (envelope, out));
        }
    });
    steps
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

/// From the nearest in each of the rows `filled` to the nearest in the slice.
fn along_columns(
    lattice: &Lattice,
    filled: &[usize],
    along_row: &[u16],
    (envelope, out): (&mut Envelope, &mut [Steps]),
) {
    let [_, rows, columns] = lattice.shape;
    let [_, between_rows, between_columns] = lattice.spacing_mm;
    for column in 0..columns {
        envelope.clear();
        for &row in filled {
            let away = along_row[row * columns + column];
            let off = f64::from(away) * between_columns;
            envelope.push(Site {
                at: row as f64 * between_rows,
                height: off * off,
                key: u32::from(away),
                index: row as u32,
            });
        }
        let mut walk = envelope.walk();
        for row in 0..rows {
            let site = walk.nearest(row as f64 * between_rows);
            out[row * columns + column] = pack(site.index.abs_diff(row as u32), site.key);
        }
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
    for start in (0..rows).step_by(BAND) {
        let band: Vec<Vec<T>> = (start..rows.min(start + BAND))
            .into_par_iter()
            .map(|row| {
                let mut found = vec![keep(f64::INFINITY); slices * columns];
                let mut envelope = Envelope::default();
                for column in 0..columns {
                    through_slices(lattice, steps, [row, column], &mut envelope);
                    if envelope.is_empty() {
                        continue;
                    }
                    let mut walk = envelope.walk();
                    for slice in 0..slices {
                        let site = walk.nearest(slice as f64 * lattice.spacing_mm[0]);
                        found[slice * columns + column] = keep(distance_mm(lattice, site, slice));
                    }
                }
                found
            })
            .collect();
        out.par_chunks_exact_mut(rows * columns).enumerate().for_each(|(slice, out)| {
            for (row, found) in band.iter().enumerate() {
                let found = &found[slice * columns..(slice + 1) * columns];
                out[(start + row) * columns..(start + row + 1) * columns].copy_from_slice(found);
            }
        });
    }
    out
}

/// The distance at some voxels, given by their numbers in C order.
pub(super) fn at_points(lattice: &Lattice, steps: &[Steps], points: &[u32]) -> Vec<f64> {
    let [_, rows, columns] = lattice.shape;
    let plane = rows * columns;
    // In order of (row, column, slice) all points of one line along the slices follow each other.
    let mut order: Vec<u32> = (0..points.len() as u32).collect();
    let line = |&number: &u32| {
        let point = points[number as usize] as usize;
        (point % plane, point / plane)
    };
    order.par_sort_unstable_by_key(line);
    let lines: Vec<&[u32]> = order.chunk_by(|a, b| line(a).0 == line(b).0).collect();
    let in_line = |envelope: &mut Envelope, numbers: &&[u32]| {
        let place = line(&numbers[0]).0;
        through_slices(lattice, steps, [place / columns, place % columns], envelope);
        let mut walk = envelope.walk();
        let slices = numbers.iter().map(|number| line(number).1);
        slices
            .map(|slice| distance_mm(lattice, walk.nearest(slice as f64 * lattice.spacing_mm[0]), slice))
            .collect::<Vec<f64>>()
    };
    let found: Vec<Vec<f64>> = lines.par_iter().map_init(Envelope::default, in_line).collect();
    let mut distances = vec![f64::INFINITY; points.len()];
    order.iter().zip(found.iter().flatten()).for_each(|(&number, &mm)| distances[number as usize] = mm);
    distances
}

/// Fills the envelope of the line along the slices at (row, column).
fn through_slices(lattice: &Lattice, steps: &[Steps], [row, column]: [usize; 2], envelope: &mut Envelope) {
    let [slices, rows, columns] = lattice.shape;
    let [between_slices, between_rows, between_columns] = lattice.spacing_mm;
    envelope.clear();
    for slice in 0..slices {
        let steps = steps[(slice * rows + row) * columns + column];
        if steps == 0 {
            continue;
        }
        let [away_rows, away_columns] = unpack(steps);
        let (down, across) = (f64::from(away_rows) * between_rows, f64::from(away_columns) * between_columns);
        envelope.push(Site {
            at: slice as f64 * between_slices,
            height: down * down + across * across,
            key: steps,
            index: slice as u32,
        });
    }
}

fn distance_mm(lattice: &Lattice, site: &Site, slice: usize) -> f64 {
    let [rows, columns] = unpack(site.key);
    lattice.length_mm([site.index.abs_diff(slice as u32), rows, columns])
}
