//! The masks of MosMedData and real lung masks, where they lie beside the repository.

use super::*;
use pulmo_ct::components::{Connectivity, components};
use std::path::{Path, PathBuf};

#[allow(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if !folder.is_dir() {
        eprintln!("skipped: no masks at ../shared/data/{name}");
        return None;
    }
    Some(folder)
}

fn open(path: &Path) -> LabelMap {
    pulmo_ct::format::open_label_map(path).unwrap_or_else(|error| panic!("{error}"))
}

/// The CTs are not there, so values are declared not to be HU.
fn measured(opacity: &LabelMap, lungs: Option<&LabelMap>) -> Quantities {
    let ct = CtVolume::new(*opacity.grid(), vec![0.0; opacity.grid().voxels()]).unwrap();
    let scan = ScanFacts::default();
    let input = Input {
        ct: &ct,
        known_not_hu: true,
        opacity,
        opacity_labels: &[1],
        lungs,
        lung_problems: &[],
        lobes: None,
        landmarks: None,
        scan: &scan,
        subject: Subject::default(),
        interval: None,
    };
    quantify(&input, &Options { all_rules: true, ..Options::default() }).unwrap()
}

#[test]
fn all_fifty_masks_give_their_volume() {
    let Some(folder) = folder("mosmed") else { return };
    let mut masks: Vec<PathBuf> =
        std::fs::read_dir(folder.join("masks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    masks.retain(|path| path.to_string_lossy().ends_with("_mask.nii.gz"));
    masks.sort();
    assert_eq!(masks.len(), 50);
    let mut sum_ml = 0.0;
    for path in masks {
        let mask = open(&path);
        let found = measured(&mask, None);
        let voxels = mask.count(1);
        assert_eq!(found.opacity.voxels as usize, voxels);
        assert!(voxels > 0 && (found.opacity.total_ml - voxels as f64 * mask.grid().voxel_ml()).abs() < 1e-9);
        let foci: f64 = found.foci.sizes_ml.iter().sum::<f64>() + found.foci.smaller_ml;
        assert!((foci - found.opacity.total_ml).abs() < 1e-6, "foci sum to the whole");
        assert!(found.attenuation.is_none(), "no word on attenuation without HU");
        sum_ml += found.opacity.total_ml;
    }
    // nibabel 5: voxels times the determinant of the affine, summed over the 50.
    assert!((sum_ml - 4321.381568).abs() < 1e-3, "{sum_ml}");
}

#[test]
fn study_0255_has_its_three_shares() {
    let Some(folder) = folder("mosmed") else { return };
    let mask = open(&folder.join("masks/study_0255_mask.nii.gz"));
    let lungs = open(&folder.join("study_0255_Segmentation.seg.nrrd"));
    // One segment for both lungs: split at the middle of the patient, which does not matter here.
    let grid = *mask.grid();
    let sides = lungs.labels().iter().enumerate().map(|(k, &label)| {
        let [_, rows, columns] = grid.shape();
        let index = [k / (rows * columns), k / columns % rows, k % columns].map(|i| i as f64);
        let is_left = grid.affine().voxel_to_world(index)[0] > 0.0;
        if label == 0 {
            0
        } else if is_left {
            1
        } else {
            2
        }
    });
    let lungs = LabelMap::new(grid, sides.collect()).unwrap();
    let found = measured(&mask, Some(&lungs));
    let rounded = |x: f64| (x * 100.0).round() / 100.0;
    assert_eq!(found.opacity.total_ml.round(), 310.0);
    assert_eq!(found.lung.as_ref().unwrap().total_ml.round(), 4290.0);
    let shares: Vec<(&str, f64)> =
        found.involvement.iter().map(|share| (share.rule_id.as_str(), rounded(share.percent))).collect();
    assert_eq!(shares, [("inside_lung", 6.53), ("all_of_lung", 7.23), ("all_of_union", 7.18)]);
    assert!(found.flag("outside_lung").unwrap().found.contains("9.8 %"), "4,449 of 45,526 voxels");
}

/// The two largest pieces, the one further to the patient's left as the left lung; `None` if there are not two.
fn sides(mask: &LabelMap) -> Option<LabelMap> {
    let grid = *mask.grid();
    let is_lung: Vec<bool> = mask.labels().iter().map(|&label| label > 0).collect();
    let parts = components(grid.shape(), &is_lung, Connectivity::Faces).unwrap();
    let mut order: Vec<usize> = (0..parts.count()).collect();
    order.sort_by_key(|&part| std::cmp::Reverse(parts.sizes()[part]));
    let &[one, other, ..] = order.as_slice() else { return None };
    if parts.sizes()[other] * 10 < parts.sizes()[one] {
        return None;
    }
    let mean_x = |part: usize| {
        let [_, rows, columns] = grid.shape();
        let places = parts.labels().iter().enumerate().filter(|&(_, &label)| label as usize == part + 1);
        let sum: f64 = places
            .map(|(k, _)| [k / (rows * columns), k / columns % rows, k % columns].map(|i| i as f64))
            .map(|index| grid.affine().voxel_to_world(index)[0])
            .sum();
        sum / parts.sizes()[part] as f64
    };
    let left = if mean_x(one) > mean_x(other) { one } else { other };
    let labels = parts.labels().iter().map(|&label| match (label as usize).checked_sub(1) {
        Some(part) if part == left => 1,
        Some(part) if part == one || part == other => 2,
        _ => 0,
    });
    Some(LabelMap::new(grid, labels.collect()).unwrap())
}

/// The same voxels with x reversed in patient space.
fn mirrored(map: &LabelMap) -> LabelMap {
    let mut affine = *map.grid().affine();
    affine.columns.iter_mut().for_each(|column| column[0] = -column[0]);
    affine.origin_mm[0] = -affine.origin_mm[0];
    LabelMap::new(Grid::new(map.grid().shape(), affine).unwrap(), map.labels().to_vec()).unwrap()
}

#[test]
fn real_hearts_are_on_the_right_side() {
    let Some(folder) = folder("covid8bit/lung") else { return };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut masks: Vec<LabelMap> =
        files.filter(|path| path.to_string_lossy().ends_with(".nii.gz")).map(|path| open(&path)).collect();
    masks.push(open(&super::real::folder("cip").unwrap().join("wholeLung-64.nrrd")));
    let (mut judged, mut found_mirrored) = (0, 0);
    for mask in &masks {
        let flagged = |mask: &LabelMap| {
            let lungs = sides(mask)?;
            let none = LabelMap::new(*lungs.grid(), vec![0; lungs.grid().voxels()]).unwrap();
            Some(measured(&none, Some(&lungs)).flag("wrong_side").is_some())
        };
        let Some(is_flagged) = flagged(mask) else { continue };
        assert!(!is_flagged);
        judged += 1;
        found_mirrored += usize::from(flagged(&mirrored(mask)) == Some(true));
    }
    assert_eq!((judged, found_mirrored), (11, 6), "judged, and found when mirrored");
}

#[test]
fn real_livers_are_on_the_right_side() {
    for name in ["cip/ct-64.nrrd", "ricord"] {
        let Some(data) = folder(name.split('/').next().unwrap()) else { return };
        let mut path = data.parent().unwrap().join(name);
        // A series may lie some folders deep.
        while let Some(inner) = path.is_dir().then(|| only_folder_in(&path)).flatten() {
            path = inner;
        }
        let ct = pulmo_ct::format::open_ct(&path, &pulmo_ct::format::OpenOptions::default()).unwrap().volume;
        let flagged = |grid: Grid| {
            let ct = CtVolume::new(grid, ct.hu().to_vec()).unwrap();
            let lungs = pulmo_ct::lungs::segment(&ct).unwrap().labels;
            let opacity = LabelMap::new(grid, vec![0; grid.voxels()]).unwrap();
            let case = Case { ct, opacity, lungs, scan: ScanFacts::default() };
            case.quantities().flag("liver_side").is_some()
        };
        let mut affine = *ct.grid().affine();
        assert!(!flagged(*ct.grid()), "{name}");
        affine.columns.iter_mut().for_each(|column| column[0] = -column[0]);
        affine.origin_mm[0] = -affine.origin_mm[0];
        assert!(flagged(Grid::new(ct.grid().shape(), affine).unwrap()), "{name}, mirrored");
    }
}

fn only_folder_in(path: &Path) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    let folders: Vec<&PathBuf> = entries.iter().filter(|entry| entry.is_dir()).collect();
    (folders.len() == 1 && entries.len() == 1).then(|| folders[0].clone())
}
