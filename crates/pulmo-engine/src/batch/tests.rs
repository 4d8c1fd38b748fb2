use pulmo_ct::orient::Orientation;
use pulmo_ct::resample::LabelResize;
use pulmo_ct::{Affine, Spacing};

use super::*;

fn ct(shape: [usize; 3], spacing_mm: [f64; 3]) -> CtVolume {
    let grid = Grid::new(shape, Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3])).unwrap();
    CtVolume::new(grid, (0..grid.voxels()).map(|i| i as f32).collect()).unwrap()
}

fn labels(ct: &CtVolume, label: impl Fn(usize) -> u8) -> LabelMap {
    LabelMap::new(*ct.grid(), (0..ct.grid().voxels()).map(label).collect()).unwrap()
}

fn input(grid: GridMode) -> Input {
    Input { grid, orientation: Orientation::Stored, ..Input::default() }
}

#[test]
fn whole_volumes_are_resized_corner_on_corner_and_scaled_afterwards() {
    let ct = ct([1, 1, 5], [5.0, 1.0, 1.0]);
    let input = input(GridMode::Whole { size: [1, 1, 3] });
    let found = prepare(&ct, Some(&labels(&ct, |i| u8::from(i >= 2))), &input, Voxels::AsInTraining, 2).unwrap();
    // torch 2.0.1: interpolate(arange(5.), size=3, mode="linear", align_corners=True) is [0, 2, 4].
    assert_eq!(found.values, [0.0, 0.5, 1.0]);
    // torch: interpolate([0, 0, 1, 1, 1], size=3, mode="nearest") is [0, 0, 1].
    assert_eq!(found.target.unwrap(), [0, 0, 1]);
    assert_eq!(found.placement.network.spacing().mm()[2], 2.0);
    assert_eq!(found.placement.stored, *ct.grid());
}

#[test]
fn the_three_ways_to_resize_a_mask_differ_as_in_the_library() {
    let ct = ct([1, 1, 6], [1.0; 3]);
    let reference = labels(&ct, |i| u8::from(i == 2 || i == 3));
    let resized = |mask_resize, size| {
        let input = Input { mask_resize, ..input(GridMode::Whole { size: [1, 1, size] }) };
        prepare(&ct, Some(&reference), &input, Voxels::AsInTraining, 2).unwrap().target.unwrap()
    };
    // torch nearest: floor(i * 6 / 4) = 0, 1, 3, 4; floor(linspace(0, 5, 4)) = 0, 1, 3, 5.
    assert_eq!(resized(LabelResize::Nearest, 4), [0, 0, 1, 0]);
    assert_eq!(resized(LabelResize::IndexBased, 4), [0, 0, 1, 0]);
    // Trilinear at 0, 5/3, 10/3, 5: 0, 2/3, 2/3, 0: everything is truncated away.
    assert_eq!(resized(LabelResize::TrilinearTruncate, 4), [0, 0, 0, 0]);
    assert_eq!(resized(LabelResize::Nearest, 12), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]);
}

#[test]
fn patches_resample_to_the_spacing_and_the_reference_follows() {
    let ct = ct([3, 8, 8], [4.0, 1.0, 1.0]);
    let grid = GridMode::Patches {
        size: [4, 4, 4],
        spacing_mm: Some([2.0, 2.0, 1.0]),
        overlap: 0.5,
        foreground_share: 0.5,
        patches_per_case: 1,
    };
    let input = Input { foreground_labels: vec![3], ..input(grid) };
    let reference = labels(&ct, |i| if i / 64 == 1 { 3 } else { 1 });
    let found = prepare(&ct, Some(&reference), &input, Voxels::AsInTraining, 2).unwrap();
    assert_eq!(found.placement.network.shape(), [6, 4, 8]);
    assert_eq!(found.placement.network.spacing().mm(), [2.0, 2.0, 1.0]);
    let per_slice: Vec<u8> = found.target.unwrap().chunks(32).map(|plane| plane[0]).collect();
    assert_eq!(per_slice, [0, 0, 1, 1, 0, 0]);
}

#[test]
fn wrong_references_are_refused() {
    let ct1 = ct([2, 4, 4], [1.0; 3]);
    let other = ct([2, 4, 4], [2.0; 3]);
    let input = input(GridMode::Whole { size: [2, 4, 4] });
    let apart = prepare(&ct1, Some(&labels(&other, |_| 0)), &input, Voxels::AsInTraining, 2);
    assert!(apart.unwrap_err().to_string().contains("grids differ"));
    let error = prepare(&ct1, Some(&labels(&ct1, |_| 7)), &input, Voxels::AsInTraining, 2).unwrap_err();
    assert!(error.to_string().contains("label 7"), "{error}");
    assert!(error.hint().unwrap().contains("foreground_labels"));
}

#[test]
fn channels_are_identical_copies_in_the_last_axis() {
    let (one, two) = ([1.0, 2.0], [3.0, 4.0]);
    assert_eq!(network_input(&[&one, &two], 3), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0]);
    assert_eq!(network_input(&[&one, &two], 1), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_ct_in_hu_takes_the_path_of_the_training_pictures() {
    let input = Input {
        grid: GridMode::Patches {
            size: [1, 4, 4],
            spacing_mm: None,
            overlap: 0.5,
            foreground_share: 0.5,
            patches_per_case: 1,
        },
        intensity: Intensity::EightBit {},
        intensity_of_hu: Some(Intensity::like_eight_bit_slices()),
        slice_size_of_hu: Some([16, 16]),
        ..Input::default()
    };
    let scanned = ct([2, 32, 32], [1.0, 0.7, 0.7]);
    let found = prepare(&scanned, None, &input, Voxels::Hu, 2).unwrap();
    assert_eq!(found.placement.network.shape(), [2, 16, 16]);
    assert_eq!(found.placement.oriented, *scanned.grid());
    assert!((found.placement.network.spacing().mm()[2] - 1.4).abs() < 1e-12);
    assert!(found.values.iter().all(|v| (0.0..=1.0).contains(v)));
    let like_training = prepare(&scanned, None, &input, Voxels::AsInTraining, 2).unwrap();
    assert_eq!(like_training.placement.network, *scanned.grid());
}
