//! CLAHE and histogram matching against OpenCV and numpy (`oracles/intensity`), and CLAHE on real slices.

use std::io::Read;
use std::path::{Path, PathBuf};

use pulmo_ct::intensity::Intensity;
use pulmo_ct::intensity::clahe::{Clahe, slice_to_eight_bit};
use pulmo_ct::resample::resize_slices_bicubic;
use pulmo_ct::{Affine, CtVolume, Grid, Spacing};
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    clahe: Vec<ClaheCase>,
    histogram: Histogram,
}

#[derive(Deserialize)]
struct ClaheCase {
    plane: [usize; 2],
    clip_limit: f32,
    tiles: usize,
    out: Vec<u8>,
}

#[derive(Deserialize)]
struct Histogram {
    landmarks: Vec<f32>,
    out: Vec<f32>,
}

fn truth() -> Truth {
    serde_json::from_str(include_str!("../../../../oracles/intensity/truth.json")).unwrap()
}

#[test]
fn clahe_is_opencv_s() {
    for case in truth().clahe {
        let [rows, columns] = case.plane;
        let greys: Vec<u8> = (0..rows * columns)
            .map(|k| (k / columns, k % columns))
            .map(|(y, x)| ((x * x / 7 + y * 3 + (x * 31 + y * 17) % 23 + (x * y) % 41) % 256) as u8)
            .collect();
        let out = Clahe { clip_limit: case.clip_limit, tiles: case.tiles }.apply(case.plane, &greys);
        assert_eq!(out, case.out, "{:?}, clip limit {}, {} tiles", case.plane, case.clip_limit, case.tiles);
    }
}

#[test]
fn histogram_matching_is_nyul_s() {
    let truth = truth().histogram;
    let values: Vec<f32> = (0..600_u32).map(|k| ((k * 7919 % 2003).pow(2) as f64 / 2000.0 - 1000.0) as f32).collect();
    let out = Intensity::Histogram { landmarks: truth.landmarks }.apply([6, 10, 10], &values).unwrap();
    let apart = out.iter().zip(&truth.out).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-5, "{apart}");
}

/// The published 8-bit slices come out of the HU to the bit: the numbers in the docs of `intensity::clahe`.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn published_eight_bit_slices_come_out_of_hu() {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if !data.join("coronacases_hu").is_dir() {
        eprintln!("skipped: no real data at {}", data.display());
        return;
    }
    let stack = nifti_bytes(&data.join("covid8bit/ct/coronacases_001.nii.gz"));
    for original in [98, 122] {
        let hu = npy_i16(&data.join(format!("coronacases_hu/coronacases_001_image_slice_{original}.npy")));
        assert_eq!(hu.len(), 512 * 512);
        // The file runs along columns, then rows from back to front: turned to patient axes, front first.
        let turned = (0..512 * 512).map(|k| f32::from(hu[k % 512 + (511 - k / 512) * 512])).collect();
        let grid = Grid::new([1, 512, 512], Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3])).unwrap();
        let half = resize_slices_bicubic(&CtVolume::new(grid, turned).unwrap(), [256, 256]).unwrap();
        let out = Clahe { clip_limit: 7.0, tiles: 8 }.apply([256, 256], &slice_to_eight_bit(half.hu()));
        let published = &stack[(original - 78) * 256 * 256..(original - 77) * 256 * 256];
        let apart: i64 = out.iter().zip(published).map(|(&a, &b)| (i64::from(a) - i64::from(b)).abs()).sum();
        let mean = apart as f64 / 65536.0;
        assert!(mean < 0.001, "slice {original}: mean absolute difference {mean} greys");
        let recipe = Intensity::like_eight_bit_slices().apply([1, 256, 256], half.hu()).unwrap();
        let same = recipe.iter().zip(&out).all(|(a, &b)| (a * 255.0 - f32::from(b)).abs() < 1e-3);
        assert!(same, "the HU limits of the recipe change nothing here");
    }
}

fn npy_i16(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn nifti_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes.split_off(352)
}
