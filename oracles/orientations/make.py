"""One small volume in all 48 orders and directions of its axes, written by three other tools.

Each file puts the same values at the same patient positions, so the truth is one table per rotation: value to position.
"""

import base64
import itertools
import json
import tempfile
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).parent
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def rotation(axis, degrees):
    """Rotation matrix about a unit vector (Rodrigues)."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    t = np.radians(degrees)
    return np.eye(3) + np.sin(t) * k + (1 - np.cos(t)) * k @ k


ROTATIONS = [rotation([0, 0, 1], 0), rotation([1, 2, 3], 7), rotation([-3, 1, 2], 64)]
SHAPE = (4, 3, 2)
VALUES = (np.arange(24, dtype=np.int16) * 37 % 101 - 40).reshape(SHAPE)


def affine(turn):
    out = np.eye(4)
    out[:3, :3] = turn @ np.diag([0.7, 0.8, 2.5])
    out[:3, 3] = [-101.3, 55.7, -912.25]
    return out


def positions(values, grid):
    """Value to LPS position."""
    return {int(values[index]): (grid @ [*index, 1])[:3].tolist() for index in np.ndindex(values.shape)}


def turned(order, flips, grid):
    """The array and its affine with the axes in another order and direction."""
    values = VALUES.transpose(order)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, old in enumerate(order):
        turn[old, new] = -1 if flips[new] else 1
        turn[old, 3] = values.shape[new] - 1 if flips[new] else 0
    where = tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)
    return values[where], grid @ turn


def nibabel_nifti(values, grid, path):
    image = nib.Nifti1Image(values, LPS_TO_RAS @ grid)
    image.set_qform(LPS_TO_RAS @ grid, 1)
    nib.save(image, path)


def simpleitk(values, grid, path):
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    spacing = np.linalg.norm(grid[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((grid[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(grid[:3, 3].tolist())
    sitk.WriteImage(image, str(path), useCompression=True)


def pynrrd(values, grid, path):
    header = {"space": "right-anterior-superior", "kinds": ["domain"] * 3, "encoding": "raw"}
    ras = LPS_TO_RAS @ grid
    header |= {"space directions": ras[:3, :3].T, "space origin": ras[:3, 3]}
    nrrd.write(str(path), np.asfortranarray(values), header, index_order="F")


WRITERS = {
    "nibabel.nii.gz": nibabel_nifti,
    "simpleitk.nii.gz": simpleitk,
    "simpleitk.nrrd": simpleitk,
    "pynrrd.nrrd": pynrrd,
    "simpleitk.mha": simpleitk,
}


def main():
    truth = [positions(VALUES, affine(turn)) for turn in ROTATIONS]
    (HERE / "truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")
    orders = list(itertools.product(itertools.permutations(range(3)), itertools.product([0, 1], repeat=3)))
    assert len(orders) == 48
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            files = []
            for n, (order, flips) in enumerate(orders):
                # Each order with one of the rotations, each rotation with every order of axes.
                path = Path(folder) / name
                write(*turned(order, flips, affine(ROTATIONS[n % 3])), path)
                files.append(base64.b64encode(path.read_bytes()).decode())
            (HERE / f"{name}.json").write_text(json.dumps(files, indent=0) + "\n")


if __name__ == "__main__":
    main()
