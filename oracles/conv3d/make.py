"""Writes truth.json: 3D convolutions and their gradients by PyTorch in float64. Run: python make.py"""
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


CASES = [  # batch, input, in, out, kernel, stride, padding
    (1, (3, 7, 8), 3, 4, (3, 7, 7), (1, 2, 2), (1, 3, 3)),
    (2, (3, 5, 6), 4, 3, (3, 3, 3), (2, 2, 2), (1, 1, 1)),
    (1, (3, 4, 3), 5, 2, (3, 3, 3), (1, 1, 1), (1, 1, 1)),
    (2, (2, 3, 3), 3, 4, (3, 3, 3), (1, 1, 1), (2, 2, 2)),
    (1, (3, 5, 4), 17, 6, (1, 1, 1), (2, 2, 2), (0, 0, 0)),
    (1, (2, 3, 4), 33, 19, (1, 2, 3), (1, 1, 2), (0, 1, 1)),
]


def listed(tensor):
    # All results are multiples of 1/2500: rounding makes them exact.
    return [round(value, 4) for value in tensor.reshape(-1).tolist()]


cases = []
for batch, size, cin, cout, kernel, stride, padding in CASES:
    x = numbers((batch, *size, cin), 37, 11).requires_grad_()
    w = numbers((*kernel, cin, cout), 29, 5).requires_grad_()
    bias = numbers((cout,), 17, 3)
    y = F.conv3d(x.permute(0, 4, 1, 2, 3), w.permute(4, 3, 0, 1, 2), bias, stride, padding).permute(0, 2, 3, 4, 1)
    dy = numbers(y.shape, 43, 7)
    y.backward(dy)
    cases.append({
        "batch": batch, "input": size, "in_channels": cin, "out_channels": cout,
        "kernel": kernel, "stride": stride, "padding": padding,
        "y": listed(y.detach()), "dx": listed(x.grad),
        # The sums of all weight gradients of every tap and input channel, and the first ones in full.
        "dw_sums": listed(w.grad.sum(-1)), "dw_first": listed(w.grad)[:200],
    })
with open("truth.json", "w") as file:
    json.dump({"torch": torch.__version__, "cases": cases}, file, separators=(",", ":"))
