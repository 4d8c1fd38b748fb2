"""Writes truth.json beside itself (or into the folder given): see NOTE.md."""
import json, sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

SHAPE, SPACING = (26, 44, 60), (3.0, 1.5, 1.25)
# Ellipsoids in voxels: centre and half axes along (slice, row, column); all whole numbers, so that every tool agrees.
LUNGS = {1: ((13, 22, 44), (12, 19, 13)), 2: ((12, 21, 15), (11, 20, 14))}
OPACITY = [((6, 30, 46), (4, 7, 6)), ((18, 12, 14), (3, 5, 8)), ((9, 34, 10), (5, 6, 6)), ((20, 21, 44), (1, 1, 1)),
           ((3, 5, 30), (1, 2, 2))]
# A denser core in the first lesion.
CORE = ((6, 30, 46), (2, 4, 4))
# The lobe of a voxel is decided by the slice: label below, label at and above it.
LOBES = {1: (12, 2, 1), 2: (10, 5, 3)}
MIDDLE_LOBE = ((12, 8, 15), (5, 9, 14), 4)


def ellipsoid(centre, half):
    s, r, c = np.ogrid[:SHAPE[0], :SHAPE[1], :SHAPE[2]]
    a, b, d = half
    return ((s - centre[0]) * b * d) ** 2 + ((r - centre[1]) * a * d) ** 2 + ((c - centre[2]) * a * b) ** 2 <= (a * b * d) ** 2


lungs = np.zeros(SHAPE, np.uint8)
for label, (centre, half) in LUNGS.items():
    lungs[ellipsoid(centre, half)] = label
opacity = np.zeros(SHAPE, bool)
for centre, half in OPACITY:
    opacity |= ellipsoid(centre, half)
lobes = np.zeros(SHAPE, np.uint8)
slices = np.arange(SHAPE[0])[:, None, None] + np.zeros(SHAPE, int)
for side, (cut, below, above) in LOBES.items():
    lobes[lungs == side] = np.where(slices < cut, below, above)[lungs == side]
lobes[ellipsoid(*MIDDLE_LOBE[:2]) & (lungs == 2)] = MIDDLE_LOBE[2]

index = np.arange(opacity.size).reshape(SHAPE)
noise = (index * 7919 % 613) % 241 - 120
hu = np.where(lungs > 0, -830, 40)
hu = np.where(opacity, -450, hu)
hu = np.where(ellipsoid(*CORE), 20, hu)
hu = (hu + noise).astype(np.float64)


def affines():
    s, r, c = SPACING
    origin = np.array([-40.0, -35.5, 120.25])
    yield "axial", np.array([[0, 0, s], [0, r, 0], [c, 0, 0]]), origin
    # Slices towards the feet, rows towards the front, columns towards the right.
    yield "turned", np.array([[0, 0, -s], [0, -r, 0], [-c, 0, 0]]), origin
    angle = np.radians(17.0)
    cos, sin = np.cos(angle), np.sin(angle)
    # Rotated about the left-right axis.
    yield "oblique", np.array([[0, -s * sin, s * cos], [0, r * cos, r * sin], [c, 0, 0]]), origin
    yield "tilted", np.array([[0, s * np.tan(angle), s], [0, r, 0], [c, 0, 0]]), origin


def cut_by_extent(position, mask, half_voxel, share):
    low, high = position[mask].min() - half_voxel, position[mask].max() + half_voxel
    return low + share * (high - low) - 1e-6


def cut_by_volume(position, mask, share):
    """Halfway between two planes, so that the share below comes nearest."""
    values, counts = np.unique(np.round(position[mask], 6), return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    best = int(np.argmin(np.abs(below - share * counts.sum())))
    return (values[best - 1] + values[best]) / 2


def entry(region):
    n, o = int(region.sum()), int((region & opacity).sum())
    return {"lung": n, "opacity": o}


def measure(name, columns, origin):
    place = origin + slices[..., None] * columns[0] + np.arange(SHAPE[1])[None, :, None, None] * columns[1] \
        + np.arange(SHAPE[2])[None, None, :, None] * columns[2]
    half = 0.5 * np.abs(columns).sum(axis=0)
    z, y = place[..., 2], place[..., 1]
    out = {"name": name, "columns": columns.tolist(), "origin_mm": origin.tolist(), "regions": {}}
    out["voxel_ml"] = float(abs(np.linalg.det(columns)) / 1000)
    left = (lungs == 1)
    sides = {"": [1, 2], "left_": [1], "right_": [2]}
    height, volume, dorsal = {}, {}, {}
    for side in (1, 2):
        mask = lungs == side
        height[side] = [cut_by_extent(z, mask, half[2], k / 3) for k in (1, 2)]
        volume[side] = [cut_by_volume(z, mask, k / 3) for k in (1, 2)] if name in ("axial", "turned") else None
        dorsal[side] = cut_by_extent(y, mask, half[1], 0.5)
    carina, vein = float(z[lungs > 0].mean() + 7.1), float(z[lungs > 0].mean() - 9.3)
    out["landmarks"] = {"carina": carina, "vein": vein}
    for prefix, which in sides.items():
        def union(test):
            return sum(((lungs == side) & test(side) for side in which), np.zeros(SHAPE, bool))
        bands = {"lower": lambda v, cut: v < cut[0], "middle": lambda v, cut: (v >= cut[0]) & (v < cut[1]),
                 "upper": lambda v, cut: v >= cut[1]}
        for band, inside in bands.items():
            out["regions"][f"{prefix}{band}"] = entry(union(lambda side: inside(z, height[side])))
            out["regions"][f"{prefix}{band}_zone"] = entry(union(lambda side: inside(z, [vein, carina])))
            if volume[1]:
                out["regions"][f"volume:{prefix}{band}"] = entry(union(lambda side: inside(z, volume[side])))
        out["regions"][f"{prefix}dorsal"] = entry(union(lambda side: y >= dorsal[side]))
        out["regions"][f"{prefix}ventral"] = entry(union(lambda side: y < dorsal[side]))
    out["regions"]["both"], out["regions"]["left"], out["regions"]["right"] = entry(lungs > 0), entry(left), entry(lungs == 2)
    names = ["left_upper_lobe", "left_lower_lobe", "right_upper_lobe", "right_middle_lobe", "right_lower_lobe"]
    for label, lobe in enumerate(names, start=1):
        out["regions"][lobe] = entry(lobes == label)
    return out


def volumes():
    """mL by SimpleITK."""
    image = sitk.GetImageFromArray(opacity.astype(np.uint8) + 2 * (lungs > 0).astype(np.uint8))
    image.SetSpacing(SPACING[::-1])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    inside, outside, clear = (shape.GetPhysicalSize(label) / 1000 for label in (3, 1, 2))
    return {"inside_ml": inside, "outside_ml": outside, "lung_ml": inside + clear}


def attenuation():
    sd = [1.5 / mm for mm in SPACING]
    def blur(x):
        return ndimage.gaussian_filter(x, sd, mode="constant", truncate=3.0)
    smooth = blur(hu * opacity)[opacity] / blur(opacity.astype(np.float64))[opacity]
    return {"mean_hu": float(hu[opacity].mean()),
            "at_or_above": {str(cut): int((smooth >= cut).sum()) for cut in (-350, -300, -250, -200, -150)}}


labelled, count = ndimage.label(opacity, structure=np.ones((3, 3, 3)))
foci = sorted((int(n) for n in np.bincount(labelled.ravel())[1:]), reverse=True)
truth = {
    "shape": SHAPE, "spacing_mm": SPACING, "lungs": LUNGS, "opacity": OPACITY, "core": CORE, "lobes": LOBES,
    "middle_lobe": MIDDLE_LOBE, "grids": [measure(*grid) for grid in affines()], "volumes": volumes(),
    "attenuation": attenuation(), "foci_voxels": foci,
}
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
(folder / "truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")
