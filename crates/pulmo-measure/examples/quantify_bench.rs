//! How long the quantities of a report take: a thorax of 300 x 512 x 512 voxels with two kinds of opacity masks.
//!
//! `cargo xtask bench quantities`, or `cargo run --release -p pulmo-measure --example quantify_bench`.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Instant;

use pulmo_ct::LabelMap;
use pulmo_ct::phantom::{PhantomOptions, thorax};
use pulmo_measure::quantify::{Input, Options, Subject, quantify};

/// Slices, rows and columns.
const SHAPE: [usize; 3] = [300, 512, 512];
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = PhantomOptions { shape: SHAPE, spacing_mm: [1.0, 0.7, 0.7], ..PhantomOptions::seeded(1) };
    let phantom = thorax(&options)?;
    let grid = *phantom.volume.grid();
    // The worst case: all of both lungs is opacity, in one focus each.
    let whole = phantom.lungs.labels().iter().map(|&lung| u8::from(lung > 0)).collect();
    for (name, opacity) in [("lesions", phantom.infiltrate), ("whole lungs", LabelMap::new(grid, whole)?)] {
        let input = Input {
            ct: &phantom.volume,
            known_not_hu: false,
            opacity: &opacity,
            opacity_labels: &[1],
            lungs: Some(&phantom.lungs),
            lung_problems: &[],
            lobes: None,
            landmarks: None,
            scan: &Default::default(),
            subject: Subject::default(),
            interval: None,
        };
        let mut best = f64::INFINITY;
        let mut ml = 0.0;
        for _ in 0..RUNS {
            let start = Instant::now();
            ml = quantify(&input, &Options::default())?.opacity.total_ml;
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name}: {ml:.0} mL of opacity, {best:.2} s (best of {RUNS})");
    }
    Ok(())
}
