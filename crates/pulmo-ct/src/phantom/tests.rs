use super::*;

#[test]
fn volumes_are_those_of_the_voxels_and_of_a_grown_patient() {
    for seed in 0..6 {
        let phantom = thorax(&PhantomOptions::seeded(seed)).unwrap();
        let exact = phantom.exact;
        assert!((phantom.infiltrate.volume_ml(1) - exact.infiltrate_ml).abs() < 1e-9);
        assert!((phantom.lungs.volume_ml(LEFT_LUNG) - exact.left_lung_ml).abs() < 1e-9);
        assert!((exact.left_lung_ml + exact.right_lung_ml - exact.lung_ml).abs() < 1e-9);
        assert!((2500.0..7500.0).contains(&exact.lung_ml), "seed {seed}: {} mL", exact.lung_ml);
        assert!(exact.infiltrate_ml > 10.0 && exact.infiltrate_ml < 0.4 * exact.lung_ml, "seed {seed}: {exact:?}");
        let outside =
            phantom.infiltrate.labels().iter().zip(phantom.lungs.labels()).filter(|&(&i, &l)| i > 0 && l == 0);
        assert_eq!(outside.count(), 0, "infiltrate lies in the lungs");
        assert!(phantom.infiltrate.labels().iter().all(|&label| label <= 1));
    }
}

#[test]
fn left_is_where_patient_space_says() {
    let phantom = thorax(&PhantomOptions::seeded(3)).unwrap();
    let [_, rows, columns] = phantom.volume.grid().shape();
    for (voxel, &label) in phantom.lungs.labels().iter().enumerate() {
        let index = [(voxel / (rows * columns)) as f64, (voxel / columns % rows) as f64, (voxel % columns) as f64];
        let x = phantom.volume.grid().affine().voxel_to_world(index)[0];
        assert!(label == 0 || (label == LEFT_LUNG) == (x > 0.0), "LPS: x grows to the left");
    }
}

#[test]
fn one_seed_gives_one_patient_for_any_number_of_threads() {
    let options = PhantomOptions { shape: [12, 40, 40], spacing_mm: [21.0, 8.6, 8.6], ..PhantomOptions::seeded(5) };
    let here = thorax(&options).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = pool.install(|| thorax(&options).unwrap());
    assert_eq!(here.volume, alone.volume);
    assert_eq!(here.infiltrate, alone.infiltrate);
    let other = thorax(&PhantomOptions { seed: 6, ..options.clone() }).unwrap();
    assert_ne!(here.volume, other.volume);
    let healthy = thorax(&PhantomOptions { lesions: [0, 0], ..options }).unwrap();
    assert_eq!(healthy.infiltrate.count(1), 0);
}

#[test]
fn options_out_of_range_are_refused() {
    for bad in [
        PhantomOptions { lesions: [3, 2], ..PhantomOptions::default() },
        PhantomOptions { lesions: [0, 1000], ..PhantomOptions::default() },
        PhantomOptions { noise_hu: f32::NAN, ..PhantomOptions::default() },
        PhantomOptions { spacing_mm: [0.0, 1.0, 1.0], ..PhantomOptions::default() },
        PhantomOptions { shape: [0, 8, 8], ..PhantomOptions::default() },
    ] {
        assert!(thorax(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn air_lies_outside_and_soft_tissue_inside() {
    let phantom = thorax(&PhantomOptions { noise_hu: 0.0, ..PhantomOptions::seeded(2) }).unwrap();
    let hu = phantom.volume.hu();
    assert!((hu[0] + 1000.0).abs() < 1.0, "corner: {}", hu[0]);
    let most = hu.iter().copied().fold(f32::MIN, f32::max);
    assert!((150.0..500.0).contains(&most), "bone: {most}");
    let lung: Vec<f32> = hu.iter().zip(phantom.lungs.labels()).filter(|&(_, &l)| l > 0).map(|(&x, _)| x).collect();
    let aerated = lung.iter().filter(|&&x| x < -700.0).count() as f64 / lung.len() as f64;
    assert!(aerated > 0.3, "{aerated}");
}
