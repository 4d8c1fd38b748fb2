//! Shapes in one axial slice: distances in mm, closing and opening by a disc, parts, hulls.
//!
//! Slices are judged one by one because their distance is often coarse, and in some published data wrong.
//! Beyond the edge of a slice nothing is known, so the edge itself neither erodes nor stops a disc.

use crate::distance::squared_in_slice;

/// The plane of a slice: rows, columns and their spacing in mm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) spacing_mm: [f64; 2],
}

impl Plane {
    /// Voxels of the slice.
    pub(super) fn voxels(self) -> usize {
        self.rows * self.columns
    }

    /// Area of a voxel in mm².
    pub(super) fn voxel_mm2(self) -> f64 {
        self.spacing_mm[0] * self.spacing_mm[1]
    }

    /// The 4 neighbours of a voxel that lie in the slice.
    pub(super) fn neighbours(self, voxel: usize) -> impl Iterator<Item = usize> {
        let (row, column) = (voxel / self.columns, voxel % self.columns);
        [
            (row > 0).then(|| voxel - self.columns),
            (row + 1 < self.rows).then(|| voxel + self.columns),
            (column > 0).then(|| voxel - 1),
            (column + 1 < self.columns).then(|| voxel + 1),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether a voxel, of a slice or of a volume, lies within so many mm of a column.
    pub(super) fn is_central(self, voxel: usize, middle: f64, within_mm: f64) -> bool {
        ((voxel % self.columns) as f64 - middle).abs() * self.spacing_mm[1] < within_mm
    }

    /// Whether a voxel lies at the edge of the slice.
    pub(super) fn is_edge(self, voxel: usize) -> bool {
        let (row, column) = (voxel / self.columns, voxel % self.columns);
        row == 0 || column == 0 || row + 1 == self.rows || column + 1 == self.columns
    }
}

/// Squared distance in mm² to the nearest voxel of the mask, between voxel centres; infinite without one.
pub(super) fn squared_distance(plane: Plane, mask: &[bool]) -> Vec<f32> {
    squared_in_slice([plane.rows, plane.columns], plane.spacing_mm, mask)
}

/// Voxels within `radius_mm` of the mask.
pub(super) fn dilated(plane: Plane, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    let most = (radius_mm * radius_mm) as f32;
    squared_distance(plane, mask).into_iter().map(|squared| squared <= most).collect()
}

/// Voxels of the mask that are further than `radius_mm` from every voxel outside it.
pub(super) fn eroded(plane: Plane, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    let most = (radius_mm * radius_mm) as f32;
    let outside: Vec<bool> = mask.iter().map(|&inside| !inside).collect();
    squared_distance(plane, &outside).into_iter().map(|squared| squared > most).collect()
}

/// Closing by a disc: fills what a disc of this radius outside the mask cannot reach.
pub(super) fn closed(plane: Plane, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    eroded(plane, &dilated(plane, mask, radius_mm), radius_mm)
}

/// Opening by a disc: removes what a disc of this radius inside the mask cannot reach.
pub(super) fn opened(plane: Plane, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    dilated(plane, &eroded(plane, mask, radius_mm), radius_mm)
}

/// The parts of a mask that hang together over faces: for each voxel 0 or its part's number from 1.
pub(super) fn parts(plane: Plane, mask: &[bool]) -> (Vec<u32>, usize) {
    let mut labels = vec![0_u32; mask.len()];
    let mut count = 0;
    let mut stack = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || labels[start] > 0 {
            continue;
        }
        count += 1;
        labels[start] = count;
        stack.push(start);
        while let Some(voxel) = stack.pop() {
            for next in plane.neighbours(voxel) {
                if mask[next] && labels[next] == 0 {
                    labels[next] = count;
                    stack.push(next);
                }
            }
        }
    }
    (labels, count as usize)
}

/// The convex hull of a mask: voxels whose centre lies in the hull of the mask's voxel centres, borders included.
pub(super) fn hull(plane: Plane, mask: &[bool]) -> Vec<bool> {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    for (row, line) in mask.chunks(plane.columns).enumerate() {
        if let Some(first) = line.iter().position(|&inside| inside) {
            let last = line.iter().rposition(|&inside| inside).unwrap_or(first);
            // Mirrored, the right border is a left one too.
            extend_chain(&mut lefts, [row as i64, first as i64]);
            extend_chain(&mut rights, [row as i64, -(last as i64)]);
        }
    }
    let mut result = vec![false; mask.len()];
    let (Some(&[top, _]), Some(&[bottom, _])) = (lefts.first(), lefts.last()) else { return result };
    for row in top..=bottom {
        let first = crossing(&lefts, row);
        let last = -crossing(&rights, row);
        if first <= last {
            let start = row as usize * plane.columns;
            result[start + first as usize..=start + last as usize].fill(true);
        }
    }
    result
}

/// Adds a point (row, column) to a convex chain that runs down the left border.
fn extend_chain(chain: &mut Vec<[i64; 2]>, point: [i64; 2]) {
    while let [.., a, b] = *chain.as_slice() {
        let turn = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]);
        if turn > 0 {
            break;
        }
        chain.pop();
    }
    chain.push(point);
}

/// The first whole column at or right of a chain in a row between its ends.
fn crossing(chain: &[[i64; 2]], row: i64) -> i64 {
    if let [[_, column]] = chain {
        return *column;
    }
    let below = chain.partition_point(|point| point[0] < row).clamp(1, chain.len() - 1);
    let ([r0, c0], [r1, c1]) = (chain[below - 1], chain[below]);
    let (steps, rows): (i64, i64) = ((c1 - c0) * (row - r0), r1 - r0);
    // Rounded up, for negative numbers too.
    c0 + steps.div_euclid(rows) + i64::from(steps.rem_euclid(rows) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Truth {
        spacing_mm: [f64; 2],
        radius_mm: f64,
        mask: Vec<String>,
        squared_mm2: Vec<f64>,
        dilated: Vec<String>,
        eroded: Vec<String>,
        closed: Vec<String>,
        opened: Vec<String>,
        hull: Vec<String>,
        parts: usize,
    }

    fn rows(mask: &[bool], columns: usize) -> Vec<String> {
        mask.chunks(columns).map(|line| line.iter().map(|&inside| if inside { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn shapes_are_those_of_scipy_and_scikit_image() {
        let truths: Vec<Truth> =
            serde_json::from_str(include_str!("../../../../oracles/slice_shapes/truth.json")).unwrap();
        for truth in truths {
            let columns = truth.mask[0].len();
            let plane = Plane { rows: truth.mask.len(), columns, spacing_mm: truth.spacing_mm };
            let mask: Vec<bool> = truth.mask.iter().flat_map(|line| line.bytes().map(|byte| byte == b'#')).collect();
            for (&found, expected) in squared_distance(plane, &mask).iter().zip(&truth.squared_mm2) {
                assert!((f64::from(found) - expected).abs() <= 1e-4 * expected.max(1.0), "{found} {expected}");
            }
            let radius = truth.radius_mm;
            for (name, found, expected) in [
                ("dilated", dilated(plane, &mask, radius), &truth.dilated),
                ("eroded", eroded(plane, &mask, radius), &truth.eroded),
                ("closed", closed(plane, &mask, radius), &truth.closed),
                ("opened", opened(plane, &mask, radius), &truth.opened),
                ("hull", hull(plane, &mask), &truth.hull),
            ] {
                assert_eq!(&rows(&found, columns), expected, "{name} at {:?} mm", truth.spacing_mm);
            }
            assert_eq!(parts(plane, &mask).1, truth.parts);
        }
    }

    #[test]
    fn without_a_mask_everything_is_infinitely_far() {
        let plane = Plane { rows: 3, columns: 4, spacing_mm: [1.0, 2.0] };
        assert!(squared_distance(plane, &[false; 12]).iter().all(|distance| distance.is_infinite()));
        assert_eq!(hull(plane, &[false; 12]), [false; 12]);
    }
}
