"""Truths for CLAHE (OpenCV) and histogram matching (numpy). Writes truth.json beside this file."""
import json
import pathlib

import cv2
import numpy as np


def greys(rows, columns):
    """The same smooth, grainy picture as in the test, from whole numbers only."""
    y, x = np.indices((rows, columns), dtype=np.int64)
    return ((x * x // 7 + y * 3 + (x * 31 + y * 17) % 23 + (x * y) % 41) % 256).astype(np.uint8)


def matched(values, standard):
    """Nyul's matching as the paper's library applies it."""
    q = np.array([1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99])
    above = np.sort(values[values > values.mean()])
    marks = above[np.round(0.01 * q * (len(above) - 1)).astype(int)]
    k = np.clip(np.searchsorted(marks, values, side="right"), 1, len(marks) - 1) - 1
    out = standard[k] + (values - marks[k]) * (standard[k + 1] - standard[k]) / (marks[k + 1] - marks[k])
    out = np.sqrt(np.maximum(out, 0))
    return (out - out.min()) / (out.max() - out.min())


truth = {"clahe": [], "histogram": {}}
for rows, columns, clip, tiles in [(48, 48, 7.0, 8), (40, 40, 2.0, 4), (50, 61, 7.0, 8), (48, 50, 3.5, 4), (30, 40, 0.0, 5), (33, 45, 40.0, 3)]:
    out = cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles, tiles)).apply(greys(rows, columns))
    truth["clahe"].append({"plane": [rows, columns], "clip_limit": clip, "tiles": tiles, "out": out.ravel().tolist()})
values = (((np.arange(600, dtype=np.int64) * 7919) % 2003) ** 2 / 2000.0 - 1000.0)
standard = np.array([0, 5, 11, 18, 26, 35, 45, 56, 68, 85, 100], float)
truth["histogram"] = {"landmarks": standard.tolist(), "out": [round(v, 6) for v in matched(values, standard)]}
path = pathlib.Path(__file__).with_name("truth.json")
path.write_text(json.dumps(truth, separators=(",", ":")))
print(path.stat().st_size)
