//! Compares the products of Intel's AMX and of AVX-512 BF16 with their plain twins, in all operations; with `time`, also measures them.
//! `cargo run --release -p pulmo-kernel --example matrix_check [time]`; runs in an emulator too. With `idle` it measures, on any
//! processor, what is left without products.

use std::process::ExitCode;

use pulmo_kernel::matrix_check::Multiplier;
use pulmo_kernel::{Conv3d, matrix_check};

fn main() -> ExitCode {
    // The choice of vectors for everything that is not a tile.
    println!("vectors: {}", pulmo_kernel::selected());
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some("idle") {
        measure(Multiplier::Nothing);
        return ExitCode::SUCCESS;
    }
    match matrix_check::report(|line| println!("{line}")) {
        Ok(true) => println!("all results have the same bits"),
        Ok(false) => println!("NOT all results have the same bits"),
        Err(reason) => {
            println!("nothing compared: {reason}");
            return ExitCode::from(2);
        }
    }
    if wanted.as_deref() == Some("time") {
        for (place, name) in ["AMX", "AVX-512 BF16"].into_iter().enumerate() {
            println!("{name}:");
            measure(Multiplier::Instructions(place));
        }
    }
    ExitCode::SUCCESS
}

/// Best of five runs of every call of some layers.
fn measure(multiplier: Multiplier) {
    for (input, channels, kernel, stride) in [
        ([20, 112, 112], [3, 64], [3, 7, 7], [1, 2, 2]),
        ([20, 56, 56], [64, 64], [3; 3], [1; 3]),
        ([5, 14, 14], [256, 256], [3; 3], [1; 3]),
        ([20, 112, 112], [128, 64], [3; 3], [1; 3]),
        ([3, 112, 112], [131, 131], [3; 3], [1; 3]),
        ([20, 56, 56], [64, 128], [3; 3], [2; 3]),
    ] {
        let padding = kernel.map(|kernel: usize| kernel / 2);
        let conv =
            Conv3d { batch: 1, input, in_channels: channels[0], out_channels: channels[1], kernel, stride, padding };
        if let Err(reason) = matrix_check::rehearse(&conv, 0, multiplier) {
            return println!("{reason}");
        }
        let rates = [0, 1, 2].map(|call| {
            let runs = (0..5).filter_map(|_| matrix_check::rehearse(&conv, call, multiplier).ok());
            let best = runs.fold(f64::MAX, f64::min);
            format!("{:.2} ms, {:.2} TFLOP/s", best * 1e3, 2e-12 * conv.macs() as f64 / best)
        });
        println!("{input:?}, {channels:?}, {kernel:?}, {stride:?}: {}; {}; {}", rates[0], rates[1], rates[2]);
    }
}
