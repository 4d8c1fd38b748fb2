//! Our side of a row: a process that takes one step after another, as `peers.py` does.

use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use pulmo_net::{Adam, Kernels, LearningRate, Loss, Precision, Session, Step};
use serde_json::json;

use crate::case;

/// Serves `step` and `end` on standard input.
pub(crate) fn serve(work: &str, (name, seed): (&str, u64), size: [usize; 3], folder: &Path) -> Result<(), String> {
    let said = |error: pulmo_net::Error| error.to_string();
    let (network, shape) = case::network(name, size)?;
    let (input, target) = case::data(shape, seed);
    let mut session = Session::<f32>::new(&network, &case::weights(&network, seed)?, Kernels::Fast).map_err(said)?;
    if work.ends_with("-bf16") {
        session.set_precision(Precision::Bfloat16);
    }
    let training = Step {
        loss: Loss::DiceCrossEntropy,
        freeze_encoder: false,
        adam: Adam::default(),
        learning_rate: LearningRate::same(1e-3),
    };
    if !work.starts_with("train") {
        let logits = session.infer(shape, &input).map_err(said)?;
        let bytes: Vec<u8> = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join("pulmo.f32"), bytes).map_err(|error| format!("cannot write logits: {error}"))?;
    }
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        if line.trim() == "end" {
            println!("{}", json!({ "peak_mib": peak_mib() }));
            break;
        }
        let start = Instant::now();
        let check = if work.starts_with("train") {
            session.train_step(shape, &input, &target, &training).map_err(said)?.loss
        } else {
            f64::from(session.infer(shape, &input).map_err(said)?[0])
        };
        println!("{}", json!({ "seconds": start.elapsed().as_secs_f64(), "check": check }));
    }
    Ok(())
}

/// The process's peak in MiB, as Linux counts it; NaN elsewhere.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}
