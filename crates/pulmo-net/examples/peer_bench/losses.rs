//! How far losses part in the first steps of training, over several first weights and inputs.
//!
//! One training cannot tell rounding that leads astray from rounding that merely differs: Adam's first steps go by the signs
//! of gradients, so that any other rounding turns some of them round.

use std::path::Path;

use crate::case::{self, Case};
use crate::worker::{Row, Worker};

const STEPS: usize = 8;
const SIZE: [usize; 3] = [12, 64, 64];
/// Tools and what they do; float32 of each first.
const SIDES: [(&str, &str); 6] = [
    ("pulmo", "train"),
    ("torch", "train"),
    ("pulmo", "train-bf16"),
    ("torch", "train-bf16"),
    ("torch-cl", "train-bf16"),
    ("torch-compile", "train-bf16"),
];

/// Trains a network of the bench some steps from each of `seeds` first weights with every tool, and prints how far
/// the losses of any two lie apart.
pub(crate) fn compare(name: &str, seeds: u64, folder: &Path, python: &Path, script: &Path) -> Result<(), String> {
    let known = case::NETWORKS.into_iter().find(|known| *known == name);
    let network = known.ok_or_else(|| format!("no network `{name}`; there are {}", case::NETWORKS.join(", ")))?;
    let mut losses: Vec<Vec<f64>> = vec![Vec::new(); SIDES.len()];
    for seed in 1..=seeds {
        let folder = folder.join(format!("losses/{network}-{seed}"));
        let (description, shape) = case::network(network, SIZE)?;
        let (input, target) = case::data(shape, seed);
        let weights = case::weights(&description, seed)?;
        case::write(&folder, &Case { network: description, shape, input, target }, &weights)?;
        for ((tool, work), losses) in SIDES.into_iter().zip(&mut losses) {
            let row = Row { network, size: SIZE, work, avx2: false, folder: folder.clone(), seed };
            let mut worker = Worker::start(tool, &row, python, script)?;
            (0..STEPS).try_for_each(|_| worker.step())?;
            worker.end()?;
            losses.extend(&worker.checks);
        }
        println!("seed {seed} of {seeds} is done");
    }
    println!(
        "\nlosses of {STEPS} steps from {seeds} first weights, {network} at 3x{}x{}x{}",
        SIZE[0], SIZE[1], SIZE[2]
    );
    println!("| losses of | and of | root mean square difference | largest |\n|---|---|---|---|");
    for one in 0..SIDES.len() {
        for other in one + 1..SIDES.len() {
            let pairs = losses[one].iter().zip(&losses[other]);
            let apart: Vec<f64> = pairs.map(|(a, b)| (a - b).abs()).filter(|apart| apart.is_finite()).collect();
            let largest = apart.iter().copied().fold(0.0, f64::max);
            let square = apart.iter().map(|apart| apart * apart).sum::<f64>() / apart.len() as f64;
            println!("| {} | {} | {:.1e} | {largest:.1e} |", side(one), side(other), square.sqrt());
        }
    }
    for (index, losses) in losses.iter().enumerate() {
        let broken = losses.iter().filter(|loss| !loss.is_finite()).count();
        if broken > 0 {
            println!("{}: {broken} of {} losses are not numbers, and left out", side(index), losses.len());
        }
    }
    Ok(())
}

fn side(index: usize) -> String {
    let (tool, work) = SIDES[index];
    format!("{tool}, {}", if work.ends_with("-bf16") { "bfloat16" } else { "float32" })
}
