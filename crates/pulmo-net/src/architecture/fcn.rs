//! The pretrained encoder alone: its last feature map, classified voxel by voxel and resized to the input.
//!
//! # References
//! Long et al. 2015, "Fully convolutional networks for semantic segmentation" (its coarsest form, FCN-32s).

use crate::architecture::{Architecture, Network, r3d18};
use crate::builder::{Builder, Convolution, ConvolutionStart};
use crate::error::Result;
use crate::graph::{Graph, Shape};

/// `fcn`: R3D-18 encoder and a 1x1x1 convolution; logits are 8 to 16 times coarser than the input.
#[derive(Debug)]
pub struct Fcn;

impl Architecture for Fcn {
    fn name(&self) -> &'static str {
        "fcn"
    }

    fn summary(&self) -> &'static str {
        "R3D-18 encoder and one 1x1x1 convolution: coarse, shows what the encoder alone can tell"
    }

    fn size_multiple(&self, _network: &Network) -> [usize; 3] {
        [8, 16, 16]
    }

    fn graph(&self, network: &Network, shape: Shape) -> Result<Graph> {
        let (mut builder, input) = Builder::new(shape);
        let b = &mut builder;
        let [.., layer4] = r3d18::encoder(b, input);
        let head = Convolution { bias: true, ..Convolution::same(network.classes, 1) };
        let coarse = b.convolution("head.conv", layer4, head.start(ConvolutionStart::TorchDefault));
        let logits = b.resize_nearest("resize", coarse, shape.size);
        Ok(builder.finish(logits))
    }
}
