"""Truths for connected components and opening: scipy.ndimage. Writes truth.json beside this file."""
import json
import pathlib

import numpy as np
from scipy import ndimage


def mask(shape, keep):
    """The same mask as in the test: a multiplicative hash of the voxel's number."""
    n = int(np.prod(shape))
    return ((np.arange(n, dtype=np.uint64) * np.uint64(2654435761)) % np.uint64(4294967296) < np.uint64(keep * 4294967296)).reshape(shape)


truth = {"components": [], "opening": []}
for shape, keep in [((6, 9, 11), 0.3), ((6, 9, 11), 0.15), ((1, 20, 20), 0.45), ((12, 1, 15), 0.5)]:
    m = mask(shape, keep)
    for name, rank in [("faces", 1), ("edges", 2), ("corners", 3)]:
        labels, count = ndimage.label(m, ndimage.generate_binary_structure(3, rank))
        sizes = np.bincount(labels.ravel())[1:].tolist()
        truth["components"].append({"shape": shape, "keep": keep, "connectivity": name, "sizes": sizes, "labels": labels.ravel().tolist()})
for shape, keep, iterations in [((6, 9, 11), 0.8, 1), ((9, 12, 12), 0.93, 2), ((9, 12, 12), 0.985, 3)]:
    opened = ndimage.binary_opening(mask(shape, keep), iterations=iterations)
    truth["opening"].append({"shape": shape, "keep": keep, "iterations": iterations, "voxels": np.flatnonzero(opened).tolist()})
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(truth, separators=(",", ":")))
print(path.stat().st_size, [len(o["voxels"]) for o in truth["opening"]], [len(c["sizes"]) for c in truth["components"]])
