//! Speed of the convolutions on the layers of our networks, beside the processor's peak and beside oneDNN.
//!
//! `cargo xtask bench kernels [avx512|avx2|portable|any|bfloat16 [repeats [only layers whose name contains this]]]`. oneDNN is run
//! through PyTorch, in turn with ours, where `$PULMO_PYTHON` or the environment of `cargo xtask bench peers` is there.
//! Layers behind a resize are timed once more on the grid where their channels are stored ([`resized`]).
//! Three taps along a line, or along and across lines, are computed by minimal filtering, which needs a half or a quarter of the
//! products: shares of the peak count those of the direct sum and may so exceed it. What it costs in accuracy is printed last
//! ([`error`]).

#![allow(clippy::print_stdout, reason = "a measurement prints its table")]

mod error;
mod peak;
mod resized;
mod rival;

use std::time::Instant;

use pulmo_kernel::{Bf16, Conv3d, Convolve, Element, Kernels, Variant, force, selected, tile_state};

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
fn numbers<E: Element<Scalar = f32>>(len: usize) -> Vec<E> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        E::narrow((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    (0..len).map(|_| next()).collect()
}

/// Least seconds of some runs.
fn best(repeats: usize, mut run: impl FnMut()) -> f64 {
    let timed = (0..repeats).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// Least seconds of forward, data gradient and weight gradient.
fn ours<E: Convolve<Scalar = f32>>(conv: &Conv3d, repeats: usize) -> [f64; 3] {
    let (x, w, dy) =
        (numbers::<E>(conv.input_len()), numbers::<f32>(conv.weight_len()), numbers::<E>(conv.output_len()));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    [
        best(repeats, || E::conv_forward(conv, &x, &w, None, &mut y, Kernels::Fast)),
        best(repeats, || E::conv_data_gradient(conv, &dy, &w, &mut dx, Kernels::Fast)),
        best(repeats, || E::conv_weight_gradient(conv, &x, &dy, &mut dw, Kernels::Fast)),
    ]
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
    match arguments.first().map(String::as_str) {
        Some("bfloat16") => bench::<Bf16>("bfloat16", tile_state().unwrap_or(selected()), repeats, only),
        _ => bench::<f32>("float32", selected(), repeats, only),
    }
    error::print();
}

/// Prints the table of one element.
fn bench<E: Convolve<Scalar = f32>>(element: &str, kernels: &str, repeats: usize, only: &str) {
    let threads = 2;
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        println!("(threads: {error})");
    }
    let peak = peak::gflops(threads, kernels);
    let mut rival = rival::Rival::start(selected(), threads, element);
    let name = rival.as_ref().map_or("no oneDNN here (see the head of kernel_bench)", |rival| rival.name.as_str());
    println!(
        "{element}, {kernels} kernels, {threads} threads, peak {peak:.0} GFLOP/s; beside {name}; best of {repeats} and {repeats}"
    );
    println!("GFLOP/s of the direct sum, taps on the padding counted (share of the peak; seconds ours / oneDNN)");
    let heads = ["forward", "data gradient", "weight gradient"];
    println!("{:20} {:>5} {:>8} {:>20} {:>20} {:>20}", "layer", "count", "GMAC", heads[0], heads[1], heads[2]);
    let mut totals = [[0.0; 3]; 2];
    for Layer { name, count, conv } in layers().into_iter().chain(light()).filter(|layer| layer.name.contains(only)) {
        let mut seconds = ours::<E>(&conv, repeats);
        let theirs = rival.as_mut().and_then(|rival| rival.seconds(&conv, repeats));
        let again = ours::<E>(&conv, repeats);
        seconds.iter_mut().zip(again).for_each(|(least, again)| *least = least.min(again));
        let gmac = conv.macs() as f64 / 1e9;
        let cells: [String; 3] = std::array::from_fn(|kind| {
            let speed = 2.0 * gmac / seconds[kind];
            let ratio = theirs.map_or_else(String::new, |theirs| format!("; {:.2}", seconds[kind] / theirs[kind]));
            format!("{speed:.0} ({:.0} %{ratio})", 100.0 * speed / peak)
        });
        println!("{name:20} {count:5} {gmac:8.3} {:>20} {:>20} {:>20}", cells[0], cells[1], cells[2]);
        for (total, seconds) in totals.iter_mut().zip([Some(seconds), theirs]) {
            let seconds = seconds.unwrap_or_default();
            total.iter_mut().zip(seconds).for_each(|(total, seconds)| *total += seconds * count as f64);
        }
    }
    for (who, [forward, data, weights]) in ["ours", "oneDNN"].iter().zip(totals) {
        let all = forward + data + weights;
        if all > 0.0 {
            println!(
                "{who}: forward {forward:.2} s, data gradient {data:.2} s, weight gradient {weights:.2} s, all {all:.2} s"
            );
        }
    }
    resized::print::<E>(2 * repeats, only);
}
