//! Layers behind a nearest resize and a concatenation: on the grid where their channels are stored, beside the tensor that a
//! resize would write.

use std::time::Instant;

use pulmo_kernel::view::{Segment, View};
use pulmo_kernel::{Conv3d, Convolve, InputPart, Kernels};

use super::numbers;

/// A layer whose first channels lie on a smaller grid.
struct Resized {
    name: &'static str,
    conv: Conv3d,
    stored: [usize; 3],
    /// Channels on the stored grid, and those on the larger one.
    channels: [usize; 2],
}

fn layers() -> [Resized; 6] {
    let layer = |name, input, stored, channels: [usize; 2], out_channels| Resized {
        name,
        conv: Conv3d {
            batch: 1,
            input,
            in_channels: channels[0] + channels[1],
            out_channels,
            kernel: [3; 3],
            stride: [1; 3],
            padding: [1; 3],
        },
        stored,
        channels,
    };
    [
        layer("cross 128+3-131", [20, 112, 112], [22, 58, 58], [128, 3], 131),
        layer("block2 192+64-128", [20, 56, 56], [12, 30, 30], [192, 64], 128),
        layer("block1 256+128-384", [10, 28, 28], [7, 16, 16], [256, 128], 384),
        layer("light 32+16-16", [20, 112, 112], [20, 56, 56], [32, 16], 16),
        layer("light 64+32-32", [20, 56, 56], [10, 28, 28], [64, 32], 32),
        layer("light 128+64-64", [10, 28, 28], [5, 14, 14], [128, 64], 64),
    ]
}

/// Prints, for the layers whose name contains `only`, milliseconds on the stored grid and their ratio to those on the larger.
pub(super) fn print<E: Convolve<Scalar = f32>>(repeats: usize, only: &str) {
    let layers: Vec<Resized> = layers().into_iter().filter(|layer| layer.name.contains(only)).collect();
    if layers.is_empty() {
        return;
    }
    println!("\nbehind a resize: milliseconds on the stored grid (seconds there / on the grid of the result)");
    println!("{:20} {:>20} {:>20} {:>20}", "layer", "forward", "data gradient", "weight gradient");
    for layer in layers {
        let [forward, data, weights] = layer.seconds::<E>(repeats).map(|[stored, seen]| {
            let ratio = stored / seen;
            format!("{:.1} ({ratio:.2})", 1e3 * stored)
        });
        println!("{:20} {forward:>20} {data:>20} {weights:>20}", layer.name);
    }
}

impl Resized {
    /// Least seconds of forward, data gradient and weight gradient, each on the stored grid and on that of the result, in turn.
    fn seconds<E: Convolve<Scalar = f32>>(&self, repeats: usize) -> [[f64; 2]; 3] {
        let Self { conv, stored, channels: [large, small], .. } = self;
        let voxels = |size: &[usize; 3]| size.iter().product::<usize>();
        let (coarse, fine) = (numbers::<E>(voxels(stored) * large), numbers::<E>(voxels(&conv.input) * small));
        let segment = |source, channels, size| Segment { relu: true, ..Segment::plain(source, channels, size) };
        let segments = vec![segment(&coarse[..], *large, *stored), segment(&fine, *small, conv.input)];
        let view = View { batch: 1, size: conv.input, segments };
        let mut x = numbers::<E>(conv.input_len());
        view.materialise(&mut x);
        let (w, dy) = (numbers::<f32>(conv.weight_len()), numbers::<E>(conv.output_len()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let parts = [
            InputPart { first_channel: 0, channels: *large, size: [stored[0], stored[1], conv.input[2]] },
            InputPart { first_channel: *large, channels: *small, size: conv.input },
        ];
        let mut least = [[f64::INFINITY; 2]; 3];
        let mut time = |call: usize, grid: usize, run: &mut dyn FnMut()| {
            let start = Instant::now();
            run();
            least[call][grid] = least[call][grid].min(start.elapsed().as_secs_f64());
        };
        for _ in 0..repeats {
            time(0, 0, &mut || E::conv_forward_through(conv, &view, &w, None, &mut y, Kernels::Fast));
            time(0, 1, &mut || E::conv_forward(conv, &x, &w, None, &mut y, Kernels::Fast));
            time(1, 0, &mut || {
                for part in &parts {
                    let dx = &mut dx[..voxels(&part.size) * part.channels];
                    E::conv_data_gradient_onto(conv, part, &dy, &w, dx, Kernels::Fast);
                }
            });
            time(1, 1, &mut || E::conv_data_gradient(conv, &dy, &w, &mut dx, Kernels::Fast));
            time(2, 0, &mut || E::conv_weight_gradient_through(conv, &view, &dy, &mut dw, Kernels::Fast));
            time(2, 1, &mut || E::conv_weight_gradient(conv, &x, &dy, &mut dw, Kernels::Fast));
        }
        least
    }
}
