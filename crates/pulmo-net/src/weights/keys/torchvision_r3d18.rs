//! torchvision's video ResNet `r3d_18` to our encoder.

use super::Mapping;

/// `layer2.0.conv1.1.bias` becomes `encoder.layer2.block1.norm1.bias`.
pub(super) fn our_name(key: &str) -> Mapping {
    if key.starts_with("fc.") {
        return Mapping::Unused("classifier of the 400 Kinetics actions, not part of the encoder");
    }
    let parts: Vec<&str> = key.split('.').collect();
    let name = match parts.as_slice() {
        ["stem", index, field] => member(index, "conv", "norm").and_then(|member| path(&["stem", member], field)),
        [layer @ ("layer1" | "layer2" | "layer3" | "layer4"), block, inside @ .., field] => {
            let block = match *block {
                "0" => "block1",
                "1" => "block2",
                _ => return Mapping::Unknown,
            };
            match inside {
                ["conv1", index] => {
                    member(index, "conv1", "norm1").and_then(|member| path(&[layer, block, member], field))
                }
                ["conv2", index] => {
                    member(index, "conv2", "norm2").and_then(|member| path(&[layer, block, member], field))
                }
                ["downsample", index] => {
                    member(index, "conv", "norm").and_then(|member| path(&[layer, block, "downsample", member], field))
                }
                _ => None,
            }
        }
        _ => None,
    };
    name.map_or(Mapping::Unknown, Mapping::To)
}

fn member(index: &str, conv: &'static str, norm: &'static str) -> Option<&'static str> {
    match index {
        "0" => Some(conv),
        "1" => Some(norm),
        _ => None,
    }
}

fn path(parts: &[&str], field: &str) -> Option<String> {
    let is_norm = parts.last().is_some_and(|last| last.starts_with("norm"));
    let known = field == "weight" || is_norm && matches!(field, "bias" | "running_mean" | "running_var");
    known.then(|| format!("encoder.{}.{field}", parts.join(".")))
}
