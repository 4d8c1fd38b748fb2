"""Truths for distances and balls in mm: scipy.ndimage. Writes truth.json beside this file: see NOTE.md."""
import json
import pathlib

import numpy as np
from scipy import ndimage

rng = np.random.default_rng(20260102)


def text(mask):
    return "".join(str(int(v)) for v in mask.ravel())


def blob(shape, spread, part):
    """Smooth blobs that fill about `part` of the volume."""
    values = ndimage.gaussian_filter(rng.standard_normal(shape), spread, mode="wrap")
    return values > np.quantile(values, 1 - part)


def ball(spacing_mm, radius_mm):
    reach = [int(np.ceil(radius_mm / s)) for s in spacing_mm]
    axes = np.meshgrid(*[np.arange(-r, r + 1) * s for r, s in zip(reach, spacing_mm)], indexing="ij")
    return sum(a * a for a in axes) <= (radius_mm + 1e-6) ** 2


truth = {"distances": [], "balls": []}
for shape, spacing_mm, part in [
    ((6, 9, 8), (5.0, 0.7, 0.8), 0.02),
    ((5, 8, 9), (1.25, 0.703125, 0.703125), 0.3),
    ((1, 12, 10), (8.0, 0.75, 0.6), 0.05),
    ((9, 1, 14), (0.5, 3.0, 1.0), 0.1),
    ((6, 7, 7), (1.0, 1.0, 1.0), 0.01),
]:
    mask = rng.random(shape) < part
    mask[0, 0, -1] = True
    distances = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    truth["distances"].append({"shape": shape, "spacing_mm": spacing_mm, "mask": text(mask), "mm": distances.ravel().tolist()})
for shape, spacing_mm, radius_mm in [
    ((8, 14, 14), (5.0, 0.7, 0.8), 2.1),
    ((8, 12, 13), (1.25, 0.703125, 0.703125), 2.0),
    ((10, 12, 13), (1.0, 1.0, 1.0), 3.0),
    ((6, 12, 13), (2.0, 1.0, 1.5), 0.5),
]:
    mask = blob(shape, 1.5, 0.4)
    structure = ball(spacing_mm, radius_mm)
    pad = [(s, s) for s in structure.shape]
    inner = tuple(slice(s, -s) for s in structure.shape)
    done = {
        "dilated": ndimage.binary_dilation(mask, structure),
        "eroded": ndimage.binary_erosion(mask, structure),
        "closed": ndimage.binary_closing(np.pad(mask, pad), structure)[inner],
        "opened": ndimage.binary_opening(mask, structure),
    }
    truth["balls"].append({
        "shape": shape, "spacing_mm": spacing_mm, "radius_mm": radius_mm, "mask": text(mask),
        **{name: text(result) for name, result in done.items()},
    })
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(truth, separators=(",", ":")) + "\n")
