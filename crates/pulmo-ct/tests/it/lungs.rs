//! Lungs without a model, judged: phantoms, hard phantoms, and real CTs where they are. Bounds are what is reached today,
//! a little loosened; `docs/results/lungs.md` has the figures and the targets.

use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use pulmo_ct::lungs::{Lungs, segment};
use pulmo_ct::phantom::{PhantomOptions, thorax};
use pulmo_ct::random::Random;
use pulmo_ct::{CtVolume, LabelMap};

use crate::format_real::real;
use crate::hard_phantoms;

/// A mask against its reference.
#[derive(Debug)]
struct Judged {
    dice: f64,
    /// Difference of the volumes in per cent of the reference.
    volume_error: f64,
    /// Per cent of the lesion's voxels that lie in the mask.
    inside: f64,
    /// Voxels of both masks with different labels, in per cent of those in both.
    swapped: f64,
}

fn judge(found: &Lungs, reference: &LabelMap, lesion: &LabelMap) -> Judged {
    let labels = found.labels.labels();
    let pairs = || labels.iter().zip(reference.labels());
    let both = pairs().filter(|&(&a, &b)| a > 0 && b > 0).count() as f64;
    let [a, b] = [labels, reference.labels()].map(|map| map.iter().filter(|&&label| label > 0).count() as f64);
    let swapped = pairs().filter(|&(&a, &b)| a > 0 && b > 0 && a != b).count() as f64;
    let all = lesion.labels().iter().filter(|&&label| label > 0).count() as f64;
    let inside = labels.iter().zip(lesion.labels()).filter(|&(&a, &b)| a > 0 && b > 0).count() as f64;
    Judged {
        dice: 2.0 * both / (a + b),
        volume_error: 100.0 * (a - b) / b,
        inside: 100.0 * inside / all,
        swapped: 100.0 * swapped / both,
    }
}

fn says(found: &Lungs, words: &str) -> bool {
    found.problems.iter().any(|problem| problem.contains(words))
}

#[test]
fn phantoms_have_their_lungs_and_no_false_alarm() {
    for seed in 0..6 {
        let phantom = thorax(&PhantomOptions::seeded(seed)).unwrap();
        let found = segment(&phantom.volume).unwrap();
        let judged = judge(&found, &phantom.lungs, &phantom.infiltrate);
        assert!(found.is_sound(), "seed {seed}: {:?}", found.problems);
        assert!(judged.dice > 0.95 && judged.volume_error.abs() < 5.0, "seed {seed}: {judged:?}");
        assert!(judged.inside > 96.0 && judged.swapped < 0.1, "seed {seed}: {judged:?}");
    }
}

/// Whatever fills or cuts the lungs, sides are never swapped, and what is missing or guessed is said.
#[test]
fn hard_phantoms_are_found_or_doubted() {
    for seed in [1, 2] {
        for hard in hard_phantoms::all(seed) {
            let found = segment(&hard.volume).unwrap();
            let judged = judge(&found, &hard.lungs, &hard.dense);
            let about = format!("{} of seed {seed}: {judged:?} {:?}", hard.name, found.problems);
            assert!(judged.swapped < 0.1, "{about}");
            let (dice, inside, said) = match hard.name {
                "right lower lobe" => (0.955, 95.0, "mirror"),
                "left lower lobe" => (0.96, 97.0, "mirror"),
                "left upper lobe" => (0.96, 97.8, "mirror"),
                "effusion" => (0.965, 98.0, "mirror"),
                "large effusion" => (0.97, 98.9, "mirror"),
                "uneven right lower lobe" => (0.95, 85.0, "mirror"),
                "uneven left lower lobe" => (0.96, 96.0, "mirror"),
                "uneven left upper lobe" => (0.96, 97.5, "mirror"),
                "uneven effusion" => (0.96, 97.0, "mirror"),
                "uneven large effusion" => (0.96, 97.0, "mirror"),
                "pneumothorax" => (0.95, 97.0, "air around the lung"),
                "cut at the side" => (0.94, 97.0, "cut at the side"),
                "cut at the feet" => (0.97, 97.0, "cut at the feet"),
                "cut at the head" => (0.95, 97.0, "cut at the head"),
                name => panic!("no bounds for {name}"),
            };
            assert!(judged.dice > dice && judged.inside > inside, "{about}");
            assert!(says(&found, said), "{about}");
            assert_eq!(says(&found, "mirror"), said == "mirror", "a guess where none is due, or none: {about}");
        }
    }
}

/// Published slices often lie upside down in their files: the spine tells where the back is.
#[test]
fn a_lung_is_guessed_in_a_phantom_that_lies_upside_down_in_its_file() {
    let hard = hard_phantoms::all(1).into_iter().find(|hard| hard.name == "left upper lobe").unwrap();
    let columns = hard.volume.grid().shape()[2];
    let plane = columns * hard.volume.grid().shape()[1];
    let flipped =
        |voxel: usize| voxel / plane * plane + (plane - columns - voxel % plane / columns * columns) + voxel % columns;
    let of = |map: &LabelMap| {
        let labels = (0..map.labels().len()).map(|voxel| map.labels()[flipped(voxel)]).collect();
        LabelMap::new(*map.grid(), labels).unwrap()
    };
    let hu = (0..hard.volume.hu().len()).map(|voxel| hard.volume.hu()[flipped(voxel)]).collect();
    let found = segment(&CtVolume::new(*hard.volume.grid(), hu).unwrap()).unwrap();
    let judged = judge(&found, &of(&hard.lungs), &of(&hard.dense));
    assert!(judged.inside > 94.0 && judged.dice > 0.94 && judged.swapped < 0.1, "{judged:?}");
    assert!(says(&found, "mirror"), "{:?}", found.problems);
}

#[test]
fn thin_lung_among_denser_lung_is_no_free_air() {
    let phantom = thorax(&PhantomOptions::seeded(1)).unwrap();
    let mut random = Random::new(3);
    let thin = |(&hu, &lung): (&f32, &u8)| if random.between(0.0, 1.0) < 0.6 && lung > 0 { -990.0 } else { hu };
    let values = phantom.volume.hu().iter().zip(phantom.lungs.labels()).map(thin).collect();
    let found = segment(&CtVolume::new(*phantom.volume.grid(), values).unwrap()).unwrap();
    assert!(!says(&found, "air around the lung"), "{:?}", found.problems);
}

fn open(name: &str) -> Option<CtVolume> {
    Some(open_ct(&real(name)?, &OpenOptions::default()).unwrap().volume)
}

#[test]
fn clear_lungs_in_hu_are_found() {
    let Some(ct) = open("cip/ct-64.nrrd") else { return };
    let reference = open_label_map(&real("cip/wholeLung-64.nrrd").unwrap()).unwrap();
    let found = segment(&ct).unwrap();
    let judged = judge(&found, &reference, &reference);
    assert!(found.calibrated && judged.dice > 0.97 && judged.volume_error.abs() < 5.0, "{judged:?}");
    // Thin emphysema all over is no bulla, and no air around the lung.
    assert!(found.is_sound(), "{:?}", found.problems);
}

/// A real chest with ribs, heart and diaphragm of its own, a part of one lung filled. What comes back is what lies inside.
#[test]
fn a_real_chest_with_much_of_a_lung_without_air_is_guessed_from_its_ribs() {
    let Some(ct) = open("cip/ct-64.nrrd") else { return };
    let lungs = segment(&ct).unwrap().labels;
    let none = LabelMap::new(*ct.grid(), vec![0; ct.grid().voxels()]).unwrap();
    for hard in hard_phantoms::without_air(&ct, &lungs, &none) {
        let found = segment(&hard.volume).unwrap();
        let judged = judge(&found, &hard.lungs, &hard.dense);
        let about = format!("{}: {judged:?} {:?}", hard.name, found.problems);
        let inside = if hard.name.starts_with("uneven") { 95.4 } else { 99.0 };
        assert!(judged.inside > inside && judged.dice > 0.97 && judged.volume_error.abs() < 5.0, "{about}");
        assert!(judged.swapped < 0.2 && says(&found, "mirror"), "{about}");
    }
}

/// Short 8-bit cases, so that a debug build stays quick; `cargo xtask bench lungs` judges all eleven.
#[test]
fn eight_bit_slices_keep_their_lesions_inside() {
    for (case, dice, inside) in [
        ("coronacases_006", 0.98, 99.0),
        ("radiopaedia_10_85902_1", 0.955, 99.0),
        ("radiopaedia_29_86491_1", 0.98, 99.0),
        ("radiopaedia_4_85506_1", 0.96, 97.0),
    ] {
        let file = |folder: &str| format!("covid8bit/{folder}/{case}.nii.gz");
        let Some(ct) = open(&file("ct")) else { return };
        let [lungs, lesion] =
            ["lung", "infection"].map(|folder| open_label_map(&real(&file(folder)).unwrap()).unwrap());
        let found = segment(&ct).unwrap();
        assert!(!found.calibrated && says(&found, "cut at the"), "{case}: {:?}", found.problems);
        assert!(!says(&found, "mirror"), "{case}: {:?}", found.problems);
        let judged = judge(&found, &lungs, &lesion);
        assert!(judged.dice > dice && judged.volume_error.abs() < 5.0 && judged.inside > inside, "{case}: {judged:?}");
    }
}
