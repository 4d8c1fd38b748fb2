//! faimed3d's `DynamicUnet3D` of January 2021 (commit 01e4cb2) to our names.

use super::{Mapping, torchvision_r3d18};

/// `layers.4.conv1.1.bias` becomes `decoder1.norm1.bias`; below `layers.0` stands torchvision's encoder, its children
/// by number.
pub(super) fn our_name(key: &str) -> Mapping {
    let Some(inside) = key.strip_prefix("layers.") else { return Mapping::Unknown };
    if let Some(encoder) = inside.strip_prefix("0.") {
        return match encoder.split_once('.') {
            Some(("0", rest)) => torchvision_r3d18::our_name(&format!("stem.{rest}")),
            Some((layer @ ("1" | "2" | "3" | "4"), rest)) => {
                torchvision_r3d18::our_name(&format!("layer{layer}.{rest}"))
            }
            _ => Mapping::Unknown,
        };
    }
    let Some((module, field)) = inside.rsplit_once('.') else { return Mapping::Unknown };
    let is_norm_field = matches!(field, "weight" | "bias" | "running_mean" | "running_var");
    let Some(name) = module_name(module) else { return Mapping::Unknown };
    let fits = if name.ends_with("conv") || name.contains(".conv") {
        field == "weight" || field == "bias" && name == "final_up.conv"
    } else {
        is_norm_field
    };
    if fits { Mapping::To(format!("{name}.{field}")) } else { Mapping::Unknown }
}

fn module_name(module: &str) -> Option<String> {
    let fixed = match module {
        "1" => "bridge.norm",
        "3.0.0" => "bridge.conv1",
        "3.0.1" => "bridge.norm1",
        "3.1.0" => "bridge.conv2",
        "3.1.1" => "bridge.norm2",
        "7.0.0" => "final_up.conv",
        "10.convpath.0.0" => "last_cross.conv1",
        "10.convpath.0.1" => "last_cross.norm1",
        "10.convpath.1.0" => "last_cross.conv2",
        "10.convpath.1.1" => "last_cross.norm2",
        "11.0" => "head.conv",
        "11.1" => "head.norm",
        _ => return decoder_name(module),
    };
    Some(fixed.to_owned())
}

fn decoder_name(module: &str) -> Option<String> {
    let (index, inside) = module.split_once('.')?;
    let decoder = match index {
        "4" => "decoder1",
        "5" => "decoder2",
        "6" => "decoder3",
        _ => return None,
    };
    let inside = match inside {
        "up.0.0" => "up.conv",
        "up.0.1" => "up.norm",
        "bn" => "skip.norm",
        "conv1.0" => "conv1",
        "conv1.1" => "norm1",
        "conv2.0" => "conv2",
        "conv2.1" => "norm2",
        _ => return None,
    };
    Some(format!("{decoder}.{inside}"))
}

/// faimed3d's module that gives one of our named values, as its forward hooks name it.
#[must_use]
pub(crate) fn value_of_module(module: &str) -> Option<&'static str> {
    Some(match module {
        "layers.0.0" => "encoder.stem",
        "layers.0.1" => "encoder.layer1",
        "layers.0.2" => "encoder.layer2",
        "layers.0.3" => "encoder.layer3",
        "layers.0.4" | "layers.0" => "encoder.layer4",
        "layers.1" => "bridge.norm",
        "layers.2" => "bridge.relu",
        "layers.3" => "bridge",
        "layers.4" => "decoder1",
        "layers.5" => "decoder2",
        "layers.6" => "decoder3",
        "layers.7" => "final_up",
        "layers.8" => "resize",
        "layers.9" => "merge",
        "layers.10" => "last_cross",
        "layers.11" => "logits",
        _ => return None,
    })
}
