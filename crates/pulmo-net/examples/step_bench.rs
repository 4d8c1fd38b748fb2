//! Times training steps and inferences of a network on random input.
//!
//! `cargo run --release -p pulmo-net --example step_bench -- 20x112x112 3` takes three steps of the paper's
//! network at 3x20x112x112 and prints the time of each, the predicted peak and the real one. Further numbers
//! are the widths of a plain U-Net to take instead: `-- 16x128x128 3 16 32 64 128`. `MAX_MIB=3900` limits the memory, `KERNELS=avx2` (or
//! `portable`) takes other kernels than the fastest, `PRECISION=bfloat16` holds activations in half the memory.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Instant;

use pulmo_net::{Adam, Kernels, LearningRate, Loss, Network, Purpose, Session, Shape, Step};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let size: Vec<usize> =
        arguments.get(1).map_or("20x112x112", String::as_str).split('x').filter_map(|n| n.parse().ok()).collect();
    let size = [size[0], size[1], size[2]];
    let steps: usize = arguments.get(2).and_then(|n| n.parse().ok()).unwrap_or(3);
    let widths: Vec<usize> = arguments.iter().skip(3).filter_map(|n| n.parse().ok()).collect();
    let network = if widths.is_empty() {
        Network::paper()
    } else {
        Network { architecture: "unet".into(), input_channels: 1, classes: 2, widths }
    };
    let shape = Shape { batch: 1, channels: network.input_channels, size };
    let input: Vec<f32> = (0..shape.len()).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| u8::from(i % 97 == 0)).collect();
    pulmo_kernel::force(match std::env::var("KERNELS").ok().as_deref() {
        Some("avx2") => Some(pulmo_kernel::Variant::Avx2),
        Some("portable") => Some(pulmo_kernel::Variant::Portable),
        _ => None,
    });
    let weights = network.initial_weights(1).expect("a network of positive widths");
    let mut session = Session::<f32>::new(&network, &weights, Kernels::Fast).expect("its own weights fit");
    drop(weights);
    if let Ok(precision) = std::env::var("PRECISION") {
        session.set_precision(precision.parse().expect("float32 or bfloat16"));
    }
    let step = Step {
        loss: Loss::DiceCrossEntropy,
        freeze_encoder: false,
        adam: Adam::default(),
        learning_rate: LearningRate::same(1e-3),
    };
    let purpose = Purpose::Training { loss: step.loss, frozen: false };
    let max_mib: Option<u64> = std::env::var("MAX_MIB").ok().and_then(|text| text.parse().ok());
    session.set_max_bytes(max_mib.map(|mib| mib << 20));
    let start = Instant::now();
    let forecast = match session.forecast(shape, purpose) {
        Ok(forecast) => forecast,
        Err(error) => return println!("{error}"),
    };
    println!(
        "planned in {:.2} s: {} activations computed twice, {:.0} of {:.0} GMAC more",
        start.elapsed().as_secs_f64(),
        forecast.recomputed,
        forecast.recomputed_macs as f64 / 1e9,
        3.0 * forecast.macs as f64 / 1e9
    );
    let predicted = forecast.peak_bytes;
    for number in 1..=steps {
        let start = Instant::now();
        let report = session.train_step(shape, &input, &target, &step).expect("a finite step");
        println!("step {number}: {:.2} s, loss {:.4}", start.elapsed().as_secs_f64(), report.loss);
    }
    println!("predicted peak: {:.0} MiB, real peak: {:.0} MiB", mib(predicted), peak_mib());
    let inference = || {
        let start = Instant::now();
        session.infer(shape, &input).expect("the shape is fine");
        start.elapsed().as_secs_f64()
    };
    let best = std::iter::repeat_with(inference).take(5).fold(f64::INFINITY, f64::min);
    println!("inference: {best:.3} s, best of 5, on {} kernels", pulmo_kernel::selected());
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The process's peak in MiB, as Linux counts it; NaN elsewhere.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}
