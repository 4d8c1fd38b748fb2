//! What synthetic archives are made of: tiny CTs whose every voxel differs from case to case.

use std::path::Path;

use pulmo_ct::format::{write_label_map, write_volume};
use pulmo_ct::{Affine, CtVolume, Grid, LabelMap, Spacing};

/// 3 slices of 8 x 8 voxels.
pub(super) const SHAPE: [usize; 3] = [3, 8, 8];

pub(super) fn grid() -> Grid {
    let affine = Affine::axial(Spacing::new([5.0, 0.8, 0.7]).unwrap(), [10.0, -20.0, 30.0]);
    Grid::new(SHAPE, affine).unwrap()
}

fn ready(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
}

/// A CT in HU whose voxels tell the case's number.
pub(super) fn ct(path: &Path, number: usize) {
    ready(path);
    let mut hu: Vec<f32> = (0..grid().voxels()).map(|at| ((at * 31 + number * 7) % 1400) as f32 - 1000.0).collect();
    hu[0] = number as f32 - 1000.0;
    write_volume(path, &CtVolume::new(grid(), hu).unwrap()).unwrap();
}

/// The same in greys from 0 to 255.
pub(super) fn greys(path: &Path, number: usize) {
    ready(path);
    let hu = (0..grid().voxels()).map(|at| ((at * 31 + number * 7) % 256) as f32).collect();
    write_volume(path, &CtVolume::new(grid(), hu).unwrap()).unwrap();
}

/// A mask with `voxels` voxels of each of `values`.
pub(super) fn mask(path: &Path, values: &[u8], voxels: usize) {
    ready(path);
    let mut labels = vec![0; grid().voxels()];
    for (label, value) in labels.iter_mut().zip(values.iter().flat_map(|value| vec![*value; voxels])) {
        *label = value;
    }
    write_label_map(path, &LabelMap::new(grid(), labels).unwrap()).unwrap();
}

/// A mask on a grid that is a voxel off.
pub(super) fn shifted_mask(path: &Path) {
    ready(path);
    let affine = Affine::axial(Spacing::new([5.0, 0.8, 0.7]).unwrap(), [10.7, -20.0, 30.0]);
    let grid = Grid::new(SHAPE, affine).unwrap();
    write_label_map(path, &LabelMap::new(grid, vec![1; grid.voxels()]).unwrap()).unwrap();
}

/// Cuts a file to a part of its length.
pub(super) fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() * 2 / 3]).unwrap();
}

pub(super) fn text(path: &Path, text: &str) {
    ready(path);
    std::fs::write(path, text).unwrap();
}
