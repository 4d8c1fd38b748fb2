//! Speed of the float32 convolutions on the layers of the R3D-18 U-Net, and the time of one training step.
//!
//! `cargo run --release -p pulmo-kernel --example conv_bench [-- <avx512|avx2|portable|any> [repeats [only layers whose
//! name contains this]]]`

#![allow(clippy::print_stdout, reason = "a measurement prints its table")]

use std::time::Instant;

use pulmo_kernel::{Conv3d, Kernels, Scalar, Variant, force, selected};

/// A layer, and how often the network has it.
struct Layer {
    name: &'static str,
    count: usize,
    conv: Conv3d,
}

fn layer(name: &'static str, count: usize, input: [usize; 3], channels: [usize; 2], shape: [usize; 3]) -> Layer {
    let [kernel, stride, padding] = shape;
    let conv = Conv3d {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [kernel; 3],
        stride: [stride; 3],
        padding: [padding; 3],
    };
    Layer { name, count, conv }
}

/// The larger convolutions of a light U-Net of 16, 32, 64 and 128 channels for the same volume.
fn light() -> Vec<Layer> {
    const SAME: [usize; 3] = [3, 1, 1];
    let full = [20, 112, 112];
    vec![
        layer("light 3-16", 1, full, [3, 16], SAME),
        layer("light 16-16", 2, full, [16, 16], SAME),
        layer("light 32-32", 2, [20, 56, 56], [32, 32], SAME),
        layer("light 64-64", 2, [10, 28, 28], [64, 64], SAME),
        layer("light 192-64", 1, [10, 28, 28], [192, 64], SAME),
        layer("light 96-32", 1, [20, 56, 56], [96, 32], SAME),
        layer("light 48-16", 1, full, [48, 16], SAME),
        layer("light 16-2", 1, full, [16, 2], [1, 1, 0]),
    ]
}

/// All convolutions of the paper's network for one volume of 3 x 20 x 112 x 112.
fn layers() -> Vec<Layer> {
    const SAME: [usize; 3] = [3, 1, 1];
    const GROW: [usize; 3] = [3, 1, 2];
    let stem = Conv3d {
        batch: 1,
        input: [20, 112, 112],
        in_channels: 3,
        out_channels: 64,
        kernel: [3, 7, 7],
        stride: [1, 2, 2],
        padding: [1, 3, 3],
    };
    vec![
        Layer { name: "stem 3-64", count: 1, conv: stem },
        layer("layer1 64-64", 4, [20, 56, 56], [64, 64], SAME),
        layer("layer2 64-128 s2", 1, [20, 56, 56], [64, 128], [3, 2, 1]),
        layer("layer2 down", 1, [20, 56, 56], [64, 128], [1, 2, 0]),
        layer("layer2 128-128", 3, [10, 28, 28], [128, 128], SAME),
        layer("layer3 128-256 s2", 1, [10, 28, 28], [128, 256], [3, 2, 1]),
        layer("layer3 down", 1, [10, 28, 28], [128, 256], [1, 2, 0]),
        layer("layer3 256-256", 3, [5, 14, 14], [256, 256], SAME),
        layer("layer4 256-512 s2", 1, [5, 14, 14], [256, 512], [3, 2, 1]),
        layer("layer4 down", 1, [5, 14, 14], [256, 512], [1, 2, 0]),
        layer("layer4 512-512", 3, [3, 7, 7], [512, 512], SAME),
        layer("middle 512-1024", 1, [3, 7, 7], [512, 1024], SAME),
        layer("middle 1024-512", 1, [3, 7, 7], [1024, 512], SAME),
        layer("block0 up 512-256", 1, [3, 7, 7], [512, 256], GROW),
        layer("block0 512-512", 2, [5, 14, 14], [512, 512], SAME),
        layer("block1 up 512-256", 1, [5, 14, 14], [512, 256], GROW),
        layer("block1 384-384", 2, [10, 28, 28], [384, 384], SAME),
        layer("block2 up 384-192", 1, [10, 28, 28], [384, 192], GROW),
        layer("block2 256-128", 1, [20, 56, 56], [256, 128], SAME),
        layer("block2 128-128", 1, [20, 56, 56], [128, 128], SAME),
        layer("last up 128-128", 1, [20, 56, 56], [128, 128], GROW),
        layer("cross 131-131", 2, [20, 112, 112], [131, 131], SAME),
        layer("head 131-2", 1, [20, 112, 112], [131, 2], [1, 1, 0]),
    ]
}

/// Reproducible numbers between -1 and 1.
fn floats(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Seconds that the threads of this process were running, by Linux's account; 0 elsewhere.
fn busy_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let account = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        account.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// Least seconds, and least busy seconds of all threads together, of some runs.
fn best(repeats: usize, mut run: impl FnMut()) -> [f64; 2] {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..repeats {
        let (start, busy) = (Instant::now(), busy_seconds());
        run();
        least = [least[0].min(start.elapsed().as_secs_f64()), least[1].min(busy_seconds() - busy)];
    }
    least
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    force(match arguments.first().map(String::as_str) {
        Some("avx512") => Some(Variant::Avx512),
        Some("avx2") => Some(Variant::Avx2),
        Some("portable") => Some(Variant::Portable),
        _ => None,
    });
    let repeats = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let only = arguments.get(2).map_or("", String::as_str);
    println!("kernels: {}, best of {repeats}; GFLOP/s count taps on the padding", selected());
    println!("(in brackets: per second that a core was busy with it, whatever else the machine does)");
    let heads = ["forward", "data gradient", "weight gradient"];
    println!(
        "{:20} {:>5} {:>7} {:>16} {:>16} {:>16} {:>8}",
        "layer", "count", "GMAC", heads[0], heads[1], heads[2], "step s"
    );
    let (mut total, mut work) = ([[0.0; 2]; 3], 0.0);
    for Layer { name, count, conv } in layers().into_iter().chain(light()).filter(|layer| layer.name.contains(only)) {
        let (x, w, dy) = (floats(conv.input_len()), floats(conv.weight_len()), floats(conv.output_len()));
        let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        let seconds = [
            best(repeats, || f32::conv_forward(&conv, &x, &w, None, &mut y, Kernels::Fast)),
            best(repeats, || f32::conv_data_gradient(&conv, &dy, &w, &mut dx, Kernels::Fast)),
            best(repeats, || f32::conv_weight_gradient(&conv, &x, &dy, &mut dw, Kernels::Fast)),
        ];
        let gmac = conv.macs() as f64 / 1e9;
        let [y, dx, dw] = seconds.map(|[wall, busy]| format!("{:.1} ({:.1})", 2.0 * gmac / wall, 2.0 * gmac / busy));
        let step = seconds.iter().map(|[wall, _]| wall).sum::<f64>() * count as f64;
        println!("{name:20} {count:5} {gmac:7.3} {y:>16} {dx:>16} {dw:>16} {step:8.3}");
        for (total, seconds) in total.iter_mut().zip(seconds) {
            *total = [total[0] + seconds[0] * count as f64, total[1] + seconds[1] * count as f64];
        }
        work += gmac * count as f64;
    }
    let [forward, data, weights] = total.map(|[wall, busy]| format!("{wall:.2} s ({busy:.2} busy)"));
    println!("forward {forward}, data gradient {data}, weight gradient {weights}");
    let [wall, busy] = [0, 1].map(|kind| total.iter().map(|seconds| seconds[kind]).sum::<f64>());
    let speeds = [6.0 * work / wall, 6.0 * work / busy];
    println!("step: {work:.0} GMAC forward, {wall:.2} s, {:.1} GFLOP/s; {busy:.2} busy, {:.1}", speeds[0], speeds[1]);
}
