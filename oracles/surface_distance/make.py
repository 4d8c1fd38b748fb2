"""Truths for distances between surfaces, areas and volumes. Writes areas.json and truth.json beside this file: see NOTE.md."""
import json
import pathlib
import warnings

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

# surface-distance 0.1 was written for numpy 1 and scipy 1.7: the names that it uses, under their places of today.
np.Inf, np.NaN = np.inf, np.nan
ndimage.filters = ndimage.morphology = ndimage
import surface_distance
import torch
from medpy.metric import binary
from monai.metrics import compute_hausdorff_distance
from monai.metrics.utils import get_mask_edges
from surface_distance.lookup_tables import create_table_neighbour_code_to_surface_area

warnings.simplefilter("ignore")
rng = np.random.default_rng(20260103)


def blob(shape, spread, part):
    """Smooth blobs that fill about `part` of the volume."""
    values = ndimage.gaussian_filter(rng.standard_normal(shape), spread, mode="wrap")
    return values > np.quantile(values, 1 - part)


def runs(mask):
    """Lengths of runs of 0, 1, 0, ... in C order."""
    flat = mask.ravel().astype(np.int8)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return lengths if flat[0] == 0 else [0] + lengths


def monai_edges(reference, prediction, spacing_mm):
    """Distances by scipy between the edge voxels by MONAI, in float64."""
    edges = get_mask_edges(torch.from_numpy(prediction), torch.from_numpy(reference), always_return_as_numpy=True)
    maps = [ndimage.distance_transform_edt(~edge, sampling=spacing_mm) for edge in edges]
    return maps[1][edges[0]], maps[0][edges[1]]


def volume_ml(mask, spacing_mm):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(tuple(float(x) for x in spacing_mm[::-1]))
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    return shape.GetPhysicalSize(1) / 1000.0


def measure(reference, prediction, spacing_mm):
    found = surface_distance.compute_surface_distances(reference, prediction, spacing_mm)
    directed = surface_distance.compute_average_surface_distance(found)
    edges = monai_edges(reference, prediction, spacing_mm)
    volumes = [volume_ml(mask, spacing_mm) for mask in (reference, prediction)]
    batch = [torch.from_numpy(mask)[None, None] for mask in (prediction, reference)]
    return {
        "expected": {
            "hd95_surface_mm": float(surface_distance.compute_robust_hausdorff(found, 95)),
            "mean_surface_distance_mm": float(sum(directed) / 2),
            "hd95_voxels_mm": float(max(np.percentile(mm, 95) for mm in edges)),
            "hd95_pooled_mm": float(binary.hd95(prediction, reference, voxelspacing=spacing_mm)),
            "volume_error_percent": 100 * (volumes[1] / volumes[0] - 1),
        },
        "surface_dice": [
            {"tolerance_mm": t, "value": float(surface_distance.compute_surface_dice_at_tolerance(found, t))}
            for t in (0.5, 1.0, 2.0, 3.0, 10.0)
        ],
        "monai_hd95_float32": float(compute_hausdorff_distance(*batch, include_background=True, percentile=95, spacing=spacing_mm)),
    }


cases = []
for shape, spacing_mm, spread, part in [
    ((12, 30, 32), (5.0, 0.703125, 0.703125), (0.8, 3, 3), 0.2),
    ((20, 24, 26), (1.25, 0.8, 0.8), 2, 0.3),
    ((10, 20, 20), (8.0, 0.75, 0.7), (0.5, 2, 2), 0.1),
    ((16, 16, 16), (1.0, 1.0, 1.0), 1.5, 0.5),
    ((1, 40, 40), (3.0, 0.9, 0.9), (0, 3, 3), 0.2),
    ((9, 11, 13), (2.0, 1.5, 0.5), 0, 0.3),
]:
    reference = blob(shape, spread, part)
    # The prediction: the reference moved by one voxel, with other blobs added and taken away.
    prediction = np.roll(reference, 1, axis=2) & ~blob(shape, spread, 0.1) | blob(shape, spread, 0.04)
    case = {"shape": shape, "spacing_mm": spacing_mm, "reference": runs(reference), "prediction": runs(prediction)}
    cases.append({**case, **measure(reference, prediction, spacing_mm)})

areas = [
    {"spacing_mm": spacing_mm, "mm2": create_table_neighbour_code_to_surface_area(spacing_mm).tolist()}
    for spacing_mm in [(1.0, 1.0, 1.0), (5.0, 0.7, 0.8), (0.5, 2.0, 3.0)]
]
folder = pathlib.Path(__file__).parent
(folder / "truth.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
(folder / "areas.json").write_text(json.dumps(areas, separators=(",", ":")) + "\n")
