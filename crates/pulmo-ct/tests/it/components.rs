//! Connected components and opening against scipy: `oracles/components`.

use pulmo_ct::components::{Connectivity, binary_opening, components};
use pulmo_ct::runs::runs;
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    components: Vec<Labelled>,
    opening: Vec<Opened>,
}

#[derive(Deserialize)]
struct Labelled {
    shape: [usize; 3],
    keep: f64,
    connectivity: Connectivity,
    sizes: Vec<usize>,
    labels: Vec<u32>,
}

#[derive(Deserialize)]
struct Opened {
    shape: [usize; 3],
    keep: f64,
    iterations: usize,
    voxels: Vec<usize>,
}

fn truth() -> Truth {
    serde_json::from_str(include_str!("../../../../oracles/components/truth.json")).unwrap()
}

fn mask(shape: [usize; 3], keep: f64) -> Vec<bool> {
    let voxels: usize = shape.iter().product();
    let below = (keep * 4_294_967_296.0) as u64;
    (0..voxels as u64).map(|k| k * 2_654_435_761 % 4_294_967_296 < below).collect()
}

#[test]
fn components_are_scipy_s() {
    for case in truth().components {
        let found = components(case.shape, &mask(case.shape, case.keep), case.connectivity).unwrap();
        assert_eq!(found.sizes(), case.sizes, "{:?} {:?}", case.shape, case.connectivity);
        assert_eq!(found.labels(), case.labels, "{:?} {:?}", case.shape, case.connectivity);
    }
}

#[test]
fn components_in_runs_are_scipy_s() {
    for case in truth().components {
        let found = runs(case.shape, &mask(case.shape, case.keep), |&inside| inside, case.connectivity);
        let mut labels = vec![0; case.labels.len()];
        found.runs.iter().for_each(|run| labels[run.start..run.end].fill(run.component + 1));
        assert_eq!(labels, case.labels, "{:?} {:?}", case.shape, case.connectivity);
        let sizes: Vec<usize> = found.sizes.iter().map(|&size| size as usize).collect();
        assert_eq!(sizes, case.sizes, "{:?} {:?}", case.shape, case.connectivity);
    }
}

#[test]
fn opening_is_scipy_s() {
    for case in truth().opening {
        let opened = binary_opening(case.shape, &mask(case.shape, case.keep), case.iterations).unwrap();
        let voxels: Vec<usize> = (0..opened.len()).filter(|&k| opened[k]).collect();
        assert_eq!(voxels, case.voxels, "{:?} {}", case.shape, case.iterations);
    }
}

#[test]
fn small_and_large_components_are_told_apart() {
    let mask = [true, true, false, true, false, true, true, true];
    let found = components([1, 1, 8], &mask, Connectivity::Faces).unwrap();
    assert_eq!(found.sizes(), [2, 1, 3]);
    assert_eq!(found.without_small(2), [true, true, false, false, false, true, true, true]);
    assert_eq!(found.largest(1), [false, false, false, false, false, true, true, true]);
    assert_eq!(found.largest(9), mask);
    assert!(components([1, 1, 7], &mask, Connectivity::Faces).is_err());
    assert_eq!(components([1, 1, 2], &[false, false], Connectivity::Corners).unwrap().count(), 0);
}
