//! Connected components of large masks, kept as runs along the rows instead of one number per voxel.
//!
//! The same partition and numbering as [`components`](mod@crate::components), at a few bytes for each run of voxels
//! instead of nine for each voxel of the volume.

use rayon::prelude::*;

use crate::components::Connectivity;
use crate::union_find::{root, unite};

/// Voxels of one component that follow each other in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Number of its first voxel in C order.
    pub start: usize,
    /// One past the number of its last voxel.
    pub end: usize,
    /// Its component, from 0 in order of the first voxel.
    pub component: u32,
}

/// The components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// All runs in C order.
    pub runs: Vec<Run>,
    /// Voxels of each component.
    pub sizes: Vec<u64>,
}

/// Finds the components of the voxels whose value `inside` says yes to.
///
/// `values` are in C order and as many as `shape` has voxels.
///
/// # Agreement
/// Same partition, numbering (less 1) and sizes as `scipy.ndimage.label` 1.17.1: `oracles/components`.
#[must_use]
pub fn runs<T: Sync>(
    shape: [usize; 3],
    values: &[T],
    inside: impl Fn(&T) -> bool + Sync,
    connectivity: Connectivity,
) -> Runs {
    let [slices, rows, columns] = shape;
    let in_rows: Vec<Vec<Run>> = values
        .par_chunks_exact(columns)
        .enumerate()
        .map(|(row, values)| in_row(row * columns, values, &inside))
        .collect();
    // The first run of each row, so that neighbours are found by row.
    let mut first = Vec::with_capacity(slices * rows + 1);
    let mut runs = Vec::with_capacity(in_rows.iter().map(Vec::len).sum());
    for in_row in in_rows {
        first.push(runs.len());
        runs.extend(in_row);
    }
    first.push(runs.len());
    let mut parent: Vec<u32> = (0..runs.len() as u32).collect();
    for slice in 0..slices {
        for row in 0..rows {
            for (back_slices, back_rows, slack) in earlier_rows(connectivity) {
                let Some(other_slice) = slice.checked_sub(back_slices) else { continue };
                let Some(other_row) = (row + 1).checked_sub(back_rows).filter(|&other| other < rows) else { continue };
                let (here, there) = (slice * rows + row, other_slice * rows + other_row);
                let pair = [first[here]..first[here + 1], first[there]..first[there + 1]];
                join(&runs, pair, [here * columns, there * columns, slack], &mut parent);
            }
        }
    }
    number(runs, &mut parent)
}

fn in_row<T>(offset: usize, values: &[T], inside: impl Fn(&T) -> bool) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut at = 0;
    while let Some(gap) = values[at..].iter().position(&inside) {
        let start = at + gap;
        let length = values[start..].iter().position(|value| !inside(value));
        at = length.map_or(values.len(), |length| start + length);
        runs.push(Run { start: offset + start, end: offset + at, component: 0 });
    }
    runs
}

/// The rows before a row that touch it: slices back, rows back plus 1, and how far columns may be apart.
fn earlier_rows(connectivity: Connectivity) -> impl Iterator<Item = (usize, usize, usize)> {
    let [straight, slanted] = match connectivity {
        Connectivity::Faces => [Some(0), None],
        Connectivity::Edges => [Some(1), Some(0)],
        Connectivity::Corners => [Some(1), Some(1)],
    };
    let rows = [(0, 2, straight), (1, 1, straight), (1, 0, slanted), (1, 2, slanted)];
    rows.into_iter().filter_map(|(slices, rows, slack)| Some((slices, rows, slack?)))
}

/// Joins the runs of two rows that touch; both rows' runs are in order.
fn join(
    runs: &[Run],
    [here, there]: [std::ops::Range<usize>; 2],
    [here_start, there_start, slack]: [usize; 3],
    parent: &mut [u32],
) {
    let mut b = there.start;
    for a in here {
        let (start, end) = (runs[a].start - here_start, runs[a].end - here_start);
        while b < there.end && runs[b].end - there_start + slack <= start {
            b += 1;
        }
        let mut touching = b;
        while touching < there.end && runs[touching].start - there_start < end + slack {
            unite(parent, a as u32, touching as u32);
            touching += 1;
        }
    }
}

fn number(mut runs: Vec<Run>, parent: &mut [u32]) -> Runs {
    let mut sizes: Vec<u64> = Vec::new();
    for k in 0..runs.len() {
        let root = root(parent, k as u32) as usize;
        if root == k {
            runs[k].component = sizes.len() as u32;
            sizes.push(0);
        }
        // Roots come first, so the root has its number already.
        runs[k].component = runs[root].component;
        sizes[runs[k].component as usize] += (runs[k].end - runs[k].start) as u64;
    }
    Runs { runs, sizes }
}
