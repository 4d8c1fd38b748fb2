"""The jobs of resample_bench.rs with SimpleITK: python resample_bench.py JOB. Two threads, as the machine has cores."""
import sys
import time

import numpy as np
import SimpleITK as sitk


def ct(shape):
    z, y, x = shape
    out = np.empty(shape, np.float32)
    rows, columns = np.indices((y, x), dtype=np.int64)
    for k in range(z):
        out[k] = (k * 3 + rows * 5 + columns * 7) % 1400 - 1000 + (k * 131 + rows * 71 + columns * 37) % 101
    return out


def blobs(shape):
    z, y, x = shape
    out = np.empty(shape, np.uint8)
    rows, columns = np.indices((y, x), dtype=np.int64)
    for k in range(z):
        inside = (columns // 40 + rows // 40 + k // 25) % 2 == 1
        out[k] = inside * (1 + (columns // 80 + rows // 80 + k // 50) % 3)
    return out


def image(values, spacing=(1.0, 0.7, 0.7), origin=(-179.0, -190.0, 12.0)):
    found = sitk.GetImageFromArray(values)
    found.SetSpacing(spacing[::-1])
    found.SetOrigin(origin)
    return found


def coarse(shape, spacing=(1.0, 0.7, 0.7), origin=(12.0, -190.0, -179.0), new=1.5):
    size = [int(np.floor(s * d / new + 0.5)) for s, d in zip(shape, spacing)]
    start = [o + d * (s - 1) / 2 - new * (n - 1) / 2 for o, d, s, n in zip(origin, spacing, shape, size)]
    return size[::-1], start[::-1], (new,) * 3


def peak_mib():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))


job = sys.argv[1]
shape = [int(n) for n in sys.argv[2].split("x")] if len(sys.argv) > 2 else (300, 512, 512)
size, start, new = coarse(shape)
direction = (0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1) if job == "oblique" else (1, 0, 0, 0, 1, 0, 0, 0, 1)
if job in ("back", "vote"):
    how = sitk.sitkNearestNeighbor if job == "back" else sitk.sitkLabelLinear
    small = sitk.Resample(image(blobs(shape)), size, sitk.Transform(), sitk.sitkNearestNeighbor, start, new)
    began = time.perf_counter()
    back = sitk.Resample(small, shape[::-1], sitk.Transform(), how, (-179.0, -190.0, 12.0), (0.7, 0.7, 1.0))
    seconds = time.perf_counter() - began
    peak = peak_mib()
    values = sitk.GetArrayViewFromImage(back).ravel()
    check = sum(int(np.sum(part.astype(np.uint64) * (np.arange(k, k + len(part)) % 997 + 1).astype(np.uint64)))
                for k in range(0, len(values), 1 << 22) for part in [values[k:k + (1 << 22)]])
    print(f"{job}: {seconds:.3f} s, check {check}, peak {peak} MiB")
else:
    volume = image(ct(shape))
    how = {"bspline": sitk.sitkBSpline, "nearest": sitk.sitkNearestNeighbor}.get(job, sitk.sitkLinear)
    began = time.perf_counter()
    found = volume
    if job != "hold":
        found = sitk.Resample(volume, size, sitk.Transform(), how, start, new, direction, -1024.0)
    seconds = time.perf_counter() - began
    peak = peak_mib()
    print(f"{job}: {seconds:.3f} s, mean {np.mean(sitk.GetArrayViewFromImage(found), dtype=np.float64):.6f} HU, peak {peak} MiB")
