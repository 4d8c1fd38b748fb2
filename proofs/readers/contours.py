"""What pydicom, rt-utils and plastimatch make of the contours of a structure set, on the source's voxels."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from rt_utils import RTStructBuilder
from segmentations import on_grid, slice_uids


def by_pydicom(path, layout):
    """{name: (slice, row, column)}: voxels whose centre lies in an odd number of contours of their slice."""
    file = pydicom.dcmread(path)
    names = {item.ROINumber: item.ROIName for item in file.StructureSetROISequence}
    backward = np.linalg.inv(layout.affine())
    found = {}
    for roi in file.ROIContourSequence:
        volume = np.zeros((layout.slices, layout.rows, layout.columns), bool)
        for contour in roi.get("ContourSequence", []):
            if contour.ContourGeometricType not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
                raise RuntimeError(f"a contour is {contour.ContourGeometricType}")
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            index = points @ backward[:3, :3].T + backward[:3, 3]
            k = round(index[0, 2])
            if np.abs(index[:, 2] - k).max() > 0.01:
                raise RuntimeError(f"a contour leaves its slice by {np.abs(index[:, 2] - k).max():.3f} of a voxel")
            volume[k] ^= _inside(index[:, :2], layout)
        found[names[roi.ReferencedROINumber]] = volume
    return found


def _inside(polygon, layout):
    """Even-odd rule at the pixels' centres."""
    y, x = np.mgrid[:layout.rows, :layout.columns].astype(float)
    odd = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0)):
        crosses = (y0 > y) != (y1 > y)
        if y0 != y1:
            odd ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd


def by_rt_utils(path, source, names):
    """{name: (slice, row, column)} as rt-utils fills the polygons."""
    made = RTStructBuilder.create_from(dicom_series_path=str(source), rt_struct_path=str(path))
    uids = [image.SOPInstanceUID for image in made.series_data]
    order = [uids.index(uid) for uid in slice_uids(source)]
    return {name: made.get_roi_mask_by_name(name).transpose(2, 0, 1)[order] for name in names}


def by_plastimatch(path, source, layout):
    """{name: (slice, row, column)} as plastimatch fills the polygons."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["plastimatch", "convert", "--input", str(path), "--referenced-ct", str(source),
                               "--output-prefix", folder, "--prefix-format", "nrrd"], capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise RuntimeError((done.stdout + done.stderr)[-300:])
        return {file.stem: on_grid(sitk.ReadImage(str(file)), layout) != 0 for file in Path(folder).glob("*.nrrd")}


def _dice(a, b):
    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)


def check(report, what, path, layout, truth, source):
    """pydicom's contours hold exactly `truth`, {name: voxels}; the others, which round to pixels, nearly."""
    try:
        found = by_pydicom(path, layout)
        voxels = {name: int(volume.sum()) for name, volume in found.items()}
        report.check(f"{what}: pydicom finds the same voxels",
                     set(found) == set(truth) and all((found[name] == truth[name]).all() for name in truth), f"voxels {voxels}")
    except Exception as error:
        report.check(f"{what}: pydicom", False, f"{type(error).__name__}: {error}"[:300])
    readers = []
    # rt-utils takes rows for columns, and their spacings for each other.
    if (layout.rows, layout.row_spacing) == (layout.columns, layout.column_spacing):
        readers.append(("rt-utils", lambda: by_rt_utils(path, source, truth)))
    if not layout.tilt_degrees:  # plastimatch's grids have orthogonal axes
        readers.append(("plastimatch", lambda: by_plastimatch(path, source, layout)))
    for reader, read in readers:
        try:
            found = read()
            overlap = {name: round(float(_dice(found[name], truth[name])), 3) for name in truth}
            mirrored = max(_dice(found[name][:, :, ::-1], truth[name]) for name in truth)
            report.check(f"{what}: {reader}, which fills polygons in its own way", min(overlap.values()) > 0.8 > mirrored,
                         f"Dice {overlap}")
        except Exception as error:
            report.check(f"{what}: {reader}", False, f"{type(error).__name__}: {error}"[:300])
