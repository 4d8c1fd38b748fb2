"""Times single convolutions with oneDNN, through PyTorch, for `cargo xtask bench kernels`.

Reads one line per layer from standard input, JSON with channels, sizes, and the number of repeats; answers with the least
seconds of forward, data gradient and weight gradient. Tensors are channels-last, as oneDNN likes them best, of the
type that the second argument names.
"""

import json
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]))
type = getattr(torch, sys.argv[2])


def best(repeats, run):
    run()
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - start)
    return least


def gradient(case, x, w, dy, mask):
    return torch.ops.aten.convolution_backward(
        dy, x, w, None, case["stride"], case["padding"], [1] * 3, False, [0] * 3, 1, mask
    )


print("oneDNN by PyTorch", torch.__version__, flush=True)
for line in sys.stdin:
    case = json.loads(line)
    last = torch.channels_last_3d
    x = torch.randn(1, case["channels"][0], *case["input"]).to(type, memory_format=last)
    w = torch.randn(case["channels"][1], case["channels"][0], *case["kernel"]).to(type, memory_format=last)
    with torch.inference_mode():
        conv = lambda: torch.nn.functional.conv3d(x, w, None, case["stride"], case["padding"])
        dy = torch.randn_like(conv())
        seconds = [
            best(case["repeats"], conv),
            best(case["repeats"], lambda: gradient(case, x, w, dy, [True, False, False])),
            best(case["repeats"], lambda: gradient(case, x, w, dy, [False, True, False])),
        ]
    print(json.dumps(seconds), flush=True)
