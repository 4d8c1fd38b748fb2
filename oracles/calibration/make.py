"""Truths for calibration: scikit-learn and MONAI. Writes truth.json beside this file: see NOTE.md."""
import json
import pathlib

import numpy as np
import torch
from monai.metrics import CalibrationErrorMetric
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

rng = np.random.default_rng(20260105)
cases = []
for voxels, bins, sharp in [(300, 10, 1.0), (400, 15, 3.0), (250, 20, 0.3)]:
    bytes_ = np.round(255 * rng.beta(0.5, 0.8, voxels)).astype(np.uint8)
    bytes_[:2] = 0, 255
    p = bytes_.astype(np.float64) / 255
    reference = (rng.random(voxels) < p**sharp).astype(np.uint8)
    share, mean = calibration_curve(reference, p, n_bins=bins, strategy="uniform")
    # The voxels of the bins that scikit-learn keeps, by its own rule: a value on a bound belongs to the bin below.
    bounds = np.linspace(0, 1, bins + 1)
    counts = np.bincount(np.searchsorted(bounds[1:-1], p), minlength=bins)
    kept = counts[counts > 0]
    error = {}
    for name in ("expected", "average", "maximum"):
        metric = CalibrationErrorMetric(num_bins=bins, calibration_reduction=name, right=False)
        metric(y_pred=torch.from_numpy(p)[None, None], y=torch.from_numpy(reference)[None, None])
        error[name] = float(metric.aggregate())
    cases.append({
        "bins": bins, "bytes": bytes_.tolist(), "reference": reference.tolist(), "voxels": kept.tolist(),
        "mean_probability": mean.tolist(), "share": share.tolist(),
        "expected_error": float(np.sum(kept / voxels * np.abs(share - mean))),
        "largest_error": float(np.max(np.abs(share - mean))),
        "brier": float(brier_score_loss(reference, p)), "monai_float32": error,
    })
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
