//! The encoder: torchvision's R3D-18 without its classifier.
//!
//! # References
//! Tran et al. 2018, "A closer look at spatiotemporal convolutions for action recognition";
//! torchvision 0.8.1 `models/video/resnet.py`.

use crate::builder::{Builder, Convolution, ConvolutionStart};
use crate::graph::ValueId;

/// Channels of the four layers, fine to coarse.
pub const CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// Feature maps of the four layers, fine to coarse.
///
/// # Shapes
/// For an input of D x H x W: 64 channels at D x H/2 x W/2, then 128, 256 and 512 channels, each half as
/// large along all three axes (rounded up).
pub fn encoder(b: &mut Builder, input: ValueId) -> [ValueId; 4] {
    let stem = Convolution { out: 64, kernel: [3, 7, 7], stride: [1, 2, 2], padding: [1, 3, 3], ..convolution(64, 1) };
    let x = b.convolution("encoder.stem.conv", input, stem);
    let x = b.batch_norm("encoder.stem.norm", x, 1.0, 0.0);
    let x = b.relu(x);
    let mut x = b.name(x, "encoder.stem");
    let mut layer = 0;
    CHANNELS.map(|channels| {
        layer += 1;
        let name = format!("encoder.layer{layer}");
        x = block(b, &format!("{name}.block1"), x, channels, if layer == 1 { 1 } else { 2 });
        x = block(b, &format!("{name}.block2"), x, channels, 1);
        b.name(x, &name)
    })
}

/// Two convolutions beside an identity, which is a strided 1x1x1 convolution where the shape changes.
fn block(b: &mut Builder, name: &str, x: ValueId, channels: usize, stride: usize) -> ValueId {
    let y = b.convolution(&format!("{name}.conv1"), x, convolution(channels, 3).stride([stride; 3]));
    let y = b.batch_norm(&format!("{name}.norm1"), y, 1.0, 0.0);
    let y = b.relu(y);
    let y = b.convolution(&format!("{name}.conv2"), y, convolution(channels, 3));
    let y = b.batch_norm(&format!("{name}.norm2"), y, 1.0, 0.0);
    let identity = if stride == 1 {
        x
    } else {
        let x = b.convolution(&format!("{name}.downsample.conv"), x, convolution(channels, 1).stride([stride; 3]));
        b.batch_norm(&format!("{name}.downsample.norm"), x, 1.0, 0.0)
    };
    let sum = b.add(&format!("{name}.sum"), y, identity);
    b.relu(sum)
}

fn convolution(out: usize, kernel: usize) -> Convolution {
    Convolution::same(out, kernel).start(ConvolutionStart::KaimingNormalOut)
}
