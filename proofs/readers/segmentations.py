"""What highdicom, dcmqi and pydicom read in a segmentation, on the source's voxels."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk


def program(name):
    """A program of a Python package, which need not be on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name) or name


def by_highdicom(path, slices):
    """{segment number: (slice, row, column)}, fractions as fractions; `slices` are the source's UIDs in grid order."""
    seg = hd.seg.segread(path)
    numbers = [number for number in seg.segment_numbers if number]
    pixels = seg.get_pixels_by_source_instance(
        slices, segment_numbers=numbers, ignore_spatial_locations=False, assert_missing_frames_are_empty=True,
        combine_segments=False, rescale_fractional=True)
    return {number: pixels[..., at] for at, number in enumerate(numbers)}


def by_dcmqi(path, layout):
    """{segment number: (slice, row, column) on the source's grid}, placed by the geometry that dcmqi finds.

    Its files hold each segment's number as value, whether a file has one segment or several; of a fractional object the
    stored values.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program("segimage2itkimage"), "--inputDICOM", str(path), "--outputDirectory", folder, "-t", "nrrd", "-p", "s"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stdout + done.stderr)[-400:])
        for file in sorted(Path(folder).glob("s-*.nrrd")):
            values = on_grid(sitk.ReadImage(str(file)), layout)
            if pydicom.dcmread(path, stop_before_pixels=True).SegmentationType == "FRACTIONAL":
                found[int(file.stem.split("-")[1])] = values / 255
                continue
            for number in np.unique(values[values != 0]):
                found[int(number)] = values == number
    return found


def on_grid(image, layout):
    """The image's values at the centres of the source's voxels, 0 outside; refuses voxels that do not lie on them."""
    values = sitk.GetArrayFromImage(image)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    index = (layout.points() - np.array(image.GetOrigin())) @ np.linalg.inv(steps).T
    nearest = np.round(index).astype(int)
    inside = np.all((nearest >= 0) & (nearest < image.GetSize()), axis=-1)
    off = np.abs(index - nearest)[inside].max(initial=0)
    if off > 0.01:
        raise RuntimeError(f"voxels lie {off:.3f} of a voxel off the source's grid")
    i, j, k = np.where(inside[..., None], nearest, 0).transpose(3, 0, 1, 2)
    return np.where(inside, values[k, j, i], 0)


def by_pydicom(path, layout):
    """{segment number: (slice, row, column)}, from frames and functional groups alone."""
    seg = pydicom.dcmread(path)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    is_label_map = seg.SegmentationType == "LABELMAP"
    numbers = [int(item.SegmentNumber) for item in seg.SegmentSequence if int(item.SegmentNumber)]
    volumes = {number: np.zeros((layout.slices, layout.rows, layout.columns)) for number in numbers}
    affine = layout.affine()
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence):
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        index = np.linalg.solve(affine[:3, :3], position - affine[:3, 3])
        k = round(index[2])
        if np.abs(index - [0, 0, k]).max() > 0.01:
            raise RuntimeError(f"a frame lies at index {index}")
        if is_label_map:
            for number in numbers:
                volumes[number][k] = frame == number
        else:
            number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
            volumes[number][k] = frame / (seg.MaximumFractionalValue if seg.SegmentationType == "FRACTIONAL" else 1)
    return volumes


def slice_uids(folder):
    """The SOP instance UIDs of a series in grid order: here the last number of each tells."""
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in Path(folder).glob("*.dcm")]
    return sorted(uids, key=lambda uid: int(uid.split(".")[-1]))


def check(report, what, path, layout, truth, source):
    """All three readers find `truth`, {number: (slice, row, column)}, within a step of 8 bits."""
    uids = slice_uids(source)
    for reader, read in (("highdicom", lambda: by_highdicom(path, uids)), ("dcmqi", lambda: by_dcmqi(path, layout)),
                         ("pydicom", lambda: by_pydicom(path, layout))):
        if reader == "dcmqi" and layout.tilt_degrees:
            # Its image has orthogonal axes: the sheared grid of a tilted gantry is beyond it.
            continue
        try:
            found = read()
        except Exception as error:  # whatever a reader throws is a finding
            report.check(f"{what}: {reader}", False, f"{type(error).__name__}: {error}"[:300])
            continue
        nothing = np.zeros((layout.slices, layout.rows, layout.columns))
        difference = max(np.abs(found.get(n, nothing).astype(float) - truth.get(n, nothing)).max() for n in {*found, *truth})
        voxels = {int(n): int(np.count_nonzero(found[n])) for n in sorted(found)}
        report.check(f"{what}: {reader} finds the same voxels", difference <= 0.5 / 255 + 1e-6,
                     f"voxels {voxels}, largest difference {difference:.4f}")
