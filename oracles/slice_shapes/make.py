"""Truths for shapes in one slice: scipy.ndimage and scikit-image. Writes truth.json beside this file."""
import json
import pathlib

import numpy as np
from scipy import ndimage
from skimage.morphology import convex_hull_image

SPACING = [(1.0, 1.0), (2.8, 2.8), (2.0, 3.1)]
random = np.random.default_rng(5)
truth = []
for spacing in SPACING:
    shape = (30, 38)
    row, column = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for _ in range(7):
        r, c, a, b = random.uniform(4, 26), random.uniform(4, 34), random.uniform(2, 8), random.uniform(2, 8)
        mask |= ((row - r) / a) ** 2 + ((column - c) / b) ** 2 <= 1
    mask &= random.random(shape) > 0.004
    # Beyond the edge nothing is known: distances are to voxels of the slice only.
    to_mask = lambda m: ndimage.distance_transform_edt(~m, sampling=spacing)
    dilated = lambda m, r: to_mask(m) <= r if m.any() else m
    eroded = lambda m, r: ndimage.distance_transform_edt(m, sampling=spacing) > r
    # No two voxels of these grids lie exactly this far apart; scipy has no distance to an empty mask.
    radius = 3.3
    rows = lambda m: ["".join("#" if v else "." for v in line) for line in m]
    _, parts = ndimage.label(mask)
    truth.append({
        "spacing_mm": spacing,
        "radius_mm": radius,
        "mask": rows(mask),
        "squared_mm2": [round(float(d), 4) for d in (to_mask(mask) ** 2).ravel()],
        "dilated": rows(dilated(mask, radius)),
        "eroded": rows(eroded(mask, radius)),
        "closed": rows(eroded(dilated(mask, radius), radius)),
        "opened": rows(dilated(eroded(mask, radius), radius)),
        "hull": rows(convex_hull_image(mask, offset_coordinates=False)),
        "parts": parts,
    })
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(truth, separators=(",", ":")) + "\n")
print(path.stat().st_size)
