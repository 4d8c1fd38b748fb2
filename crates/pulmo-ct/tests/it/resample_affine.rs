//! Resampling onto any grid against SimpleITK: `oracles/resample_affine`.

use pulmo_ct::resample::affine::{Interpolation, Source, resample, resample_slabs, right_angled, to_spacing};
use pulmo_ct::resample::labels::{self, LabelInterpolation};
use pulmo_ct::resample::spacing::grid_with_spacing;
use pulmo_ct::{Affine, CtVolume, Grid, LabelMap, Spacing};
use serde::Deserialize;

#[derive(Deserialize)]
struct Place {
    shape: [usize; 3],
    columns: [[f64; 3]; 3],
    origin_mm: [f64; 3],
}

impl Place {
    fn grid(&self) -> Grid {
        Grid::new(self.shape, Affine { columns: self.columns, origin_mm: self.origin_mm }).unwrap()
    }
}

#[derive(Deserialize)]
struct Ct {
    name: String,
    from: Place,
    to: Place,
    hu: Vec<f32>,
}

#[derive(Deserialize)]
struct Labels {
    name: String,
    from: Place,
    to: Place,
    nearest_sum: i64,
    nearest: String,
    vote: String,
}

fn ct(grid: Grid) -> CtVolume {
    let hu = (0..grid.voxels()).map(|k| ((k * 7919) % 2003) as f32 - 1000.0).collect();
    CtVolume::new(grid, hu).unwrap()
}

fn blobs(grid: Grid) -> LabelMap {
    let [slices, rows, columns] = grid.shape();
    let mut labels = Vec::new();
    for z in 0..slices {
        for y in 0..rows {
            for x in 0..columns {
                let stripe = (z * 3 + y / 2 * 5 + x / 3 * 7) % 8 / 2;
                labels.push(if (z + y + x) % 7 > 0 { stripe as u8 } else { 0 });
            }
        }
    }
    LabelMap::new(grid, labels).unwrap()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn ct_agrees_with_simple_itk_border_included() {
    let linear = include_str!("../../../../oracles/resample_affine/linear.json");
    let bspline = include_str!("../../../../oracles/resample_affine/bspline.json");
    for (how, text) in [(Interpolation::Linear, linear), (Interpolation::BSpline, bspline)] {
        for case in serde_json::from_str::<Vec<Ct>>(text).unwrap() {
            let found = resample(&ct(case.from.grid()), &case.to.grid(), how).unwrap();
            let apart = furthest(found.hu(), &case.hu);
            assert!(apart < 1e-4, "{}, {how:?}: {apart} HU", case.name);
        }
    }
}

#[test]
fn labels_agree_with_simple_itk_ties_included() {
    let text = include_str!("../../../../oracles/resample_affine/labels.json");
    for case in serde_json::from_str::<Vec<Labels>>(text).unwrap() {
        let (from, to) = (case.from.grid(), case.to.grid());
        for (how, expected) in
            [(LabelInterpolation::Nearest, &case.nearest), (LabelInterpolation::LinearVote, &case.vote)]
        {
            let map = labels::resample(&blobs(from), &to, how).unwrap();
            let found: String = map.labels().iter().map(u8::to_string).collect();
            let differing = found.bytes().zip(expected.bytes()).filter(|(a, b)| a != b && *b != b'.').count();
            assert!(differing == 0, "{}, {how:?}: {differing} of {} differ", case.name, found.len());
            assert!(expected.matches('.').count() < 10);
        }
        let nearest = resample(&ct(from), &to, Interpolation::Nearest).unwrap();
        let sum: i64 = nearest.hu().iter().enumerate().map(|(k, &hu)| hu as i64 * (k as i64 % 97 + 1)).sum();
        assert_eq!(sum, case.nearest_sum, "{}", case.name);
    }
}

fn axial(shape: [usize; 3], mm: [f64; 3]) -> Grid {
    Grid::new(shape, Affine::axial(Spacing::new(mm).unwrap(), [-30.0, 20.0, 7.0])).unwrap()
}

const ALL: [Interpolation; 3] = [Interpolation::Nearest, Interpolation::Linear, Interpolation::BSpline];

#[test]
fn a_grids_own_voxels_come_back_and_constants_stay() {
    let grid = axial([6, 23, 31], [3.0, 0.7, 0.7]);
    let volume = ct(grid);
    for how in ALL {
        let same = resample(&volume, &grid, how).unwrap();
        assert!(furthest(same.hu(), volume.hu()) < 1e-4, "{how:?}");
        let flat = CtVolume::new(grid, vec![40.0; grid.voxels()]).unwrap();
        let coarse = to_spacing(&flat, Spacing::new([1.5; 3]).unwrap(), how).unwrap();
        assert!(coarse.hu().iter().all(|hu| (hu - 40.0).abs() < 1e-4), "{how:?}");
    }
    assert_eq!(resample(&volume, &grid, Interpolation::Linear).unwrap(), volume);
    let away = axial([2, 2, 2], [3.0, 0.7, 0.7]);
    let mut affine = *away.affine();
    affine.origin_mm[2] = 500.0;
    let away = Grid::new([2, 2, 2], affine).unwrap();
    for how in ALL {
        assert!(resample(&volume, &away, how).unwrap().hu().iter().all(|&hu| hu == CtVolume::AIR_HU));
    }
}

/// Targets larger than one slab and sources larger than one box of coefficients.
#[test]
fn slabs_and_threads_change_nothing() {
    let grid = axial([90, 300, 310], [2.0, 0.7, 0.7]);
    let volume = ct(grid);
    let [slice, row, column] = grid.affine().columns;
    let turned = Grid::new(
        [310, 90, 700],
        Affine { columns: [column, slice.map(|x| -x), row.map(|x| x * 0.43)], origin_mm: [-30.0, 20.0, 185.0] },
    )
    .unwrap();
    for how in ALL {
        let whole = resample(&volume, &turned, how).unwrap();
        let stored: Vec<i16> = volume.hu().iter().map(|&hu| hu as i16).collect();
        let mut pieces = Vec::new();
        let mut slabs = 0;
        resample_slabs(Source::new(&grid, &stored).unwrap(), &turned, how, &mut |slab| {
            assert_eq!(slab.first_slice, pieces.len() / (90 * 700));
            slabs += 1;
            pieces.extend_from_slice(slab.values);
            Ok(())
        })
        .unwrap();
        assert!(slabs > 1);
        assert!(pieces == whole.hu(), "{how:?}: slabs differ");
        let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(single.install(|| resample(&volume, &turned, how)).unwrap() == whole, "{how:?}: threads differ");
    }
    let failing = resample_slabs(Source::from(&volume), &turned, Interpolation::Nearest, &mut |_| {
        Err(pulmo_ct::Error::Value { problem: "full".to_owned() })
    });
    assert_eq!(failing.unwrap_err().to_string(), "full");
}

#[test]
fn a_tilted_series_is_straightened_without_crossing_planes() {
    let mut affine = *axial([5, 30, 20], [4.0, 1.0, 1.0]).affine();
    affine.columns[0] = [0.0, 1.0, 4.0];
    let tilted = Grid::new([5, 30, 20], affine).unwrap();
    let volume = ct(tilted);
    let straight = right_angled(&tilted).unwrap();
    assert_eq!(straight.shape(), [5, 34, 20]);
    // Each slice is moved by a whole number of rows here, so every value comes back where it belongs.
    let found = resample(&volume, &straight, Interpolation::Linear).unwrap();
    for slice in 0..5 {
        let new = &found.hu()[slice * 680..][..680];
        assert!(furthest(&new[slice * 20..][..600], &volume.hu()[slice * 600..][..600]) < 1e-4);
        assert!(new[..slice * 20].iter().all(|&hu| hu == CtVolume::AIR_HU));
    }
}

#[test]
fn a_label_map_goes_to_a_coarser_grid_and_back() {
    let grid = axial([20, 40, 44], [1.5, 0.75, 0.75]);
    let centre = |k: usize| {
        let [z, y, x] = [k / 1760, k / 44 % 40, k % 44].map(|i| i as f64);
        ((z - 10.0) / 7.0).powi(2) + ((y - 20.0) / 15.0).powi(2) + ((x - 21.0) / 16.0).powi(2)
    };
    let ball: Vec<u8> = (0..grid.voxels()).map(|k| if centre(k) < 1.0 { 2 } else { 0 }).collect();
    let map = LabelMap::new(grid, ball).unwrap();
    let coarse = grid_with_spacing(&grid, Spacing::new([1.5; 3]).unwrap()).unwrap();
    for how in [LabelInterpolation::Nearest, LabelInterpolation::LinearVote] {
        let there = labels::resample(&map, &coarse, how).unwrap();
        let back = labels::resample(&there, &grid, how).unwrap();
        let both = back.labels().iter().zip(map.labels()).filter(|(a, b)| **a == 2 && **b == 2).count();
        let dice = 2.0 * both as f64 / (back.count(2) + map.count(2)) as f64;
        assert!(dice > 0.95, "{how:?}: {dice}");
        assert!(back.labels().iter().all(|&label| label == 0 || label == 2));
    }
}
