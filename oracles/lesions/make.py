"""Truths for lesions found and missed: SimpleITK components, counted with numpy. Writes truth.json: see NOTE.md."""
import json
import pathlib

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

rng = np.random.default_rng(20260104)


def blob(shape, spread, part):
    values = ndimage.gaussian_filter(rng.standard_normal(shape), spread, mode="wrap")
    return values > np.quantile(values, 1 - part)


def runs(mask):
    """Lengths of runs of 0, 1, 0, ... in C order."""
    flat = mask.ravel().astype(np.int8)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return lengths if flat[0] == 0 else [0] + lengths


def lesions(mask, spacing_mm, connectivity, least_ml):
    """One mask per component of at least the smallest volume; sizes in mm3 by SimpleITK."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(tuple(float(x) for x in spacing_mm[::-1]))
    labelled = sitk.ConnectedComponent(image, connectivity == "corners")
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labelled)
    array = sitk.GetArrayFromImage(labelled)
    return [array == k for k in shape.GetLabels() if shape.GetPhysicalSize(k) / 1000.0 >= least_ml * (1 - 1e-6)]


def measure(reference, prediction, spacing_mm, rule):
    sides = [lesions(mask, spacing_mm, rule["connectivity"], rule["least_ml"]) for mask in (reference, prediction)]
    union = [np.logical_or.reduce(side) if side else np.zeros_like(reference) for side in sides]
    found = []
    for side, other in zip(sides, union[::-1]):
        covered = [int((lesion & other).sum()) for lesion in side]
        found.append(sum(c > 0 and c / int(lesion.sum()) >= rule["overlap"] for c, lesion in zip(covered, side)))
    return {"reference": len(sides[0]), "reference_found": found[0], "prediction": len(sides[1]), "prediction_found": found[1]}


cases = []
for shape, spacing_mm, spread, part in [
    ((10, 40, 40), (5.0, 0.8, 0.8), (0.6, 2, 2), 0.08),
    ((24, 28, 28), (1.25, 1.0, 1.0), 1.2, 0.06),
    ((8, 30, 30), (8.0, 1.5, 1.5), 0, 0.1),
]:
    reference = blob(shape, spread, part)
    prediction = np.roll(reference, 1, axis=1) & ~blob(shape, spread, 0.3) | blob(shape, spread, 0.02)
    rules = []
    for connectivity, least_ml, overlap in [("corners", 0.1, 0.0), ("faces", 0.0, 0.0), ("corners", 0.02, 0.5), ("corners", 0.05, 0.25)]:
        rule = {"connectivity": connectivity, "least_ml": least_ml, "overlap": overlap}
        rules.append({"rule": rule, "expected": measure(reference, prediction, spacing_mm, rule)})
    cases.append({"shape": shape, "spacing_mm": spacing_mm, "reference": runs(reference), "prediction": runs(prediction), "rules": rules})
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
