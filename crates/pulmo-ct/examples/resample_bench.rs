//! Times resampling of a CT to 1.5 mm and of its label map back, and shows the memory it takes.
//!
//! `cargo run --release -p pulmo-ct --example resample_bench -- JOB [SLICESxROWSxCOLUMNS]` with a job of `hold` (only
//! makes the input, for its memory), `linear`, `bspline`, `nearest`, `oblique`, `back`, `vote` or `bounded`; without
//! arguments all but the last. The input has 300x512x512 voxels of 1.0 x 0.7 x 0.7 mm. `bounded` takes a CT and a label
//! map with three labels of 800x512x512 voxels, puts both on half the voxels per axis by spline and by vote, and streams
//! them back slab by slab. `resample_bench.py` beside this file does the same jobs with SimpleITK and prints the same
//! checks.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Instant;

use pulmo_ct::resample::affine::{self, Interpolation, Source};
use pulmo_ct::resample::labels::{self, LabelInterpolation};
use pulmo_ct::resample::spacing::grid_with_spacing;
use pulmo_ct::{Affine, CtVolume, Grid, LabelMap, Result, Spacing};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let job = arguments.first().map(String::as_str);
    let shape = arguments.get(1).map(|text| text.split('x').filter_map(|n| n.parse().ok()).collect::<Vec<usize>>());
    let default = if job == Some("bounded") { [800, 512, 512] } else { [300, 512, 512] };
    let shape = shape.and_then(|shape| <[usize; 3]>::try_from(shape).ok()).unwrap_or(default);
    let grid = Grid::new(shape, Affine::axial(Spacing::new([1.0, 0.7, 0.7])?, [-179.0, -190.0, 12.0]))?;
    match job {
        Some("bounded") => bounded(grid)?,
        Some(job) => run(job, grid)?,
        None => {
            for job in ["linear", "bspline", "nearest", "oblique", "back", "vote"] {
                run(job, grid)?;
            }
        }
    }
    Ok(())
}

/// Smooth with noise, a sphere of soft tissue in air.
fn ct(grid: Grid) -> Result<CtVolume> {
    let [slices, rows, columns] = grid.shape();
    let mut hu = Vec::with_capacity(grid.voxels());
    for z in 0..slices {
        for y in 0..rows {
            for x in 0..columns {
                let noise = ((z * 131 + y * 71 + x * 37) % 101) as i32;
                hu.push((((z * 3 + y * 5 + x * 7) % 1400) as i32 - 1000 + noise) as f32);
            }
        }
    }
    CtVolume::new(grid, hu)
}

fn blobs(grid: Grid) -> Result<LabelMap> {
    let [slices, rows, columns] = grid.shape();
    let mut labels = Vec::with_capacity(grid.voxels());
    for z in 0..slices {
        for y in 0..rows {
            for x in 0..columns {
                let inside = (x / 40 + y / 40 + z / 25) % 2 == 1;
                labels.push(if inside { 1 + (x / 80 + y / 80 + z / 50) as u8 % 3 } else { 0 });
            }
        }
    }
    LabelMap::new(grid, labels)
}

fn run(job: &str, grid: Grid) -> Result<()> {
    let spacing = Spacing::new([1.5; 3])?;
    let coarse = grid_with_spacing(&grid, spacing)?;
    match job {
        "back" | "vote" => {
            let how = if job == "back" { LabelInterpolation::Nearest } else { LabelInterpolation::LinearVote };
            let small = labels::resample(&blobs(grid)?, &coarse, LabelInterpolation::Nearest)?;
            let start = Instant::now();
            let back = labels::resample(&small, &grid, how)?;
            let seconds = start.elapsed().as_secs_f64();
            let check: u64 = back.labels().iter().enumerate().map(|(k, &x)| u64::from(x) * (k as u64 % 997 + 1)).sum();
            println!("{job}: {seconds:.3} s, check {check}, peak {} MiB", peak_mib());
        }
        _ => {
            let volume = ct(grid)?;
            let start = Instant::now();
            let found = match job {
                "hold" => volume,
                "linear" => affine::resample(&volume, &coarse, Interpolation::Linear)?,
                "bspline" => affine::resample(&volume, &coarse, Interpolation::BSpline)?,
                "oblique" => affine::resample(&volume, &turned(&coarse)?, Interpolation::Linear)?,
                _ => affine::resample(&volume, &coarse, Interpolation::Nearest)?,
            };
            let seconds = start.elapsed().as_secs_f64();
            let mean = found.hu().iter().map(|&hu| f64::from(hu)).sum::<f64>() / found.hu().len() as f64;
            println!("{job}: {seconds:.3} s, mean {mean:.6} HU, peak {} MiB", peak_mib());
        }
    }
    Ok(())
}

/// The grid with rows and columns turned by an angle whose cosine is 0.8 about its first voxel.
fn turned(grid: &Grid) -> Result<Grid> {
    let mut affine = *grid.affine();
    affine.columns[1] = [-0.9, 1.2, 0.0];
    affine.columns[2] = [1.2, 0.9, 0.0];
    Grid::new(grid.shape(), affine)
}

fn bounded(grid: Grid) -> Result<()> {
    let (volume, map) = (ct(grid)?, blobs(grid)?);
    println!("input: {:?} voxels, peak {} MiB", grid.shape(), peak_mib());
    let mm = grid.spacing().mm();
    let half = grid_with_spacing(&grid, Spacing::new(mm.map(|x| 2.0 * x))?)?;
    let start = Instant::now();
    let small = affine::resample(&volume, &half, Interpolation::BSpline)?;
    let small_map = labels::resample(&map, &half, LabelInterpolation::LinearVote)?;
    println!("down to {:?}: {:.1} s, peak {} MiB", half.shape(), start.elapsed().as_secs_f64(), peak_mib());
    let start = Instant::now();
    let plane = grid.shape()[1] * grid.shape()[2];
    let (mut apart, mut same) = (0.0_f64, 0_usize);
    affine::resample_slabs(Source::from(&small), &grid, Interpolation::BSpline, &mut |slab| {
        let old = &volume.hu()[slab.first_slice * plane..];
        apart += slab.values.iter().zip(old).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        Ok(())
    })?;
    labels::resample_slabs(Source::from(&small_map), &grid, LabelInterpolation::LinearVote, &mut |slab| {
        let old = &map.labels()[slab.first_slice * plane..];
        same += slab.values.iter().zip(old).filter(|(a, b)| a == b).count();
        Ok(())
    })?;
    println!("up again: {:.1} s, peak {} MiB", start.elapsed().as_secs_f64(), peak_mib());
    let voxels = grid.voxels() as f64;
    println!("{:.2} HU apart on average, {:.4} of the labels are the same", apart / voxels, same as f64 / voxels);
    Ok(())
}

/// The largest memory of this process so far; 0 where the system does not say.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}
