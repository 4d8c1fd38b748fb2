//! Phantoms: known volumes at every slice thickness, and noise that must not look like consolidation.

use super::*;
use pulmo_ct::phantom::{PhantomOptions, thorax};

pub(in crate::quantify) fn phantom(seed: u64, shape: [usize; 3], spacing_mm: [f64; 3]) -> Case {
    let phantom = thorax(&PhantomOptions { shape, spacing_mm, ..PhantomOptions::seeded(seed) }).unwrap();
    Case { ct: phantom.volume, opacity: phantom.infiltrate, lungs: phantom.lungs, scan: ScanFacts::default() }
}

/// A case drawn at one thickness: what is in, voxel by voxel, equals the phantom's own count.
#[test]
fn a_phantom_gives_its_exact_volumes() {
    for seed in 0..3 {
        let options = PhantomOptions::seeded(seed);
        let phantom = thorax(&options).unwrap();
        let exact = phantom.exact;
        let case =
            Case { ct: phantom.volume, opacity: phantom.infiltrate, lungs: phantom.lungs, scan: ScanFacts::default() };
        let found = case.quantities();
        let close = |found: f64, exact: f64| assert!((found - exact).abs() < 1e-9, "{found}, exactly {exact}");
        close(found.opacity.total_ml, exact.infiltrate_ml);
        close(found.lung.as_ref().unwrap().left_ml, exact.left_lung_ml);
        close(found.lung.as_ref().unwrap().right_ml, exact.right_lung_ml);
        close(found.region("left").unwrap().opacity_ml, exact.left_infiltrate_ml);
        close(found.region("right").unwrap().opacity_ml, exact.right_infiltrate_ml);
    }
}

/// A ball and two ellipsoids of lung whose volumes are known from a formula, on grids of 1, 3, 5 and 8 mm.
#[test]
fn known_volumes_come_back_at_every_thickness() {
    let spheres = |at: [f64; 3], centre: [f64; 3], half: [f64; 3]| {
        (0..3).map(|k| ((at[k] - centre[k]) / half[k]).powi(2)).sum::<f64>() <= 1.0
    };
    let volume_ml = |half: [f64; 3]| 4.0 / 3.0 * std::f64::consts::PI * half.iter().product::<f64>() / 1000.0;
    let lung_half = [58.3, 82.1, 111.7];
    let opacity_half = [21.4, 19.7, 24.2];
    for thickness_mm in [1.0, 3.0, 5.0, 8.0] {
        let in_plane_mm = 1.4;
        let shape = [(250.0 / thickness_mm) as usize, 130, 190];
        let spacing = Spacing::new([thickness_mm, in_plane_mm, in_plane_mm]).unwrap();
        let grid = Grid::new(shape, Affine::axial(spacing, [-132.5, -90.5, -124.3])).unwrap();
        let (mut lungs, mut opacity) = (vec![0; grid.voxels()], vec![0; grid.voxels()]);
        for k in 0..grid.voxels() {
            let index = [k / (shape[1] * shape[2]), k / shape[2] % shape[1], k % shape[2]];
            let at = grid.affine().voxel_to_world(index.map(|i| i as f64));
            for (label, x) in [(1, 65.0), (2, -65.0)] {
                if spheres(at, [x, 0.0, 0.0], lung_half) {
                    lungs[k] = label;
                }
            }
            opacity[k] = u8::from(spheres(at, [-60.0, 20.0, -40.0], opacity_half));
        }
        let hu = lungs.iter().map(|&lung| if lung > 0 { -850.0 } else { 40.0 }).collect();
        let case = Case {
            ct: CtVolume::new(grid, hu).unwrap(),
            opacity: LabelMap::new(grid, opacity).unwrap(),
            lungs: LabelMap::new(grid, lungs).unwrap(),
            scan: ScanFacts::default(),
        };
        let found = case.quantities();
        // A voxel on the border is in or out: random errors of half a voxel over the surface, here about 0.5 %.
        let near = |found: f64, known: f64, percent: f64| {
            let off = 100.0 * (found - known) / known;
            assert!(off.abs() < percent, "{thickness_mm} mm: {found}, known {known} ({off:.2} %)");
        };
        let lung = found.lung.as_ref().unwrap();
        near(lung.left_ml, volume_ml(lung_half), 0.5);
        near(lung.right_ml, volume_ml(lung_half), 0.5);
        near(found.opacity.total_ml, volume_ml(opacity_half), 1.5);
        near(found.involvement[0].percent, 50.0 * volume_ml(opacity_half) / volume_ml(lung_half), 1.5);
        // An ellipsoid's outer thirds hold 7/27 of it each; the cut lies up to half a slice off.
        let third_ml = 7.0 / 27.0 * volume_ml(lung_half);
        let area_cm2 = std::f64::consts::PI * lung_half[0] * lung_half[1] * (1.0 - 1.0 / 9.0) / 100.0;
        let half_slice_ml = area_cm2 * 0.05 * thickness_mm;
        near(found.region("left_upper").unwrap().lung_ml, third_ml, 0.5 + 100.0 * half_slice_ml / third_ml);
        near(found.region("right_dorsal").unwrap().lung_ml, 0.5 * volume_ml(lung_half), 1.0);
    }
}

/// Standard normal numbers: Box and Muller over a linear congruential generator.
fn normal(state: &mut u64) -> f64 {
    let mut unit = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

/// Noise of a standard deviation, its grain about two pixels as a soft kernel makes it.
fn noise(shape: [usize; 3], sd_hu: f64) -> Vec<f32> {
    let [slices, rows, columns] = shape;
    let mut state = 20_260_101;
    let mut out = Vec::new();
    let (wide, high) = (columns + 2, rows + 2);
    for _ in 0..slices {
        let white: Vec<f64> = (0..wide * high).map(|_| normal(&mut state)).collect();
        for k in 0..rows * columns {
            let (row, column) = (k / columns, k % columns);
            let weights = [0.25, 0.5, 0.25];
            let mut sum = 0.0;
            for (dy, wy) in weights.iter().enumerate() {
                for (dx, wx) in weights.iter().enumerate() {
                    sum += wy * wx * white[(row + dy) * wide + column + dx];
                }
            }
            out.push((sd_hu * sum / 0.375) as f32);
        }
    }
    out
}

fn lesion(spacing_mm: [f64; 3], lesion_hu: f32, core_hu: Option<f32>, sd_hu: f64) -> Attenuation {
    let shape = spacing_mm.map(|mm| (70.0 / mm) as usize);
    let grid = Grid::new(shape, Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3])).unwrap();
    let mut hu = noise(shape, sd_hu);
    let mut opacity = vec![0; hu.len()];
    for (k, hu) in hu.iter_mut().enumerate() {
        let index = [k / (shape[1] * shape[2]), k / shape[2] % shape[1], k % shape[2]];
        let from_centre = (0..3).map(|axis| (index[axis] as f64 * spacing_mm[axis] - 35.0).powi(2)).sum::<f64>().sqrt();
        let is_wall = index[1] as f64 * spacing_mm[1] > 55.0;
        opacity[k] = u8::from(from_centre < 25.0 && !is_wall);
        *hu += match core_hu {
            Some(core) if from_centre < 12.5 => core,
            _ if opacity[k] == 1 => lesion_hu,
            // Chest wall beside the lesion must not leak into it.
            _ if is_wall => 50.0,
            _ => -850.0,
        };
    }
    let ct = CtVolume::new(grid, hu).unwrap();
    let opacity = LabelMap::new(grid, opacity).unwrap();
    let mut is_opacity = [false; 256];
    is_opacity[1] = true;
    attenuation::attenuation(&ct, &opacity, &is_opacity, &Crop::around(&opacity, &is_opacity).unwrap())
}

#[test]
fn noise_is_not_taken_for_higher_attenuation() {
    for lesion_hu in [-600.0, -450.0, -400.0] {
        for spacing_mm in [[1.0, 0.7, 0.7], [5.0, 0.7, 0.7], [8.0, 0.8, 0.8]] {
            for sd_hu in [10.0, 25.0, 50.0, 75.0, 100.0] {
                let found = lesion(spacing_mm, lesion_hu, None, sd_hu);
                let [first, second] = [0, 1].map(|cut| found.cuts[cut].higher_percent);
                let what = format!("{lesion_hu} HU at {spacing_mm:?} mm, noise {sd_hu} HU");
                assert!(first < 2.0 && second < 2.0, "{what}: {first:.2} % and {second:.2} %");
            }
        }
    }
}

/// What is there must still be found: a dense core of an eighth of the volume.
#[test]
fn a_dense_core_keeps_its_share() {
    for sd_hu in [10.0, 50.0, 100.0] {
        let found = lesion([1.0, 0.7, 0.7], -600.0, Some(30.0), sd_hu);
        let whole = found.cuts[0].lower_ml + found.cuts[0].higher_ml;
        let core_ml = 4.0 / 3.0 * std::f64::consts::PI * 12.5_f64.powi(3) / 1000.0;
        // -300 HU lies near the middle between both; -200 HU lies nearer the core, so that its blurred rim is lost.
        for (cut, most) in found.cuts.iter().zip([5.0, 20.0]) {
            let off = 100.0 * (cut.higher_ml - core_ml) / core_ml;
            assert!(off.abs() < most, "{sd_hu} HU, cut {}: {off:.1} % off in {whole:.1} mL", cut.cut_hu);
        }
        let [low, high] = found.cuts[0].higher_percent_if_moved;
        assert!(low >= found.cuts[0].higher_percent && found.cuts[0].higher_percent >= high);
    }
}
