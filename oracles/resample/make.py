"""Truths for resizing and resampling: torch, numpy and SimpleITK. Writes truth.json beside this file."""
import json
import pathlib

import cv2
import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F


def field(shape):
    """The same numbers as in the test: whole HU that no grid is aligned with."""
    n = int(np.prod(shape))
    return ((np.arange(n, dtype=np.int64) * 7919) % 2003 - 1000).astype(np.float32).reshape(shape)


def labels(shape):
    z, y, x = np.indices(shape)
    return ((z * 3 + y // 2 * 5 + x // 3 * 7) % 4 // 2 * ((z + y + x) % 7 > 0)).astype(np.uint8)


def rounded(a):
    return [round(float(v), 4) for v in np.asarray(a).ravel()]


truth = {"resize": [], "spacing": [], "bicubic": []}
for source, target in [((5, 7, 9), (3, 4, 5)), ((4, 6, 5), (7, 9, 8)), ((3, 5, 4), (1, 5, 2)), ((1, 6, 6), (2, 3, 6)), ((6, 23, 31), (5, 17, 13))]:
    ct, mask = field(source), labels(source)
    t = lambda a: torch.tensor(a.astype(np.float32))[None, None]
    linear = lambda a: F.interpolate(t(a), size=target, mode="trilinear", align_corners=True)[0, 0].numpy()
    index = [np.floor(np.linspace(0, s - 1, n)).astype(int) for s, n in zip(source, target)]
    truth["resize"].append({
        "from": source, "to": target,
        "ct": rounded(linear(ct)),
        "nearest": F.interpolate(t(mask), size=target, mode="nearest")[0, 0].numpy().astype(int).ravel().tolist(),
        "index_based": mask[np.ix_(*index)].ravel().tolist(),
        "truncated": torch.tensor(linear(mask)).long().numpy().ravel().tolist(),
    })

for shape, old, new in [((5, 9, 9), (5.0, 0.9, 0.9), (3.2, 1.5, 1.7)), ((6, 7, 5), (2.0, 1.3, 1.1), (5.1, 0.7, 0.6)), ((1, 6, 6), (5.0, 1.0, 1.0), (2.1, 1.6, 0.75))]:
    size = [max(1, int(np.floor(s * d / e + 0.5))) for s, d, e in zip(shape, old, new)]
    origin = [10.0, -20.0, 30.0]  # slice, row, column
    start = [o + d * (s - 1) / 2 - e * (n - 1) / 2 for o, d, s, e, n in zip(origin, old, shape, new, size)]
    def image(a):
        i = sitk.GetImageFromArray(a); i.SetSpacing(old[::-1]); i.SetOrigin(origin[::-1]); return i
    def run(a, how):
        r = sitk.ResampleImageFilter()
        r.SetSize(size[::-1]); r.SetOutputSpacing(new[::-1]); r.SetOutputOrigin(start[::-1]); r.SetInterpolator(how)
        r.SetUseNearestNeighborExtrapolator(True); r.SetOutputPixelType(sitk.sitkFloat32)
        return sitk.GetArrayFromImage(r.Execute(image(a)))
    # Beyond the outermost voxel centres SimpleITK's extrapolation differs from a linear one with repeated edges,
    # so only the inside is compared for CT.
    inside = [[0 <= (st + e * i - o) / d <= s - 1 for i in range(n)] for st, e, o, d, s, n in zip(start, new, origin, old, shape, size)]
    inside = np.einsum("i,j,k->ijk", *[np.array(v, int) for v in inside])
    truth["spacing"].append({
        "shape": shape, "old_mm": old, "new_mm": new, "size": size, "start_mm": start,
        "ct": rounded(run(field(shape), sitk.sitkLinear)), "inside": inside.ravel().tolist(),
        "labels": run(labels(shape), sitk.sitkNearestNeighbor).astype(int).ravel().tolist(),
    })
for source, target in [((12, 14), (6, 7)), ((9, 11), (7, 5)), ((6, 5), (9, 12))]:
    stack = field((2, *source)).astype(np.float64)
    out = [cv2.resize(s, target[::-1], interpolation=cv2.INTER_CUBIC) for s in stack]
    truth["bicubic"].append({"from": source, "to": target, "ct": rounded(out)})
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(truth, separators=(",", ":")))
print(path.stat().st_size, [int(np.sum(s["inside"])) for s in truth["spacing"]])
