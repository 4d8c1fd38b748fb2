"""Writes truth.json: what stands between convolutions, and its gradients, by PyTorch in float64. Run: python make.py"""
import json, torch
import torch.nn.functional as F

torch.set_num_threads(1)


def numbers(shape, factor, offset):
    """((i * factor + offset) mod 101) / 50 - 1 in C order, so that the inputs need not be stored."""
    count = 1
    for size in shape:
        count *= size
    index = torch.arange(count, dtype=torch.int64)
    return (((index * factor + offset) % 101).to(torch.float64) / 50 - 1).reshape(shape)


def listed(tensor):
    return [float(f"{value:.15e}") for value in tensor.detach().reshape(-1).tolist()]


def first(x):  # N,D,H,W,C -> N,C,D,H,W
    return x.permute(0, 4, 1, 2, 3)


def last(x):
    return x.permute(0, 2, 3, 4, 1)


def batch_norm(batch, size, channels, relu):
    x = numbers((batch, *size, channels), 37, 11).requires_grad_()
    layer = torch.nn.BatchNorm3d(channels).double()
    with torch.no_grad():
        layer.weight.copy_(numbers((channels,), 29, 5) + 1.5)
        layer.bias.copy_(numbers((channels,), 17, 3))
    y = layer(first(x))
    y = last(torch.relu(y) if relu else y)
    y.backward(numbers(y.shape, 43, 7))
    layer.eval()
    return {
        "batch": batch, "size": size, "channels": channels, "relu": relu,
        "y": listed(y), "dx": listed(x.grad), "dweight": listed(layer.weight.grad), "dbias": listed(layer.bias.grad),
        "running_mean": listed(layer.running_mean), "running_var": listed(layer.running_var),
        "y_eval": listed(last(layer(first(x)))),
    }


def resize(batch, size, target, channels):
    x = numbers((batch, *size, channels), 37, 11).requires_grad_()
    y = last(F.interpolate(first(x), size=target, mode="nearest"))
    y.backward(numbers(y.shape, 43, 7))
    return {"batch": batch, "size": size, "target": target, "channels": channels, "y": listed(y), "dx": listed(x.grad)}


def relu_of_sum_and_concat(batch, size, channels):
    a = numbers((batch, *size, channels), 37, 11).requires_grad_()
    b = numbers((batch, *size, channels), 29, 5).requires_grad_()
    y = torch.relu(torch.cat([a + b, b], dim=-1))
    y.backward(numbers(y.shape, 43, 7))
    return {"batch": batch, "size": size, "channels": channels, "y": listed(y), "da": listed(a.grad), "db": listed(b.grad)}


with open("truth.json", "w") as file:
    json.dump({
        "torch": torch.__version__,
        "batch_norm": [batch_norm(2, (2, 3, 4), 3, False), batch_norm(1, (2, 5, 3), 5, True)],
        "resize_nearest": [resize(1, (3, 4, 5), (5, 7, 9), 1), resize(2, (2, 3, 3), (4, 6, 6), 2), resize(1, (5, 6, 7), (3, 4, 7), 1)],
        "relu_of_sum_and_concat": [relu_of_sum_and_concat(2, (2, 3, 5), 3), relu_of_sum_and_concat(1, (3, 4, 4), 2)],
    }, file, separators=(",", ":"))
