//! Writes one small volume in all orders and directions of its axes in every format, for other tools to read.
//!
//! `cargo run -p pulmo-ct --example orientations -- FOLDER`, then `oracles/orientations/check.py FOLDER`.

use std::path::PathBuf;

use pulmo_ct::Grid;
use pulmo_ct::format::{write_label_map, write_volume};
use serde_json::{Map, Value, json};

#[path = "../tests/it/turned.rs"]
mod turned;

/// What another tool must read from a file: its type, and each value with its LPS position in mm.
fn expected(kind: &str, grid: &Grid, values: &[f64]) -> Value {
    let [_, rows, columns] = grid.shape();
    let index = |at: usize| [at / (rows * columns), at / columns % rows, at % columns].map(|n| n as f64);
    let voxels: Vec<_> =
        values.iter().enumerate().map(|(at, value)| json!([value, grid.affine().voxel_to_world(index(at))])).collect();
    json!({ "type": kind, "sheared": grid.is_sheared(), "voxels": voxels })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give a folder")?);
    std::fs::create_dir_all(&folder)?;
    let mut files = Map::new();
    for (float, kind) in [(false, "int16"), (true, "float32")] {
        for turned in turned::all(float) {
            let grid = turned.volume.grid();
            let labels: Vec<f64> = turned.labels.labels().iter().map(|&label| f64::from(label)).collect();
            let hu: Vec<f64> = turned.volume.hu().iter().map(|&hu| f64::from(hu)).collect();
            for ending in turned::ENDINGS.into_iter().filter(|ending| turned::holds(ending, grid)) {
                let name = format!("{kind}_{}{ending}", turned.name);
                write_volume(&folder.join(&name), &turned.volume)?;
                files.insert(name, expected(kind, grid, &hu));
                if !float {
                    let name = format!("labels_{}{ending}", turned.name);
                    write_label_map(&folder.join(&name), &turned.labels)?;
                    files.insert(name, expected("uint8", grid, &labels));
                }
            }
        }
    }
    std::fs::write(folder.join("expected.json"), serde_json::to_vec(&files)?)?;
    Ok(())
}
