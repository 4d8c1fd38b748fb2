"""The rivals of metric_bench.rs: `metric_bench.py surface-distance|monai FOLDER` with files `reference` and `prediction`."""
import resource
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")
SHAPE, SPACING_MM = (300, 512, 512), (1.0, 0.7, 0.7)
tool, folder = sys.argv[1:]
reference, prediction = (np.fromfile(f"{folder}/{name}", np.uint8).reshape(SHAPE) == 1 for name in ("reference", "prediction"))
if tool == "surface-distance":
    from scipy import ndimage

    # Names of numpy 1 and scipy 1.7, under their places of today.
    np.Inf, np.NaN = np.inf, np.nan
    ndimage.filters = ndimage.morphology = ndimage
    import surface_distance

    start = time.perf_counter()
    found = surface_distance.compute_surface_distances(reference, prediction, SPACING_MM)
    values = {
        "hd95": float(surface_distance.compute_robust_hausdorff(found, 95)),
        "mean": float(sum(surface_distance.compute_average_surface_distance(found)) / 2),
        "surface Dice at 1, 3 mm": [float(surface_distance.compute_surface_dice_at_tolerance(found, t)) for t in (1.0, 3.0)],
    }
else:
    import torch
    from monai.metrics import compute_hausdorff_distance

    torch.set_num_threads(2)
    batch = [torch.from_numpy(mask)[None, None] for mask in (prediction, reference)]
    start = time.perf_counter()
    values = {"hd95": compute_hausdorff_distance(*batch, include_background=True, percentile=95, spacing=SPACING_MM).item()}
seconds = time.perf_counter() - start
peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{tool} in {seconds:.1f} s, peak {peak_mib} MiB: {values}")
