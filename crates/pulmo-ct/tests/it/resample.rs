//! Resizing and resampling against torch, numpy and SimpleITK: `oracles/resample`.

use pulmo_ct::resample::{
    LabelResize, resample_ct, resample_labels, resample_probabilities, resize_ct, resize_labels, resize_probabilities,
    resize_slices_bicubic, spacing::labels_to_grid,
};
use pulmo_ct::{Affine, CtVolume, Grid, LabelMap, Spacing};
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    resize: Vec<Resize>,
    spacing: Vec<ToSpacing>,
    bicubic: Vec<Bicubic>,
}

#[derive(Deserialize)]
struct Bicubic {
    from: [usize; 2],
    to: [usize; 2],
    ct: Vec<f32>,
}

#[derive(Deserialize)]
struct Resize {
    from: [usize; 3],
    to: [usize; 3],
    ct: Vec<f32>,
    nearest: Vec<u8>,
    index_based: Vec<u8>,
    truncated: Vec<u8>,
}

#[derive(Deserialize)]
struct ToSpacing {
    shape: [usize; 3],
    old_mm: [f64; 3],
    new_mm: [f64; 3],
    size: [usize; 3],
    start_mm: [f64; 3],
    ct: Vec<f32>,
    inside: Vec<u8>,
    labels: Vec<u8>,
}

fn truth() -> Truth {
    serde_json::from_str(include_str!("../../../../oracles/resample/truth.json")).unwrap()
}

/// Origin (slice, row, column) = (30, -20, 10) reversed: the oracle's order is LPS x = column.
fn grid(shape: [usize; 3], spacing_mm: [f64; 3]) -> Grid {
    Grid::new(shape, Affine::axial(Spacing::new(spacing_mm).unwrap(), [30.0, -20.0, 10.0])).unwrap()
}

fn ct(grid: Grid) -> CtVolume {
    let hu = (0..grid.voxels()).map(|k| ((k * 7919) % 2003) as f32 - 1000.0).collect();
    CtVolume::new(grid, hu).unwrap()
}

fn labels(grid: Grid) -> LabelMap {
    let [slices, rows, columns] = grid.shape();
    let mut labels = Vec::new();
    for z in 0..slices {
        for y in 0..rows {
            for x in 0..columns {
                let stripe = (z * 3 + y / 2 * 5 + x / 3 * 7) % 4 / 2;
                labels.push(if (z + y + x) % 7 > 0 { stripe as u8 } else { 0 });
            }
        }
    }
    LabelMap::new(grid, labels).unwrap()
}

#[test]
fn whole_volume_resize_agrees_with_torch_and_numpy() {
    for case in truth().resize {
        let grid = grid(case.from, [5.0, 0.9, 0.8]);
        let resized = resize_ct(&ct(grid), case.to).unwrap();
        let apart = resized.hu().iter().zip(&case.ct).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.02, "{:?} to {:?}: {apart} HU", case.from, case.to);
        let ways = [
            (LabelResize::Nearest, &case.nearest),
            (LabelResize::IndexBased, &case.index_based),
            (LabelResize::TrilinearTruncate, &case.truncated),
        ];
        for (how, expected) in ways {
            let map = resize_labels(&labels(grid), case.to, how).unwrap();
            assert_eq!(map.labels(), expected, "{how:?} {:?} to {:?}", case.from, case.to);
            assert!(map.grid().must_equal(resized.grid()).is_ok());
        }
    }
}

#[test]
fn aligned_corners_keep_their_place() {
    let grid = grid([5, 7, 9], [5.0, 0.9, 0.8]);
    let resized = resize_ct(&ct(grid), [3, 14, 4]).unwrap();
    for (a, b) in grid.corners_mm().iter().zip(resized.grid().corners_mm()) {
        assert!((0..3).all(|k| (a[k] - b[k]).abs() < 1e-9));
    }
    assert_eq!(resized.hu()[0], ct(grid).hu()[0]);
    assert!(resize_ct(&ct(grid), [3, 0, 4]).is_err());
}

#[test]
fn probabilities_keep_their_channels() {
    let (from, to) = ([3, 4, 5], [5, 7, 6]);
    let grid = grid(from, [1.0; 3]);
    let single = ct(grid);
    let both: Vec<f32> = single.hu().iter().flat_map(|&x| [x, -x]).collect();
    let resized = resize_probabilities(from, &both, 2, to).unwrap();
    let expected = resize_ct(&single, to).unwrap();
    for (pair, x) in resized.chunks(2).zip(expected.hu()) {
        assert_eq!(pair, [*x, -x]);
    }
    assert!(resize_probabilities(from, &both, 3, to).is_err());
}

#[test]
fn spacing_agrees_with_simple_itk() {
    for case in truth().spacing {
        let grid = grid(case.shape, case.old_mm);
        let spacing = Spacing::new(case.new_mm).unwrap();
        let resampled = resample_ct(&ct(grid), spacing).unwrap();
        assert_eq!(resampled.grid().shape(), case.size);
        let [x, y, z] = resampled.grid().affine().origin_mm;
        let start = case.start_mm;
        assert!((z - start[0]).abs() + (y - start[1]).abs() + (x - start[2]).abs() < 1e-9, "{start:?}");
        let compared = resampled.hu().iter().zip(&case.ct).zip(&case.inside).filter(|&(_, &inside)| inside == 1);
        let apart = compared.map(|((a, b), _)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.02, "{:?}: {apart} HU", case.shape);
        let map = resample_labels(&labels(grid), spacing).unwrap();
        assert_eq!(map.labels(), case.labels, "{:?}", case.shape);
    }
}

#[test]
fn results_return_to_the_grid_they_came_from() {
    let grid = grid([6, 20, 21], [2.0, 1.3, 1.1]);
    let map = labels(grid);
    let fine = resample_labels(&map, Spacing::new([1.0, 0.65, 0.55]).unwrap()).unwrap();
    let back = labels_to_grid(&fine, &grid).unwrap();
    assert_eq!(back, map, "a finer grid loses nothing");
    let probabilities: Vec<f32> = fine.labels().iter().map(|&l| f32::from(l)).collect();
    let returned = resample_probabilities(fine.grid(), &probabilities, 1, &grid).unwrap();
    assert_eq!(returned.len(), grid.voxels());
    let elsewhere = Grid::new([6, 20, 21], Affine::axial(grid.spacing(), [0.0; 3])).unwrap();
    assert!(labels_to_grid(&fine, &elsewhere).is_err());
    assert!(resample_probabilities(fine.grid(), &probabilities, 1, &elsewhere).is_err());
}

#[test]
fn bicubic_slices_are_opencv_s() {
    for case in truth().bicubic {
        let grid = grid([2, case.from[0], case.from[1]], [5.0, 0.9, 0.8]);
        let volume = ct(grid);
        let resized = resize_slices_bicubic(&volume, case.to).unwrap();
        let apart = resized.hu().iter().zip(&case.ct).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 0.01, "{:?} to {:?}: {apart} HU", case.from, case.to);
        let field = |grid: &Grid| {
            let last = grid.shape().map(|n| n as f64 - 0.5);
            [grid.affine().voxel_to_world([0.0, -0.5, -0.5]), grid.affine().voxel_to_world([0.0, last[1], last[2]])]
        };
        for (a, b) in field(&grid).iter().flatten().zip(field(resized.grid()).iter().flatten()) {
            assert!((a - b).abs() < 1e-9, "the field of view stays");
        }
    }
    assert!(resize_slices_bicubic(&ct(grid([1, 2, 2], [1.0; 3])), [0, 3]).is_err());
}
