//! Files of formats with a header of text, against what other tools read from them.

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_ct::format::{OpenOptions, open_ct};
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    shape_ijk: [usize; 3],
    columns_lps: [[f64; 3]; 3],
    origin_lps: [f64; 3],
    values: Vec<f64>,
}

/// Compares every header file of `oracles/<topic>` with its truth; returns how many there are.
pub(crate) fn check(topic: &str, endings: &[&str]) -> usize {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles")).join(topic);
    let truth: BTreeMap<String, Truth> =
        serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let is_header = |name: &str| endings.iter().any(|ending| name.ends_with(&format!(".{ending}")));
    let names = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| is_header(name)).collect();
    for name in &names {
        let truth = &truth[name];
        let opened = open_ct(&folder.join(name), &OpenOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let grid = opened.volume.grid();
        let [i, j, k] = truth.shape_ijk;
        assert_eq!(grid.shape(), [k, j, i], "{name}");
        for axis in 0..3 {
            assert!((grid.affine().origin_mm[axis] - truth.origin_lps[axis]).abs() < 1e-9, "{name}: {grid:?}");
            for n in 0..3 {
                let (found, expected) = (grid.affine().columns[2 - axis][n], truth.columns_lps[axis][n]);
                assert!((found - expected).abs() < 1e-9, "{name}: {found} for {expected}");
            }
        }
        let expected: Vec<f32> = truth.values.iter().map(|&value| value as f32).collect();
        assert_eq!(opened.volume.hu(), expected, "{name}");
    }
    names.len()
}
