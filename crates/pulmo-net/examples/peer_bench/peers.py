"""Runs one network with another library, a step at a time, for `cargo xtask bench peers`.

    peers.py TOOL WORK FOLDER

TOOL is torch, torch-cl, torch-compile, onnxruntime or openvino; WORK is infer or train, with -bf16 behind it for
bfloat16, or trace-bf16. FOLDER holds what the bench wrote: `graph.json`, `weights.safetensors`, `input.f32` and `target.u8`.

Reads `step` lines from standard input and answers each with seconds and a check (the loss of a training step);
`end` is answered with the peak memory of the process and its children in MiB. The first logits go to FOLDER/TOOL.f32.
"""

import json
import math
import os
import sys
import time

import numpy as np

THREADS = 2


def read_case(folder):
    graph = json.load(open(f"{folder}/graph.json"))
    batch, depth, height, width, channels = graph["input"]
    x = np.fromfile(f"{folder}/input.f32", np.float32).reshape(batch, depth, height, width, channels)
    target = np.fromfile(f"{folder}/target.u8", np.uint8).reshape(batch, depth, height, width)
    return graph, np.ascontiguousarray(x.transpose(0, 4, 1, 2, 3)), target.astype(np.int64)


def peak_mib():
    """Peak of this process and, for what torch.compile starts, of its children."""

    def high_water(pid):
        try:
            lines = open(f"/proc/{pid}/status").read().splitlines()
            own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
            children = open(f"/proc/{pid}/task/{pid}/children").read().split()
        except (OSError, StopIteration):
            return 0
        return own + sum(high_water(child) for child in children)

    return high_water(os.getpid()) / 1024


def serve(step, first_logits, tool, folder):
    first_logits().astype(np.float32).tofile(f"{folder}/{tool}.f32")
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            print(json.dumps({"peak_mib": peak_mib()}), flush=True)
            return
        start = time.perf_counter()
        check = step()
        # JSON has no word for what is not a number.
        check = check if check is not None and math.isfinite(check) else None
        print(json.dumps({"seconds": time.perf_counter() - start, "check": check}), flush=True)


def torch_network(graph, folder):
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file

    class Network(torch.nn.Module):
        """Interprets the graph; every tool gets the same operations in the same order."""

        def __init__(self):
            super().__init__()
            weights = load_file(f"{folder}/weights.safetensors")
            for parameter in graph["parameters"]:
                tensor = weights[parameter["name"]]
                if parameter["transposed"]:
                    tensor = tensor.transpose(0, 1).flip(2, 3, 4).contiguous()
                name = parameter["name"].replace(".", "_")
                if parameter["trained"]:
                    self.register_parameter(name, torch.nn.Parameter(tensor))
                else:
                    self.register_buffer(name, tensor)

        def named(self, name):
            return getattr(self, name.replace(".", "_"))

        def forward(self, x):
            values = {}
            for node in graph["nodes"]:
                inputs = [values[i] for i in node["inputs"]]
                op = node["op"]
                if op == "input":
                    y = x
                elif op == "convolution":
                    bias = None if node["bias"] is None else self.named(node["bias"])
                    y = F.conv3d(inputs[0], self.named(node["weight"]), bias, node["stride"], node["padding"])
                elif op == "batch_norm":
                    mean, variance, weight, bias = (self.named(name) for name in node["norm"])
                    y = F.batch_norm(inputs[0], mean, variance, weight, bias, self.training, 0.1, 1e-5)
                elif op == "relu":
                    y = F.relu(inputs[0])
                elif op == "add":
                    y = inputs[0] + inputs[1]
                elif op == "concat":
                    y = torch.cat(inputs, 1)
                elif op == "resize":
                    y = F.interpolate(inputs[0], size=node["size"], mode="nearest")
                else:
                    raise ValueError(op)
                values[node["output"]] = y
            return values[graph["logits"]]

    return Network()


def run_torch(tool, work, folder):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(THREADS)
    graph, x, target = read_case(folder)
    network = torch_network(graph, folder)
    x = torch.from_numpy(x)
    target = torch.from_numpy(target)
    low = work.endswith("-bf16")
    if tool != "torch":
        network = network.to(memory_format=torch.channels_last_3d)
        x = x.to(memory_format=torch.channels_last_3d)
    network.train(work.startswith("train"))
    call = network
    if tool == "torch-compile":
        import torch._inductor.config

        torch._inductor.config.freezing = work.startswith("infer")
        call = torch.compile(network)

    if work.startswith("trace"):
        trace(network, graph, x, target, folder)
        return

    def logits():
        with torch.inference_mode() if work.startswith("infer") else torch.enable_grad():
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                return call(x)

    if work.startswith("infer"):
        serve(lambda: logits().flatten()[0].item(), lambda: as_array(logits()), tool, folder)
        return

    decays = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() == 1]
    groups = [{"params": decays, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-5, fused=True)

    def step():
        adam.zero_grad(set_to_none=True)
        out = logits().float()
        loss = soft_dice(out, target) + F.cross_entropy(out, target)
        loss.backward()
        adam.step()
        return loss.item()

    # The weights before the first step are those of the bench: no forward pass may move the running statistics.
    serve(step, lambda: np.zeros(1), tool, folder)


def trace(network, graph, x, target, folder):
    """Logits, loss and gradients under autocast, in the layout of weight files, to FOLDER/torch-cl.safetensors."""
    import torch
    import torch.nn.functional as F
    from safetensors.torch import save_file

    def run():
        with torch.autocast("cpu", torch.bfloat16):
            return network(x).float()

    network.eval()
    with torch.no_grad():
        found = {"logits": run().permute(0, 2, 3, 4, 1).flatten().contiguous()}
    network.train()
    out = run()
    loss = soft_dice(out, target) + F.cross_entropy(out, target)
    loss.backward()
    found["training_logits"] = out.detach().permute(0, 2, 3, 4, 1).flatten().contiguous()
    found["loss"] = loss.detach().reshape(1)
    for parameter in graph["parameters"]:
        if parameter["trained"]:
            gradient = network.named(parameter["name"]).grad
            if parameter["transposed"]:
                gradient = gradient.flip(2, 3, 4).transpose(0, 1)
            found[parameter["name"]] = gradient.contiguous()
    save_file(found, f"{folder}/torch-cl.safetensors")


def soft_dice(out, target):
    probability = out.softmax(1)[:, 1]
    hit = (target == 1).float()
    return 1 - 2 * (probability * hit).sum() / (probability.sum() + hit.sum())


def as_array(logits):
    return logits.float().permute(0, 2, 3, 4, 1).contiguous().numpy()


def onnx_file(graph, x, folder):
    import torch

    path = f"{folder}/network.onnx"
    if not os.path.exists(path):
        network = torch_network(graph, folder).eval()
        torch.onnx.export(network, (torch.from_numpy(x),), f"{path}.part", dynamo=True, external_data=False, verbose=False)
        os.replace(f"{path}.part", path)
    return path


def run_onnxruntime(work, folder):
    graph, x, _ = read_case(folder)
    if not os.path.exists(f"{folder}/network.onnx"):
        # The exporter's memory is not the engine's: another process exports.
        os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, "export", work, folder])
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(f"{folder}/network.onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    infer = lambda: session.run(None, {name: x})[0]
    serve(lambda: float(infer().flat[0]), lambda: infer().transpose(0, 2, 3, 4, 1), "onnxruntime", folder)


def run_openvino(work, folder):
    graph, x, _ = read_case(folder)
    if not os.path.exists(f"{folder}/network.onnx"):
        os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, "export", work, folder])
    import openvino

    core = openvino.Core()
    precision = "bf16" if work.endswith("-bf16") else "f32"
    settings = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    compiled = core.compile_model(core.read_model(f"{folder}/network.onnx"), "CPU", settings)
    request = compiled.create_infer_request()
    infer = lambda: request.infer({0: x}, share_inputs=True, share_outputs=True)[0]
    serve(lambda: float(infer().flat[0]), lambda: infer().transpose(0, 2, 3, 4, 1), "openvino", folder)


def versions():
    import importlib.metadata as metadata

    print(", ".join(f"{name} {metadata.version(name)}" for name in ["torch", "onnxruntime", "openvino"]))


def main():
    tool, work, folder = (sys.argv[1:] + ["", ""])[:3]
    if tool == "versions":
        versions()
    elif tool == "export":
        graph, x, _ = read_case(folder)
        onnx_file(graph, x, folder)
    elif tool == "onnxruntime":
        run_onnxruntime(work, folder)
    elif tool == "openvino":
        run_openvino(work, folder)
    else:
        run_torch(tool, work, folder)


main()
