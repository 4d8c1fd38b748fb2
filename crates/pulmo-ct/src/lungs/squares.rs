//! Means over squares of one slice around any of its voxels, each in the same time however wide the square is.

use super::disc::Plane;

/// Sums and counts of marked values before every row and column.
pub(super) struct Squares {
    plane: Plane,
    sums: Vec<[f64; 2]>,
}

impl Squares {
    /// Of the values of a slice that are marked.
    pub(super) fn of(plane: Plane, values: &[f32], marked: impl Fn(usize) -> bool) -> Self {
        let wide = plane.columns + 1;
        let mut sums = vec![[0.0; 2]; wide * (plane.rows + 1)];
        for row in 0..plane.rows {
            let mut line = [0.0; 2];
            for column in 0..plane.columns {
                let voxel = row * plane.columns + column;
                if marked(voxel) {
                    line = [line[0] + f64::from(values[voxel]), line[1] + 1.0];
                }
                let [sum, count] = sums[row * wide + column + 1];
                sums[(row + 1) * wide + column + 1] = [sum + line[0], count + line[1]];
            }
        }
        Self { plane, sums }
    }

    /// The sum and the count within so many mm of a voxel's row and column, to the nearest whole voxel.
    pub(super) fn within(&self, voxel: usize, mm: f64) -> [f64; 2] {
        let size = [self.plane.rows, self.plane.columns];
        let at = [voxel / self.plane.columns, voxel % self.plane.columns];
        let [rows, columns]: [[usize; 2]; 2] = std::array::from_fn(|axis| {
            let reach = (mm / self.plane.spacing_mm[axis]).round() as usize;
            [at[axis].saturating_sub(reach), (at[axis] + reach + 1).min(size[axis])]
        });
        let corner = |row: usize, column: usize| self.sums[row * (self.plane.columns + 1) + column];
        let whole = [corner(rows[1], columns[1]), corner(rows[0], columns[0])];
        let less = [corner(rows[0], columns[1]), corner(rows[1], columns[0])];
        std::array::from_fn(|what| whole[0][what] + whole[1][what] - less[0][what] - less[1][what])
    }

    /// The mean within so many mm; `None` where nothing is marked there.
    pub(super) fn mean(&self, voxel: usize, mm: f64) -> Option<f64> {
        let [sum, count] = self.within(voxel, mm);
        (count > 0.0).then(|| sum / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_cut_at_the_edge_and_hold_what_is_marked() {
        let plane = Plane { rows: 4, columns: 5, spacing_mm: [2.0, 1.0] };
        let values: Vec<f32> = (0..20_u8).map(f32::from).collect();
        let all = Squares::of(plane, &values, |_| true);
        assert_eq!(all.within(0, 0.0), [0.0, 1.0]);
        // Rows 1 to 3 and columns 0 to 4 around row 2, column 2.
        assert_eq!(all.within(12, 2.0), [180.0, 15.0]);
        assert_eq!(all.within(19, 1.0), [13.0 + 14.0 + 18.0 + 19.0, 4.0], "half a row is rounded up");
        let some = Squares::of(plane, &values, |voxel| voxel > 17);
        assert_eq!([some.mean(19, 1.0), some.mean(0, 2.0)], [Some(18.5), None]);
    }
}
