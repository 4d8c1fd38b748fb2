//! Turns packed planes for the weight gradient, which sums over voxels.

use rayon::prelude::*;

use super::unit::{DEPTH, Row};
use crate::simd::for_vectors;

/// Transposes every group of 32 rows in place: 32 voxels of 32 channels become 32 channels of 32 voxels, the factors on the left of
/// two times 16 channels.
pub(super) fn turn(rows: &mut [Row]) {
    let (groups, _) = rows.as_chunks_mut::<DEPTH>();
    groups.par_iter_mut().with_min_len(8).for_each(turn_group);
}

for_vectors! {
    /// Five perfect shuffles: each moves the ten bits of (row, column) by one, so that after five rows and columns have changed places.
    fn turn_group<>(group: &mut [Row; DEPTH]) {
        let mut other = [Row::ZERO; DEPTH];
        shuffle(group, &mut other);
        shuffle(&other, group);
        shuffle(group, &mut other);
        shuffle(&other, group);
        shuffle(group, &mut other);
        *group = other;
    }
}

/// Interleaves the rows of the upper half with those of the lower.
#[inline(always)]
fn shuffle(from: &[Row; DEPTH], to: &mut [Row; DEPTH]) {
    for index in 0..DEPTH / 2 {
        let (upper, lower) = (&from[index].0, &from[index + DEPTH / 2].0);
        for half in 0..2 {
            for column in 0..DEPTH / 2 {
                to[2 * index + half].0[2 * column] = upper[half * DEPTH / 2 + column];
                to[2 * index + half].0[2 * column + 1] = lower[half * DEPTH / 2 + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_change_places() {
        let value = |group: usize, row: usize, column: usize| (group * 5000 + row * 64 + column) as u16;
        let row = |index: usize| Row(std::array::from_fn(|column| value(index / DEPTH, index % DEPTH, column)));
        let mut rows: Vec<Row> = (0..2 * DEPTH).map(row).collect();
        turn(&mut rows);
        for (index, row) in rows.iter().enumerate() {
            for (column, &found) in row.0.iter().enumerate() {
                assert_eq!(found, value(index / DEPTH, column, index % DEPTH), "row {index}, column {column}");
            }
        }
    }
}
