"""Writes small PyTorch checkpoints in every form `torch.save` has, and what they hold.

Values follow value(i) = ((37 * i + 11 * len(key)) % 101) / 64 - 0.75, exact in float32 and float64; in
float16 and bfloat16 they are rounded by PyTorch, and the rounded values are recorded.
"""
import json, os, sys
import torch, torchvision

here = os.path.dirname(os.path.abspath(__file__))


def tensor(key, shape, dtype=torch.float32):
    n = 1
    for s in shape:
        n *= s
    values = [((37 * i + 11 * len(key)) % 101) / 64 - 0.75 for i in range(n)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).to(dtype)


# Keys of torchvision's r3d_18 with small shapes: one stem, one block, one downsampling, the classifier.
keys = {
    "stem.0.weight": (4, 3, 1, 3, 3), "stem.1.weight": (4,), "stem.1.bias": (4,),
    "stem.1.running_mean": (4,), "stem.1.running_var": (4,),
    "layer1.0.conv1.0.weight": (4, 4, 1, 2, 2), "layer1.0.conv1.1.weight": (4,),
    "layer1.1.conv2.0.weight": (4, 4, 1, 2, 2), "layer1.1.conv2.1.bias": (4,),
    "layer2.0.downsample.0.weight": (8, 4, 1, 1, 1), "layer2.0.downsample.1.running_var": (8,),
    "layer4.1.conv2.1.running_mean": (5,), "fc.weight": (3, 5), "fc.bias": (3,),
}
state = {k: tensor(k, s) for k, s in keys.items()}
state["stem.1.num_batches_tracked"] = torch.tensor(1234567, dtype=torch.int64)
known = set(torchvision.models.video.r3d_18(weights=None).state_dict())
assert set(state) <= known, set(state) - known

base = tensor("base", (4, 6, 5))
layouts = {
    "f64": tensor("f64", (3, 2), torch.float64), "f16": tensor("f16", (7,), torch.float16),
    "bf16": tensor("bf16", (7,), torch.bfloat16), "i64": torch.tensor([-3, 0, 16777216]),
    "i32": torch.tensor([-3, 9], dtype=torch.int32), "i16": torch.tensor([-300, 9], dtype=torch.int16),
    "i8": torch.tensor([-3, 9], dtype=torch.int8), "u8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]), "scalar": torch.tensor(0.5),
    "transposed": base.permute(2, 0, 1), "slice": base[1:3, ::2, 3:], "expanded": base[0, :1, :].expand(3, 5),
    "channels_last": tensor("cl", (2, 3, 2, 2, 2)).to(memory_format=torch.channels_last_3d),
    "f16_special": torch.tensor([6.0e-8, -6.1e-5, 65504.0, float("inf"), -0.0], dtype=torch.float16),
    "empty": torch.zeros((0, 3)), "parameter": torch.nn.Parameter(tensor("parameter", (2, 2))),
}


def record(tensors):
    def values(t):
        return ["inf" if v == float("inf") else v for v in t.detach().to(torch.float32).flatten().tolist()]
    return {k: {"shape": list(t.shape), "values": values(t)} for k, t in tensors.items()}


def save(name, value, **how):
    torch.save(value, os.path.join(here, name), **how)


save("tiny_zip.pth", state)
save("tiny_legacy.pth", state, _use_new_zipfile_serialization=False)
save("layouts_zip.pth", layouts)
save("layouts_legacy.pth", layouts, _use_new_zipfile_serialization=False)
save("nested_state_dict.pth", {"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()},
                               "optimizer": {"state": {0: {"momentum_buffer": torch.ones(4)}}}})
save("nested_model.pth", {"model": state, "opt": {"hypers": [0.1], "state": [torch.ones(2)]}},
     _use_new_zipfile_serialization=False)
save("other_network.pth", {"conv1.weight": tensor("conv1.weight", (4, 3, 3, 3)), "conv1.bias": tensor("b", (4,))})


class Hostile:
    def __reduce__(self):
        return (os.system, ("touch pulmo_pickle_was_executed",))


save("hostile.pth", {"stem.0.weight": state["stem.0.weight"], "extra": Hostile()})
save("hostile_legacy.pth", {"extra": Hostile()}, _use_new_zipfile_serialization=False)
truth = {"made_by": f"torch {torch.__version__}, torchvision {torchvision.__version__}",
         "tiny": record(state), "layouts": record(layouts)}
with open(os.path.join(here, "truth.json"), "w") as f:
    json.dump(truth, f, separators=(",", ":"))

if len(sys.argv) > 1:  # a full-size stand-in for r3d_18-b3b3357e.pth, not committed
    net = torchvision.models.video.r3d_18(weights=None)
    full = {k: (tensor(k, t.shape) if t.dtype.is_floating_point else t) for k, t in net.state_dict().items()}
    torch.save(full, sys.argv[1])
    torch.save(full, sys.argv[1] + ".legacy", _use_new_zipfile_serialization=False)
