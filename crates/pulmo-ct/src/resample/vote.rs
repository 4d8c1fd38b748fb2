//! Label maps between voxels: every label by itself, and the largest share wins.

use super::field::{Block, Field};
use super::lattice::{Lattice, TIE, inside, pair};
use super::oblique;

/// The voxel below and above a coordinate, and the weight of the second.
type Pair = (usize, usize, f64);

/// The label with the largest share of the eight voxels around, weighted linearly; of equal ones the lowest.
pub(super) fn voted(field: Field<'_, u8>, lattice: &Lattice, parallel: bool, block: &Block, out: &mut [u8]) {
    let shape = lattice.from;
    if !parallel {
        oblique::each(lattice, block, 0, out, |place| winner(field, std::array::from_fn(|k| pair(place[k], shape[k]))));
        return;
    }
    let [slices, rows, columns] = block.axes(lattice, |c, n| inside(c, n).then(|| pair(c, n)));
    block.lines(out, |slice, row, line| {
        let (slice, row) = (slices[slice - block.now[0].start], rows[row - block.now[1].start]);
        let (Some(slice), Some(row)) = (slice, row) else {
            line.fill(0);
            return;
        };
        for (out, column) in line.iter_mut().zip(&columns) {
            *out = column.map_or(0, |column| winner(field, [slice, row, column]));
        }
    });
}

fn winner(field: Field<'_, u8>, [slice, row, column]: [Pair; 3]) -> u8 {
    let at = |s: usize, r: usize, c: usize| field.values[(s * field.shape[1] + r) * field.shape[2] + c];
    let corners = [
        at(slice.0, row.0, column.0),
        at(slice.0, row.0, column.1),
        at(slice.0, row.1, column.0),
        at(slice.0, row.1, column.1),
        at(slice.1, row.0, column.0),
        at(slice.1, row.0, column.1),
        at(slice.1, row.1, column.0),
        at(slice.1, row.1, column.1),
    ];
    if corners == [corners[0]; 8] {
        return corners[0];
    }
    let shares = [slice.2, row.2, column.2];
    let mut votes = [(0_u8, 0.0_f64); 8];
    let mut labels = 0;
    for (corner, &label) in corners.iter().enumerate() {
        let of = |axis: usize| if corner >> (2 - axis) & 1 == 1 { shares[axis] } else { 1.0 - shares[axis] };
        let weight = of(0) * of(1) * of(2);
        match votes[..labels].iter_mut().find(|vote| vote.0 == label) {
            Some(vote) => vote.1 += weight,
            None => {
                votes[labels] = (label, weight);
                labels += 1;
            }
        }
    }
    let most = votes[..labels].iter().map(|vote| vote.1).fold(0.0, f64::max);
    let tied = votes[..labels].iter().filter(|vote| vote.1 + TIE >= most);
    tied.map(|vote| vote.0).min().unwrap_or(0)
}
