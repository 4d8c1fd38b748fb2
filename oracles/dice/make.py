"""Writes truth.json beside itself (or into the folder given): see NOTE.md."""
import json, sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from surface_distance import compute_dice_coefficient

rng = np.random.default_rng(20210124)


def measure(reference, prediction, spacing_mm):
    """Numbers of SimpleITK and surface-distance for label 1 of two uint8 arrays (slice, row, column)."""
    images = []
    for labels in (reference, prediction):
        image = sitk.GetImageFromArray(labels)
        image.SetSpacing(tuple(float(x) for x in spacing_mm[::-1]))
        images.append(image)
    out = {"dice_surface_distance": float(compute_dice_coefficient(reference == 1, prediction == 1))}
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(images[1], images[0])  # source = prediction, target = reference
    out["dice"] = overlap.GetDiceCoefficient(1)
    out["jaccard"] = overlap.GetJaccardCoefficient(1)
    out["sensitivity"] = 1 - overlap.GetFalseNegativeError(1)
    out["precision"] = 1 - overlap.GetFalseDiscoveryRate(1)
    volumes = []
    for image in images:
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(image)
        volumes.append(shape.GetPhysicalSize(1) / 1000.0)
    out["reference_ml"], out["prediction_ml"] = volumes
    return out


def text(labels):
    return "".join(str(int(v)) for v in labels.ravel())


cases = []
for shape, spacing_mm, density in [
    ((3, 5, 7), (5.0, 0.7, 0.8), 0.5),
    ((1, 8, 9), (8.0, 0.75, 0.75), 0.2),
    ((6, 4, 5), (1.25, 0.703125, 0.703125), 0.8),
    ((2, 2, 2), (3.0, 1.0, 2.0), 0.6),
]:
    reference = (rng.random(shape) < density).astype(np.uint8)
    prediction = np.where(rng.random(shape) < 0.7, reference, 1 - reference).astype(np.uint8)
    prediction[0, 0, 0] = reference[0, 0, 0] = 1
    prediction[-1, -1, -1] = 2  # another label must not count
    cases.append({
        "shape": list(shape), "spacing_mm": list(spacing_mm), "reference": text(reference),
        "prediction": text(prediction), "expected": measure(reference, prediction, spacing_mm),
    })

resized = []
for size, to in [(512, 224), (33, 20), (53, 20), (255, 20), (20, 20), (7, 20), (100, 224), (630, 224)]:
    index = torch.arange(size, dtype=torch.float64)[None, None]
    torch_index = torch.nn.functional.interpolate(index, size=to, mode="nearest")[0, 0].long().tolist()
    resized.append({"size": size, "to": to, "index": torch_index})

values = rng.random(11).round(6).tolist()
q1, median, q3 = np.percentile(values, [25, 50, 75]).tolist()
statistics = {"values": values, "mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)),
              "q1": q1, "median": median, "q3": q3}

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
truth = {"cases": cases, "resized": resized, "statistics": statistics}
(folder / "truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")
