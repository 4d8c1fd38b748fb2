"""Polygons filled by scikit-image: small ones of every awkward kind, and two readers' over a series of 255 slices."""

import hashlib
import json

import numpy as np
import skimage
from skimage.draw import polygon


class Numbers:
    """The test draws the same numbers: a linear congruential generator, upper 31 bits."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def filled(vertices, shape):
    mask = np.zeros(shape, np.uint8)
    x, y = np.array(vertices, float).T
    mask[polygon(y, x, shape)] = 1
    return mask


def digest(mask):
    return hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest()


def small():
    """On 40 rows and 50 columns: whole and half numbers (centres and corners), eighths, and any; inside and beyond."""
    numbers = Numbers(7)
    cases = []
    for kind, step in [("whole", 1), ("half", 2), ("eighth", 8), ("any", 1000)]:
        for _ in range(40):
            count = 1 + numbers.below(12)
            vertices = [
                [(numbers.below(70 * step) - 10 * step) / step, (numbers.below(60 * step) - 10 * step) / step]
                for _ in range(count)
            ]
            mask = filled(vertices, (40, 50))
            cases.append({"kind": kind, "vertices": vertices, "pixels": int(mask.sum()), "sha256": digest(mask)[:16]})
    return cases


def series():
    """Two readers on a series of 255 x 512 x 512; both draw on every third slice, the first also on the others."""
    numbers = Numbers(255)
    votes = np.zeros((255, 512, 512), np.uint8)
    for k in range(255):
        for reader in range(2 if k % 3 == 0 else 1):
            own = np.zeros((512, 512), np.uint8)
            for _ in range(1 + numbers.below(3)):
                x, y = 60 + numbers.below(300), 60 + numbers.below(300)
                vertices = [[x + numbers.below(800) / 8, y + numbers.below(800) / 8] for _ in range(5 + numbers.below(20))]
                own |= filled(vertices, (512, 512))
            votes[k] += own
    union, majority = (votes >= 1).astype(np.uint8), (votes >= 2).astype(np.uint8)
    slices = [int(union[k].sum()) for k in (0, 1, 2, 253, 254)]
    return {
        "union": {"voxels": int(union.sum()), "sha256": digest(union)},
        "majority": {"voxels": int(majority.sum()), "sha256": digest(majority)},
        "union_in_slices_0_1_2_253_254": slices,
    }


truth = {"scikit_image": skimage.__version__, "small": small(), "series": series()}
with open("truth.json", "w") as file:
    json.dump(truth, file, indent=None, separators=(",", ":"))
    file.write("\n")
