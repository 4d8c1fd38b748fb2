"""Numbers of the Segmentation objects of highdicom's own tests, read by highdicom; the objects are not here."""

import hashlib
import json
import sys
from pathlib import Path

import highdicom as hd
import numpy as np

HERE = Path(__file__).parent
objects = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "../../../shared/data/objects"
truth = {}
for path in sorted(objects.glob("seg_*.dcm")):
    seg = hd.seg.segread(path)
    segments = {}
    for number in seg.segment_numbers:
        volume = seg.get_volume(segment_numbers=[number], combine_segments=False, rescale_fractional=False)
        volume = volume.squeeze_channel() if hasattr(volume, "squeeze_channel") else volume
        array = np.asarray(volume.array).astype(np.uint8)
        if array.ndim == 4:
            array = array[..., 0]
        affine = np.array(volume.affine)
        # highdicom counts slices down; here they rise along the normal.
        along, down, right = affine[:3, :3].T
        if np.dot(along, np.cross(right, down)) < 0:
            affine[:3, 3] += along * (len(array) - 1)
            affine[:3, 0] *= -1
            array = array[::-1]
        segments[str(number)] = {"shape": list(array.shape), "count": int((array > 0).sum()), "sum": int(array.sum()),
                                 "sha256": hashlib.sha256(np.ascontiguousarray(array)).hexdigest(),
                                 "affine": np.round(affine, 6).tolist()}
    truth[path.stem] = segments
(HERE / "real.json").write_text(json.dumps(truth, sort_keys=True) + "\n")
