//! Against numpy, scipy and SimpleITK: `oracles/quantities`.

use super::*;
use serde_json::Value;

fn truth() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/quantities/truth.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn triple<T: for<'a> serde::Deserialize<'a>>(value: &Value) -> [T; 3] {
    serde_json::from_value(value.clone()).unwrap()
}

/// Whether a voxel lies in an ellipsoid of whole numbers.
fn is_inside(at: [i64; 3], ellipsoid: &Value) -> bool {
    let [centre, half]: [[i64; 3]; 2] = [triple(&ellipsoid[0]), triple(&ellipsoid[1])];
    let whole: i64 = half.iter().product();
    let square = |k: usize| ((at[k] - centre[k]) * whole / half[k]).pow(2);
    square(0) + square(1) + square(2) <= whole.pow(2)
}

struct Synthetic {
    case: Case,
    lobes: LabelMap,
}

fn synthetic(truth: &Value, grid: Grid) -> Synthetic {
    let [slices, rows, columns] = grid.shape().map(|size| size as i64);
    let (mut hu, mut lungs, mut opacity, mut lobes) = (vec![], vec![], vec![], vec![]);
    for index in 0..slices * rows * columns {
        let at = [index / (rows * columns), index / columns % rows, index % columns];
        let side = ["1", "2"].into_iter().rev().find(|&side| is_inside(at, &truth["lungs"][side]));
        let is_opaque = truth["opacity"].as_array().unwrap().iter().any(|one| is_inside(at, one));
        let base = if is_inside(at, &truth["core"]) {
            20
        } else if is_opaque {
            -450
        } else if side.is_some() {
            -830
        } else {
            40
        };
        hu.push((base + (index * 7919 % 613) % 241 - 120) as f32);
        lungs.push(side.map_or(0, |side| side.parse().unwrap()));
        opacity.push(u8::from(is_opaque));
        lobes.push(side.map_or(0, |side| {
            let [cut, below, above]: [i64; 3] = triple(&truth["lobes"][side]);
            let middle = &truth["middle_lobe"];
            let lobe = if side == "2" && is_inside(at, middle) {
                middle[2].as_i64().unwrap()
            } else if at[0] < cut {
                below
            } else {
                above
            };
            lobe as u8
        }));
    }
    let case = Case {
        ct: CtVolume::new(grid, hu).unwrap(),
        opacity: LabelMap::new(grid, opacity).unwrap(),
        lungs: LabelMap::new(grid, lungs).unwrap(),
        scan: ScanFacts::default(),
    };
    Synthetic { case, lobes: LabelMap::new(grid, lobes).unwrap() }
}

fn grid_of(truth: &Value, grid: &Value) -> Grid {
    let columns: [[f64; 3]; 3] = triple(&grid["columns"]);
    Grid::new(triple(&truth["shape"]), Affine { columns, origin_mm: triple(&grid["origin_mm"]) }).unwrap()
}

fn measured(synthetic: &Synthetic, landmarks: &Value, thirds: HeightSplit) -> Quantities {
    let input = Input {
        lobes: Some((&synthetic.lobes, &lobes::convention("lungmask").unwrap().labels)),
        landmarks: Some(Landmarks {
            carina_z_mm: landmarks["carina"].as_f64().unwrap(),
            inferior_pulmonary_vein_z_mm: landmarks["vein"].as_f64().unwrap(),
        }),
        ..synthetic.case.input()
    };
    quantify(&input, &Options { thirds, all_rules: true, ..Options::default() }).unwrap()
}

#[test]
fn regions_agree_with_numpy_on_every_grid() {
    let truth = truth();
    let mut compared = 0;
    for grid in truth["grids"].as_array().unwrap() {
        let synthetic = synthetic(&truth, grid_of(&truth, grid));
        let voxel_ml = grid["voxel_ml"].as_f64().unwrap();
        let by = |thirds| measured(&synthetic, &grid["landmarks"], thirds);
        let (by_height, by_volume) = (by(HeightSplit::Height), by(HeightSplit::Volume));
        for (name, expected) in grid["regions"].as_object().unwrap() {
            let (found, id) = match name.strip_prefix("volume:") {
                Some(id) => (&by_volume, id),
                None => (&by_height, name.as_str()),
            };
            let region = found.region(id).unwrap_or_else(|| panic!("{name} is missing"));
            let [lung, opacity] = ["lung", "opacity"].map(|key| expected[key].as_f64().unwrap());
            let what = format!("{name} on the {} grid", grid["name"]);
            assert!((region.lung_ml - lung * voxel_ml).abs() < 1e-9, "{what}: lung {}", region.lung_ml / voxel_ml);
            assert!((region.opacity_ml - opacity * voxel_ml).abs() < 1e-9, "{what}: {}", region.opacity_ml / voxel_ml);
            assert!((region.percent.unwrap() - 100.0 * opacity / lung).abs() < 1e-9, "{what}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn volumes_and_shares_agree_with_simpleitk() {
    let truth = truth();
    let synthetic = synthetic(&truth, grid_of(&truth, &truth["grids"][0]));
    let found = measured(&synthetic, &truth["grids"][0]["landmarks"], HeightSplit::Height);
    let [inside, outside, lung] =
        ["inside_ml", "outside_ml", "lung_ml"].map(|key| truth["volumes"][key].as_f64().unwrap());
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    close(found.opacity.total_ml, inside + outside);
    close(found.opacity.inside_lung_ml.unwrap(), inside);
    close(found.opacity.outside_lung_ml.unwrap(), outside);
    close(found.opacity.outside_lung_percent.unwrap(), 100.0 * outside / (inside + outside));
    close(found.lung.as_ref().unwrap().total_ml, lung);
    close(found.involvement[0].percent, 100.0 * inside / lung);
    close(found.involvement[1].percent, 100.0 * (inside + outside) / lung);
    close(found.involvement[2].percent, 100.0 * (inside + outside) / (lung + outside));
    let levels: f64 = found.levels.iter().map(|level| level.left_lung_ml + level.right_lung_ml).sum();
    close(levels, lung);
}

#[test]
fn attenuation_and_foci_agree_with_scipy() {
    let truth = truth();
    for grid in truth["grids"].as_array().unwrap().iter().take(2) {
        let synthetic = synthetic(&truth, grid_of(&truth, grid));
        let found = measured(&synthetic, &grid["landmarks"], HeightSplit::Height);
        let attenuation = found.attenuation.unwrap();
        let expected = &truth["attenuation"];
        assert!((attenuation.mean_hu - expected["mean_hu"].as_f64().unwrap()).abs() < 1e-9);
        let voxel_ml = found.grid.voxel_ml;
        for cut in &attenuation.cuts {
            let at = |hu: f64| expected["at_or_above"][hu.to_string()].as_f64().unwrap();
            assert!((cut.higher_ml / voxel_ml - at(cut.cut_hu)).abs() < 1e-6, "{cut:?}");
            assert!((cut.lower_ml + cut.higher_ml - found.opacity.total_ml).abs() < 1e-9);
            for (moved, by) in cut.higher_percent_if_moved.iter().zip([-50.0, 50.0]) {
                let voxels = moved / 100.0 * found.opacity.voxels as f64;
                assert!((voxels - at(cut.cut_hu + by)).abs() < 1e-6, "{cut:?}");
            }
        }
        let voxels: Vec<f64> = serde_json::from_value(truth["foci_voxels"].clone()).unwrap();
        let (counted, smaller): (Vec<f64>, Vec<f64>) = voxels.into_iter().partition(|n| n * voxel_ml >= 0.1);
        assert_eq!(found.foci.count, counted.len());
        assert_eq!(found.foci.smaller_count, smaller.len());
        assert!((found.foci.smaller_ml - smaller.iter().sum::<f64>() * voxel_ml).abs() < 1e-9);
        for (ml, n) in found.foci.sizes_ml.iter().zip(counted) {
            assert!((ml - n * voxel_ml).abs() < 1e-9);
        }
    }
}
