//! The paper's network: a U-Net on an R3D-18, exactly as the authors' library built it in January 2021.
//!
//! ```text
//! input ─ stem ─ layer1 ─ layer2 ─ layer3 ─ layer4 ─ norm ─ relu ─ conv 1024 ─ conv 512
//!   │              │        │        └─ skip ─────────────────────────── decoder1 512
//!   │              │        └─ skip ──────────────────────────────────── decoder2 384
//!   │              └─ skip ───────────────────────────────────────────── decoder3 128
//!   │                                                     transposed convolution 128
//!   └──────────── merge with the raw input ── residual block ── 1x1x1 convolution ── norm ── logits
//! ```
//!
//! Its peculiarities are kept because the published results come from them: the transposed convolutions
//! have stride 1 and only add a rim of two voxels, a nearest resize does the upsampling; BatchNorm acts on
//! the skips and on the logits.
//!
//! # Agreement
//! Every activation, gradient and update, with the authors' code in float64: `oracles/paper_net`.
//! # References
//! Bressem et al. 2021, arXiv 2101.09976; faimed3d 0.0.3 `DynamicUnet3D`.

use crate::architecture::{Architecture, Network, r3d18};
use crate::builder::{Builder, Convolution, ConvolutionStart};
use crate::error::Result;
use crate::graph::{Graph, Shape, ValueId};

/// fastai starts the shift of its BatchNorms here.
const NORM_BIAS: f32 = 1e-3;

/// `paper`: R3D-18 encoder, U-Net decoder, last cross with the raw input.
#[derive(Debug)]
pub struct Paper;

impl Architecture for Paper {
    fn name(&self) -> &'static str {
        "paper"
    }

    fn summary(&self) -> &'static str {
        "U-Net on an R3D-18 encoder, as in Bressem et al. 2021 (95 M parameters)"
    }

    fn size_multiple(&self, _network: &Network) -> [usize; 3] {
        [8, 16, 16]
    }

    fn graph(&self, network: &Network, shape: Shape) -> Result<Graph> {
        let (mut builder, input) = Builder::new(shape);
        let b = &mut builder;
        let [layer1, layer2, layer3, layer4] = r3d18::encoder(b, input);
        let x = b.batch_norm("bridge.norm", layer4, 1.0, NORM_BIAS);
        let x = b.relu(x);
        let x = b.name(x, "bridge.relu");
        let x = conv_norm_relu(b, "bridge", 1, x, 1024);
        let x = conv_norm_relu(b, "bridge", 2, x, 512);
        b.name(x, "bridge");
        let x = decoder(b, "decoder1", x, layer3, [256, 512]);
        let x = decoder(b, "decoder2", x, layer2, [256, 384]);
        let x = decoder(b, "decoder3", x, layer1, [192, 128]);
        let up = Convolution { bias: true, ..Convolution::transposed(128) };
        let x = b.convolution("final_up.conv", x, up.start(ConvolutionStart::TorchDefault));
        let x = b.name(x, "final_up");
        let x = b.resize_nearest("resize", x, shape.size);
        let x = b.concat("merge", &[x, input]);
        let x = residual_block(b, "last_cross", x);
        let head = Convolution::same(network.classes, 1).start(ConvolutionStart::TorchDefault);
        let x = b.convolution("head.conv", x, head);
        let logits = b.batch_norm("head.norm", x, 1.0, NORM_BIAS);
        Ok(builder.finish(logits))
    }
}

/// Grows by a rim of two voxels, resizes to the skip, joins it and convolves twice to `width` channels.
fn decoder(b: &mut Builder, name: &str, x: ValueId, skip: ValueId, [up, width]: [usize; 2]) -> ValueId {
    let x = b.convolution(&format!("{name}.up.conv"), x, Convolution::transposed(up));
    let x = b.batch_norm(&format!("{name}.up.norm"), x, 1.0, NORM_BIAS);
    let x = b.relu(x);
    let x = b.resize_nearest(&format!("{name}.resize"), x, b.shape(skip).size);
    let skip = b.batch_norm(&format!("{name}.skip.norm"), skip, 1.0, NORM_BIAS);
    let x = b.concat(&format!("{name}.concat"), &[x, skip]);
    let x = b.relu(x);
    let x = conv_norm_relu(b, name, 1, x, width);
    let x = conv_norm_relu(b, name, 2, x, width);
    b.name(x, name)
}

fn conv_norm_relu(b: &mut Builder, name: &str, number: usize, x: ValueId, out: usize) -> ValueId {
    let x = b.convolution(&format!("{name}.conv{number}"), x, Convolution::same(out, 3));
    let x = b.batch_norm(&format!("{name}.norm{number}"), x, 1.0, NORM_BIAS);
    b.relu(x)
}

/// Two convolutions beside the identity; the second BatchNorm starts at zero, so the block starts as its ReLU.
fn residual_block(b: &mut Builder, name: &str, x: ValueId) -> ValueId {
    let channels = b.shape(x).channels;
    let y = conv_norm_relu(b, name, 1, x, channels);
    let y = b.convolution(&format!("{name}.conv2"), y, Convolution::same(channels, 3));
    let y = b.batch_norm(&format!("{name}.norm2"), y, 0.0, NORM_BIAS);
    let sum = b.add(&format!("{name}.sum"), y, x);
    let y = b.relu(sum);
    b.name(y, name)
}
