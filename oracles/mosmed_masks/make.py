"""Writes truth.json beside itself: see NOTE.md. Needs the masks of MosMedData, in the folder given or beside the repository."""
import hashlib, json, sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if len(sys.argv) > 1:
    MASKS = Path(sys.argv[1])
else:
    MASKS = next((p / "shared/data/mosmed/masks" for p in HERE.parents if (p / "shared/data/mosmed/masks").is_dir()), HERE / "masks")
if not MASKS.is_dir():
    sys.exit("the masks of MosMedData are not here")

import nibabel
import numpy as np
import SimpleITK as sitk

SHAPE = (20, 224, 224)


def dice(reference, prediction):
    """Dice of SimpleITK for label 1; None where both masks are empty."""
    if not reference.any() and not prediction.any():
        return None
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.GetImageFromArray(prediction), sitk.GetImageFromArray(reference))
    return overlap.GetDiceCoefficient(1)


def shifted(labels):
    """One voxel further along the columns; what leaves the volume is lost."""
    moved = np.zeros_like(labels)
    moved[:, :, 1:] = labels[:, :, :-1]
    return moved


def resized(labels):
    """Nearest neighbour: output i of s takes input floor(i * S / s)."""
    index = [np.arange(s) * size // s for s, size in zip(SHAPE, labels.shape)]
    return np.ascontiguousarray(labels[np.ix_(*index)])


truth = {"cases": []}
totals = np.zeros(3, dtype=np.int64)
for path in sorted(MASKS.glob("study_*_mask.nii.gz")):
    image = sitk.ReadImage(str(path), sitk.sitkUInt8)
    labels = sitk.GetArrayFromImage(image)  # slice, row, column
    assert set(np.unique(labels)) <= {0, 1}
    stored = np.asarray(nibabel.load(path).dataobj).astype(np.uint8).transpose(2, 1, 0)
    assert np.array_equal(stored, labels), "nibabel and SimpleITK see the same voxels"
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    moved = shifted(labels)
    totals += [int(labels.sum()), int(moved.sum()), int((labels & moved).sum())]
    small = [resized(labels), resized(moved)]
    truth["cases"].append({
        "case": path.name[:10],
        "sha256": hashlib.sha256(np.ascontiguousarray(stored).tobytes()).hexdigest(),
        "reference_ml": shape.GetPhysicalSize(1) / 1000.0,
        "dice_shifted": dice(labels, moved),
        "dice_shifted_resized": dice(*small),
        "resized_empty": not (small[0].any() or small[1].any()),
    })
values = [case["dice_shifted"] for case in truth["cases"]]
small = [case["dice_shifted_resized"] for case in truth["cases"] if case["dice_shifted_resized"] is not None]
truth["macro"] = float(np.mean(values))
truth["macro_resized"] = float(np.mean(small))
truth["micro"] = float(2 * totals[2] / (totals[0] + totals[1]))
text = json.dumps(truth, indent=1)
(HERE / "truth.json").write_text(text + "\n")
