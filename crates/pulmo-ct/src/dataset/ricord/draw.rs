//! The mask of one series from the polygons of its readers.

use crate::dataset::digest;
use crate::dataset::import::{MakeMask, Readers};
use crate::error::Result;
use crate::geometry::Grid;
use crate::volume::LabelMap;

use super::mdai::Shape;
use super::polygon::fill;

/// One annotation in its place.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    /// Place in the grid, from 0.
    pub(super) slice: usize,
    /// Number of its reader among those of the series.
    pub(super) reader: usize,
    pub(super) shape: Shape,
}

/// What the readers of a series drew, and how it becomes one mask.
#[derive(Debug)]
pub(super) struct Drawing {
    /// In the order of slices.
    pub(super) annotations: Vec<Drawn>,
    /// How many readers looked at the series.
    pub(super) readers: usize,
    pub(super) rule: Readers,
}

impl MakeMask for Drawing {
    fn key(&self) -> Result<String> {
        let text = format!("{:?} of {} readers: {:?}", self.rule, self.readers, self.annotations);
        Ok(format!("polygons 1 {}", digest::of_bytes(text.as_bytes())))
    }

    fn make(&self, grid: &Grid) -> Result<LabelMap> {
        let [_, rows, columns] = grid.shape();
        let mut labels = vec![0; grid.voxels()];
        for group in self.annotations.chunk_by(|a, b| a.slice == b.slice) {
            let at = group[0].slice * rows * columns;
            self.draw_slice(group, [rows, columns], &mut labels[at..at + rows * columns]);
        }
        LabelMap::new(*grid, labels)
    }
}

impl Drawing {
    /// Labels of one slice. Each reader's annotations are joined first, then the readers are.
    fn draw_slice(&self, group: &[Drawn], shape: [usize; 2], labels: &mut [u8]) {
        let mut votes = vec![0_usize; labels.len()];
        let mut own = vec![false; labels.len()];
        let mut done = Vec::new();
        for reader in group.iter().map(|one| one.reader) {
            if done.contains(&reader) {
                continue;
            }
            done.push(reader);
            own.fill(false);
            for one in group.iter().filter(|one| one.reader == reader) {
                draw(&one.shape, shape, &mut own);
            }
            votes.iter_mut().zip(&own).for_each(|(votes, &own)| *votes += usize::from(own));
        }
        let enough = match self.rule {
            Readers::Majority => self.readers / 2 + 1,
            Readers::Union | Readers::Only(_) => 1,
        };
        labels.iter_mut().zip(votes).for_each(|(label, votes)| *label = u8::from(votes >= enough));
    }
}

/// Draws one annotation over what there is; its erased parts take away only what it drew itself.
fn draw(one: &Shape, shape: [usize; 2], mask: &mut [bool]) {
    let Shape::Polygons { drawn, erased } = one else { return };
    let columns = shape[1];
    if erased.is_empty() {
        drawn.iter().for_each(|polygon| fill(polygon, shape, |row, column| mask[row * columns + column] = true));
        return;
    }
    let mut own = vec![false; mask.len()];
    drawn.iter().for_each(|polygon| fill(polygon, shape, |row, column| own[row * columns + column] = true));
    erased.iter().for_each(|polygon| fill(polygon, shape, |row, column| own[row * columns + column] = false));
    mask.iter_mut().zip(own).for_each(|(mask, own)| *mask |= own);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Spacing};

    fn square(x: f64) -> Shape {
        let polygon = vec![[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 1.0], [x, 1.0]];
        Shape::Polygons { drawn: vec![polygon], erased: Vec::new() }
    }

    fn drawn(rule: Readers, readers: usize) -> Vec<u8> {
        let at = |reader, x| Drawn { slice: 1, reader, shape: square(x) };
        let annotations = vec![at(0, 0.0), at(0, 1.0), at(1, 1.0), at(2, 5.0)];
        let annotations = annotations.into_iter().filter(|one| one.reader < readers).collect();
        let affine = Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3]);
        let grid = Grid::new([2, 1, 8], affine).unwrap();
        Drawing { annotations, readers, rule }.make(&grid).unwrap().labels().to_vec()[8..].to_vec()
    }

    #[test]
    fn readers_are_joined_by_the_rule() {
        assert_eq!(drawn(Readers::Union, 3), [1, 1, 1, 0, 0, 1, 1, 0]);
        assert_eq!(drawn(Readers::Majority, 3), [0, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!(drawn(Readers::Majority, 2), [0, 1, 1, 0, 0, 0, 0, 0], "two readers must agree");
        assert_eq!(drawn(Readers::Majority, 1), [1, 1, 1, 0, 0, 0, 0, 0], "one reader is the majority");
    }

    #[test]
    fn an_annotation_erases_only_its_own() {
        let Shape::Polygons { drawn: all, .. } = square(0.0) else { panic!() };
        let mut mask = vec![true, false, false];
        draw(&Shape::Polygons { drawn: all.clone(), erased: all }, [1, 3], &mut mask);
        assert_eq!(mask, [true, false, false]);
    }
}
