//! Times all metrics of a pair of masks of 300x512x512 voxels, and shows the memory they take.
//!
//! `cargo xtask bench metrics`, or `cargo run --release -p pulmo-measure --example metric_bench -- [lungs|lesions]`. Each
//! pair runs in a process of its own, so that its peak is its own; the peak holds both label maps (150 MiB). Where
//! `$PULMO_PYTHON` names a Python with numpy, surface-distance and MONAI, the same masks are measured by them, by
//! `metric_bench.py` beside this file.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::Command;
use std::time::Instant;

use pulmo_ct::{Affine, Error, Grid, LabelMap, Result, Spacing};
use pulmo_measure::compare::{self, MaskPair, Settings};

const SHAPE: [usize; 3] = [300, 512, 512];
const SPACING_MM: [f64; 3] = [1.0, 0.7, 0.7];
const PAIRS: [&str; 2] = ["lungs", "lesions"];

fn main() -> Result<()> {
    if let Some(pair) = std::env::args().nth(1) {
        return measure(&pair);
    }
    let program = std::env::current_exe().map_err(|error| Error::read("this program".as_ref(), error))?;
    for pair in PAIRS {
        if !Command::new(&program).arg(pair).status().is_ok_and(|status| status.success()) {
            println!("{pair}: not measured");
        }
    }
    Ok(())
}

fn measure(pair: &str) -> Result<()> {
    let grid = Grid::new(SHAPE, Affine::axial(Spacing::new(SPACING_MM)?, [0.0; 3]))?;
    let [reference, prediction] = [0.0, 1.0].map(|shift| drawn(pair, shift));
    let (reference, prediction) = (LabelMap::new(grid, reference)?, LabelMap::new(grid, prediction)?);
    let settings = if pair == "lungs" { Settings::LUNG } else { Settings::LESION };
    let start = Instant::now();
    let masks = MaskPair::new(&reference, &prediction, 1)?.with(settings);
    let values: Vec<Option<f64>> = compare::ALL.iter().map(|metric| metric.compute(&masks)).collect();
    let seconds = start.elapsed().as_secs_f64();
    println!("{pair}: all {} metrics in {seconds:.2} s, peak {} MiB", values.len(), peak_mib());
    for (metric, value) in compare::ALL.iter().zip(&values) {
        println!("  {} {}", metric.name(), value.map_or("not defined".into(), |value| format!("{value:.9}")));
    }
    if let Some(python) = std::env::var_os("PULMO_PYTHON") {
        rivals(&python, pair, [&reference, &prediction]);
    }
    Ok(())
}

/// Two lungs with waves on them, or some hundred balls; the second time a little moved and bent.
fn drawn(pair: &str, shift: f64) -> Vec<u8> {
    let [slices, rows, columns] = SHAPE;
    let mut labels = vec![0; slices * rows * columns];
    let balls: Vec<[f64; 4]> = (0..300_u64)
        .map(|k| {
            let part = |salt: u64| (k * salt % 1009) as f64 / 1009.0;
            let (z, y, x) = (30.0 + 240.0 * part(313), 100.0 + 300.0 * part(571), 60.0 + 390.0 * part(839));
            [z, y + 2.0 * shift, x + shift, 3.0 + 22.0 * part(97).powi(3) + shift]
        })
        .collect();
    for z in 0..slices {
        let near: Vec<&[f64; 4]> = balls.iter().filter(|ball| (z as f64 - ball[0]).abs() <= ball[3]).collect();
        for y in 0..rows {
            for x in 0..columns {
                let at = [z as f64, y as f64, x as f64];
                let inside = if pair == "lungs" {
                    [150.0, 362.0].iter().any(|&centre| lung(at, centre, shift))
                } else {
                    near.iter().any(|ball| in_ball(at, ball))
                };
                labels[(z * rows + y) * columns + x] = u8::from(inside);
            }
        }
    }
    labels
}

fn in_ball(at: [f64; 3], [z, y, x, radius]: &[f64; 4]) -> bool {
    (at[0] - z).powi(2) + (at[1] - y).powi(2) + (at[2] - x).powi(2) <= radius.powi(2)
}

fn lung([z, y, x]: [f64; 3], centre: f64, shift: f64) -> bool {
    let (dz, dy, dx) = ((z - 150.0) / 140.0, (y - 256.0) / 150.0, (x - centre - 2.0 * shift) / 90.0);
    let waves = 0.05 * ((z / 9.0).sin() + (y / 13.0 + shift).sin() + (x / 11.0).sin());
    dz * dz + dy * dy + dx * dx <= 1.0 + waves
}

fn rivals(python: &std::ffi::OsStr, pair: &str, masks: [&LabelMap; 2]) {
    let folder = std::env::temp_dir().join(format!("pulmo-metric-bench-{}", std::process::id()));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/metric_bench.py");
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        let mut files = ["reference", "prediction"].into_iter().zip(masks);
        files.try_for_each(|(name, mask)| std::fs::write(folder.join(name), mask.labels()))
    });
    for tool in ["surface-distance", "monai"] {
        let run = || Command::new(python).args([script, tool]).arg(&folder).output().ok();
        let output = written.as_ref().ok().and_then(|()| run()).filter(|output| output.status.success());
        match output {
            Some(output) => println!("{pair}: {}", String::from_utf8_lossy(&output.stdout).trim_end()),
            None => println!("{pair}: {tool} did not run"),
        }
    }
    // A leftover in the system's temporary folder harms no figure.
    let _ = std::fs::remove_dir_all(&folder);
}

/// The process's peak in MiB as Linux counts it; 0 elsewhere.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
