"""Truths for resampling onto any grid, by SimpleITK. Writes linear.json, bspline.json and labels.json beside this file."""
import json
import pathlib

import numpy as np
import SimpleITK as sitk


def field(shape):
    """The same numbers as in the test: whole HU that no grid is aligned with."""
    n = int(np.prod(shape))
    return ((np.arange(n, dtype=np.int64) * 7919) % 2003 - 1000).astype(np.float32).reshape(shape)


def labels(shape):
    """Blobs of the labels 0 to 3."""
    z, y, x = np.indices(shape)
    return ((z * 3 + y // 2 * 5 + x // 3 * 7) % 8 // 2 * ((z + y + x) % 7 > 0)).astype(np.uint8)


def rotation(degrees):
    """About the three axes in turn; rows are x, y, z."""
    a, b, c = np.radians(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return z @ y @ x


def grid(shape, spacing, origin=(0, 0, 0), turn=None, order=(0, 1, 2), flips=(1, 1, 1), tilt=0.0):
    """Shape, columns (slice, row, column) in LPS mm and origin. `order` is the LPS-reversed axis of each index axis."""
    columns = np.zeros((3, 3))
    for k in range(3):
        columns[k, 2 - order[k]] = spacing[k] * flips[k]
    columns[0, 1] += tilt * spacing[0]
    if turn is not None:
        columns = columns @ rotation(turn).T
    return {"shape": list(shape), "columns": columns.tolist(), "origin_mm": list(map(float, origin))}


def around(source, shape, spacing, shift=(0, 0, 0), **more):
    """A target about the centre of a source."""
    target = grid(shape, spacing, **more)
    centre = lambda g: (np.array(g["shape"]) - 1) / 2 @ np.array(g["columns"])
    target["origin_mm"] = (centre(source) - centre(target) + shift + np.array(source["origin_mm"])).tolist()
    return target


def place(image, g):
    columns = np.array(g["columns"])
    lengths = np.linalg.norm(columns, axis=1)
    image.SetSpacing(lengths[::-1].tolist())
    image.SetOrigin(g["origin_mm"])
    image.SetDirection((columns / lengths[:, None])[::-1].T.ravel().tolist())
    return image


def run(values, source, target, how):
    moving = place(sitk.GetImageFromArray(values), source)
    like = place(sitk.Image(target["shape"][::-1], sitk.sitkUInt8), target)
    default = -1024.0 if values.dtype == np.float32 else 0.0
    return sitk.GetArrayFromImage(sitk.Resample(moving, like, sitk.Transform(), how, default, moving.GetPixelID()))


axial = grid((5, 9, 11), (5.0, 0.9, 0.7), (-20.0, 13.0, 100.0))
small = grid((3, 5, 7), (5.0, 0.9, 0.7), (-20.0, 13.0, 100.0))
whole = grid((4, 6, 8), (2.0, 1.0, 1.0))
sheared = grid((6, 8, 7), (4.0, 1.0, 1.25), (3.0, 4.0, 5.0), tilt=-0.3)
oblique = grid((6, 7, 5), (2.0, 1.1, 1.3), (7.0, -8.0, 9.0), turn=(20, -15, 33), order=(1, 2, 0), flips=(-1, 1, -1))
long = grid((41, 3, 52), (1.0, 1.0, 1.0))
cases = {
    "finer": (axial, around(axial, (7, 8, 6), (3.3, 1.1, 1.0))),
    "beyond the border": (axial, around(axial, (8, 7, 6), (3.9, 1.6, 1.8))),
    "itself": (small, small),
    "permuted and flipped": (axial, around(axial, (6, 7, 5), (1.1, 4.3, 1.7), order=(2, 0, 1), flips=(-1, 1, -1))),
    "turned by exact axes": (small, around(small, (7, 3, 5), (0.7, 5.0, 0.9), order=(2, 0, 1), flips=(-1, -1, 1))),
    "rotated": (axial, around(axial, (7, 6, 8), (2.9, 1.3, 1.1), turn=(11, -25, 40))),
    "a turned source": (oblique, around(oblique, (6, 7, 6), (1.5, 1.4, 1.3), turn=(-5, 12, 70))),
    "straightened": (sheared, grid((6, 12, 7), (4.0, 1.0, 1.25), (3.0, 0.0, 5.0))),
    "sheared": (axial, around(axial, (6, 6, 7), (3.5, 1.0, 0.9), tilt=0.4)),
    "ties": (whole, grid((8, 6, 16), (1.0, 1.5, 0.5), (-0.5, -0.5, -0.5))),
    "flipped ties": (whole, grid((5, 4, 6), (-1.0, -1.0, 1.5), (-0.5, 4.5, 6.0), flips=(1, 1, 1))),
    "half a voxel off": (whole, grid((5, 7, 9), (2.0, 1.0, 1.0), (-0.5, -0.5, -1.0))),
    "ties by rounding": (few := grid((3, 14, 16), (1.25, 0.7, 0.7), (-179.3, -190.1, 12.7)), around(few, (3, 7, 7), (1.25, 1.5, 1.5))),
    "flipped ties by rounding": (few, around(few, (7, 3, 7), (1.5, 1.25, 1.5), order=(1, 0, 2), flips=(-1, 1, -1))),
    "one slice": (grid((1, 6, 6), (5.0, 1.0, 1.0)), grid((3, 4, 5), (2.0, 1.3, 1.2), (0.2, 0.1, -2.0))),
    "two voxels": (grid((2, 2, 2), (1.0, 1.0, 1.0)), grid((3, 3, 3), (0.65, 0.6, 0.5), (-0.4, -0.4, -0.4))),
    "long lines": (long, around(long, (12, 3, 11), (3.7, 1.2, 5.1), shift=(0.2, 0.1, 0.3))),
}
linear, bspline, maps = [], [], []
for name, (source, target) in cases.items():
    both = {"name": name, "from": source, "to": target}
    ct = lambda how: [round(float(v), 5) for v in run(field(source["shape"]), source, target, how).ravel()]
    linear.append({**both, "hu": ct(sitk.sitkLinear)})
    bspline.append({**both, "hu": ct(sitk.sitkBSpline)})
    nearest = run(field(source["shape"]), source, target, sitk.sitkNearestNeighbor)
    chosen = run(labels(source["shape"]), source, target, sitk.sitkNearestNeighbor)
    vote = run(labels(source["shape"]), source, target, sitk.sitkLabelLinear)
    shares = [run((labels(source["shape"]) == label).astype(float), source, target, sitk.sitkLinear) for label in range(4)]
    first, second = np.sort(shares, axis=0)[:1:-1]
    tied = (first - second < 1e-9) & (first != second)
    digits = lambda a: "".join(map(str, a.ravel().tolist()))
    maps.append({**both, "nearest_sum": int(np.sum(nearest.astype(np.int64).ravel() * (np.arange(nearest.size) % 97 + 1))),
                 "nearest": digits(chosen), "vote": "".join("." if t else str(v) for v, t in zip(vote.ravel(), tied.ravel()))})
folder = pathlib.Path(__file__).parent
for name, truth in [("linear", linear), ("bspline", bspline), ("labels", maps)]:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(truth, separators=(",", ":")) + "\n")
    print(path.name, path.stat().st_size)
