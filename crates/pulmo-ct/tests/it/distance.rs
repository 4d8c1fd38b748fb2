//! Distances and balls in mm against scipy: `oracles/distance`.

use pulmo_ct::distance::{
    Lattice, closed_mm, dilated_mm, distances_at_mm, distances_in_box_mm, distances_mm, eroded_mm, opened_mm,
};
use pulmo_ct::voxel_box::VoxelBox;
use pulmo_ct::{Affine, Grid, Spacing};
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    distances: Vec<Distances>,
    balls: Vec<Ball>,
}

#[derive(Deserialize)]
struct Distances {
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    mask: String,
    mm: Vec<f64>,
}

#[derive(Deserialize)]
struct Ball {
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    radius_mm: f64,
    mask: String,
    dilated: String,
    eroded: String,
    closed: String,
    opened: String,
}

fn truth() -> Truth {
    serde_json::from_str(include_str!("../../../../oracles/distance/truth.json")).unwrap()
}

fn grid(shape: [usize; 3], spacing_mm: [f64; 3]) -> Grid {
    Grid::new(shape, Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3])).unwrap()
}

fn mask(text: &str) -> Vec<bool> {
    text.bytes().map(|byte| byte == b'1').collect()
}

fn numbers_of(mask: &[bool]) -> Vec<u32> {
    (0..mask.len() as u32).filter(|&voxel| mask[voxel as usize]).collect()
}

#[test]
fn distances_are_scipy_s() {
    for case in truth().distances {
        let (grid, mask) = (grid(case.shape, case.spacing_mm), mask(&case.mask));
        for (found, &expected) in distances_mm(&grid, &mask).unwrap().iter().zip(&case.mm) {
            assert!((f64::from(*found) - expected).abs() <= 1e-6 * expected, "{found} for {expected}");
        }
        let everywhere: Vec<u32> = (0..mask.len() as u32).rev().collect();
        let lattice = Lattice::of(&grid).unwrap();
        let found = distances_at_mm(&lattice, &numbers_of(&mask), &everywhere);
        for (found, &expected) in found.iter().zip(case.mm.iter().rev()) {
            assert!((found - expected).abs() <= 1e-12 * expected, "{found} for {expected}");
        }
    }
}

#[test]
fn balls_are_scipy_s() {
    for case in truth().balls {
        let (grid, mask) = (grid(case.shape, case.spacing_mm), mask(&case.mask));
        let text = |mask: Vec<bool>| mask.iter().map(|&v| if v { '1' } else { '0' }).collect::<String>();
        let radius = case.radius_mm;
        assert_eq!(text(dilated_mm(&grid, &mask, radius).unwrap()), case.dilated, "dilated by {radius}");
        assert_eq!(text(eroded_mm(&grid, &mask, radius).unwrap()), case.eroded, "eroded by {radius}");
        assert_eq!(text(closed_mm(&grid, &mask, radius).unwrap()), case.closed, "closed by {radius}");
        assert_eq!(text(opened_mm(&grid, &mask, radius).unwrap()), case.opened, "opened by {radius}");
    }
}

/// Two voxels 3 rows of 2 mm and 4 columns of 2 mm apart are 10 mm apart.
#[test]
fn by_hand() {
    let grid = grid([1, 4, 5], [9.0, 2.0, 2.0]);
    let mut mask = vec![false; 20];
    mask[0] = true;
    let distances = distances_mm(&grid, &mask).unwrap();
    assert_eq!((distances[0], distances[1], distances[5], distances[19]), (0.0, 2.0, 2.0, 10.0));
    let lattice = Lattice::of(&grid).unwrap();
    assert_eq!(distances_at_mm(&lattice, &[0], &[19, 0, 19]), [10.0, 0.0, 10.0]);
    let lower = VoxelBox { start: [0, 1, 0], end: [1, 4, 5] };
    let outside = distances_in_box_mm(&grid, &mask, lower).unwrap();
    assert!(outside.len() == 15 && outside.iter().all(|&mm| mm == f32::INFINITY), "the site is not in the box");
}

#[test]
fn an_empty_mask_is_infinitely_far() {
    let grid = grid([2, 3, 4], [1.0; 3]);
    assert!(distances_mm(&grid, &[false; 24]).unwrap().iter().all(|&mm| mm == f32::INFINITY));
    let lattice = Lattice::of(&grid).unwrap();
    assert_eq!(distances_at_mm(&lattice, &[], &[0, 7]), [f64::INFINITY; 2]);
    assert!(distances_at_mm(&lattice, &[3], &[]).is_empty());
    assert_eq!(closed_mm(&grid, &[false; 24], 5.0).unwrap(), [false; 24]);
    assert_eq!(eroded_mm(&grid, &[true; 24], 1.0).unwrap().iter().filter(|&&v| v).count(), 0);
    assert_eq!(closed_mm(&grid, &[true; 24], 5.0).unwrap(), [true; 24]);
}

#[test]
fn refuses_what_has_no_distances() {
    let spacing = Spacing::new([5.0, 1.0, 1.0]).unwrap();
    let mut affine = Affine::axial(spacing, [0.0; 3]);
    affine.columns[0] = [0.0, 5.0 * 15_f64.to_radians().tan(), 5.0];
    let tilted = Grid::new([2, 3, 4], affine).unwrap();
    let refused = distances_mm(&tilted, &[false; 24]).unwrap_err().to_string();
    assert!(refused.contains("15.0 degrees") && refused.contains("resample"), "{refused}");
    let upright = grid([2, 3, 4], [1.0; 3]);
    assert!(distances_mm(&upright, &[false; 23]).is_err());
    assert!(dilated_mm(&upright, &[false; 24], f64::NAN).is_err());
    assert!(dilated_mm(&upright, &[true; 24], 1e30).is_err(), "no room for such a ball");
    let beyond = VoxelBox { start: [0; 3], end: [2, 3, 5] };
    assert!(distances_in_box_mm(&upright, &[false; 24], beyond).is_err());
    assert!(Lattice::new([1, 1, 70_000], spacing).is_err());
    assert!(Lattice::new([0, 1, 1], spacing).is_err());
}

/// The longest axis: 65,535 voxels count their steps in 16 bits.
#[test]
fn the_longest_axis_is_measured_to_its_end() {
    for axis in 0..3 {
        let mut shape = [1; 3];
        shape[axis] = 65_535;
        let lattice = Lattice::new(shape, Spacing::new([1.0; 3]).unwrap()).unwrap();
        assert_eq!(distances_at_mm(&lattice, &[0], &[65_534]), [65_534.0]);
        assert_eq!(distances_at_mm(&lattice, &[65_534], &[0, 65_534]), [65_534.0, 0.0]);
    }
}

/// Some thousand sites and points, also far from each other and one site many times: as by looking at each site.
#[test]
fn the_nearest_of_many_sites_is_the_nearest_of_all() {
    let lattice = Lattice::new([40, 50, 60], Spacing::new([2.5, 0.7, 0.7]).unwrap()).unwrap();
    let drawn = |count: u64, salt: u64, upto: u64| (0..count).map(|k| (k * k * salt % upto) as u32).collect::<Vec<_>>();
    let place = |voxel: u32| [voxel / 3000, voxel / 60 % 50, voxel % 60].map(f64::from);
    let points = drawn(1500, 7_919, 120_000);
    for mut sites in [drawn(3000, 104_729, 120_000), drawn(1001, 31, 9_000), vec![777; 40], vec![5]] {
        let away = |point: u32, site: u32| {
            let (point, site) = (place(point), place(site));
            let [slice, row, column] =
                std::array::from_fn(|axis| (point[axis] - site[axis]) * lattice.spacing_mm()[axis]);
            (slice * slice + row * row + column * column).sqrt()
        };
        let expected: Vec<f64> = points
            .iter()
            .map(|&point| sites.iter().map(|&site| away(point, site)).fold(f64::INFINITY, f64::min))
            .collect();
        assert_eq!(distances_at_mm(&lattice, &sites, &points), expected);
        sites.reverse();
        assert_eq!(distances_at_mm(&lattice, &sites, &points), expected, "in any order");
    }
}
