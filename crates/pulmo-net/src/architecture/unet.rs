//! A plain 3D U-Net of free widths: small enough to train on two cores.
//!
//! Two convolutions per level, stride 2 on the way down (in-plane only at the first step, because CT
//! slices lie further apart than pixels), nearest resize and concatenation on the way up.
//!
//! # References
//! Çiçek et al. 2016, "3D U-Net"; the strided convolutions follow Isensee et al. 2021, nnU-Net.

use crate::architecture::{Architecture, Network};
use crate::builder::{Builder, Convolution, ConvolutionStart};
use crate::error::{Error, Result};
use crate::graph::{Graph, Shape, ValueId};

/// `unet`: a plain 3D U-Net whose channels per level are the network's `widths`.
#[derive(Debug)]
pub struct UNet;

impl Architecture for UNet {
    fn name(&self) -> &'static str {
        "unet"
    }

    fn summary(&self) -> &'static str {
        "plain 3D U-Net; `widths` gives the channels of its levels, fine to coarse"
    }

    fn size_multiple(&self, network: &Network) -> [usize; 3] {
        let levels = u32::try_from(network.widths.len().saturating_sub(1)).unwrap_or(0);
        [2_usize.pow(levels.saturating_sub(1)), 2_usize.pow(levels), 2_usize.pow(levels)]
    }

    fn graph(&self, network: &Network, shape: Shape) -> Result<Graph> {
        let widths = &network.widths;
        if widths.is_empty() || widths.contains(&0) || widths.len() > 8 {
            let problem = format!("`widths` is {widths:?}; expected 1 to 8 positive numbers, such as [16, 32, 64]");
            return Err(Error::Network { problem });
        }
        let (mut builder, input) = Builder::new(shape);
        let b = &mut builder;
        let mut x = input;
        let mut skips = Vec::new();
        for (level, &width) in widths.iter().enumerate() {
            let name = format!("encoder.level{}", level + 1);
            let stride = match level {
                0 => [1, 1, 1],
                1 => [1, 2, 2],
                _ => [2, 2, 2],
            };
            x = conv_norm_relu(b, &name, 1, x, Convolution::same(width, 3).stride(stride));
            x = conv_norm_relu(b, &name, 2, x, Convolution::same(width, 3));
            b.name(x, &name);
            skips.push(x);
        }
        skips.pop();
        for (level, skip) in skips.into_iter().enumerate().rev() {
            let name = format!("decoder.level{}", level + 1);
            let size = b.shape(skip).size;
            x = b.resize_nearest(&format!("{name}.resize"), x, size);
            x = b.concat(&format!("{name}.concat"), &[x, skip]);
            x = conv_norm_relu(b, &name, 1, x, Convolution::same(widths[level], 3));
            x = conv_norm_relu(b, &name, 2, x, Convolution::same(widths[level], 3));
            b.name(x, &name);
        }
        let head = Convolution { bias: true, ..Convolution::same(network.classes, 1) };
        let logits = b.convolution("head.conv", x, head.start(ConvolutionStart::TorchDefault));
        Ok(builder.finish(logits))
    }
}

fn conv_norm_relu(b: &mut Builder, name: &str, number: usize, x: ValueId, convolution: Convolution) -> ValueId {
    let x = b.convolution(&format!("{name}.conv{number}"), x, convolution);
    let x = b.batch_norm(&format!("{name}.norm{number}"), x, 1.0, 0.0);
    b.relu(x)
}
