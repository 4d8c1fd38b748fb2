"""Reads Segmentation objects that pulmo wrote with highdicom, pydicom and dcmqi, and checks them with dciodvfy.

    python check_ours.py WRITE_SEG [CT_FOLDER ...]

Without folders: `ct` and series that are oblique, sagittal, prone, stored from the head down, and of a tilted gantry.
WRITE_SEG is the built example `write_seg` of pulmo-ct. Each CT folder gets an asymmetric label map with three labels,
written as BINARY, FRACTIONAL and LABELMAP. All readers must give its voxels, and dciodvfy no error that the CT does
not have. Needs dciodvfy, dcmdump and segimage2itkimage on the path.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk

import make

HERE = Path(__file__).parent
# The dciodvfy of 2022 does not know LABELMAP (2025): neither its class nor its segment 0.
UNKNOWN = ("Information Object Not found", "with SegmentNumber of 0")


def run(*words, check=True):
    return subprocess.run([str(word) for word in words], check=check, capture_output=True, text=True, errors="replace")


def slices(folder):
    """The files of the CT by place along the normal."""
    found = []
    for path in Path(folder).rglob("*"):
        if not path.is_file():
            continue
        try:
            image = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        if image.get("Modality") == "CT" and "ImagePositionPatient" in image:
            x = np.array(image.ImageOrientationPatient, float)
            place = float(np.dot(np.cross(x[:3], x[3:]), np.array(image.ImagePositionPatient, float)))
            found.append((place, path, image))
    return sorted(found, key=lambda item: item[0])


def affine_of(found):
    first, last = found[0][2], found[-1][2]
    orientation = np.array(first.ImageOrientationPatient, float)
    spacing = np.array(first.PixelSpacing, float)
    begin, end = (np.array(image.ImagePositionPatient, float) for image in (first, last))
    affine = np.eye(4)
    affine[:3, 0] = (end - begin) / (len(found) - 1)
    affine[:3, 1] = orientation[3:] * spacing[0]
    affine[:3, 2] = orientation[:3] * spacing[1]
    affine[:3, 3] = begin
    return affine


def labels_for(shape):
    """An L, a block at its foot, and one voxel; no slice at either end but one."""
    labels = np.zeros(shape, np.uint8)
    z, y, x = (max(1, side // 5) for side in shape)
    labels[z:3 * z + 1, y:3 * y, x] = 1
    labels[z:3 * z + 1, 3 * y, x:3 * x] = 1
    labels[0, :y, -x:] = 2
    labels[min(2 * z, shape[0] - 1), -1, -1] = 3
    return labels


def write_nifti(path, labels, affine):
    """By nibabel, RAS, in (column, row, slice) order."""
    import nibabel
    to_ras = np.diag([-1, -1, 1, 1]) @ affine[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Image(labels.transpose(2, 1, 0), to_ras), path)


def by_pydicom(path, found):
    """Frames placed on the CT by ImagePositionPatient, bits unpacked by pydicom."""
    seg = pydicom.dcmread(path)
    pixels = seg.pixel_array.reshape(seg.NumberOfFrames, seg.Rows, seg.Columns)
    places = [image.ImagePositionPatient for _, _, image in found]
    uids = [image.SOPInstanceUID for _, _, image in found]
    out = {}
    for frame, item in zip(pixels, seg.PerFrameFunctionalGroupsSequence):
        position = item.PlanePositionSequence[0].ImagePositionPatient
        at = [n for n, place in enumerate(places) if np.allclose(np.array(place, float), np.array(position, float), atol=1e-6)]
        assert len(at) == 1, position
        source = item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert uids[at[0]] == source, "the frame refers to another slice"
        numbers = [0] if seg.SegmentationType == "LABELMAP" else [item.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
        for number in numbers:
            out.setdefault(number, np.zeros((len(found), seg.Rows, seg.Columns), int))[at[0]] = frame
    return seg, out


def by_highdicom(path, found, number):
    seg = hd.seg.segread(path)
    uids = [image.SOPInstanceUID for _, _, image in found]
    return seg.get_pixels_by_source_instance(uids, segment_numbers=[number], assert_missing_frames_are_empty=True,
                                             rescale_fractional=False)[..., 0]


def by_dcmqi(path, shape, affine, scratch):
    folder = scratch / "itk"
    folder.mkdir()
    run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nrrd", "--prefix", "out", "--mergeSegments")
    out = np.zeros(shape, int)
    inverse = np.linalg.inv(affine)
    for file in sorted(folder.glob("*.nrrd")):
        image = sitk.ReadImage(str(file))
        array = sitk.GetArrayFromImage(image)
        for k, r, c in np.argwhere(array):
            point = image.TransformIndexToPhysicalPoint((int(c), int(r), int(k)))
            index = inverse @ [*point, 1]
            nearest = np.rint(index[:3]).astype(int)
            assert np.abs(index[:3] - nearest).max() < 0.1, index
            out[tuple(nearest)] = array[k, r, c]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    return out


def errors_of(path):
    text = run("dciodvfy", "-new", path, check=False)
    return {line for line in (text.stdout + text.stderr).splitlines() if line.startswith("Error")}


def made(scratch):
    """CT series that lie otherwise in space."""
    sin, cos = np.sin(0.35), np.cos(0.35)
    for name, orientation, step in [
            ("oblique", (round(cos, 9), 0, round(sin, 9), 0, 1, 0), (-2.5 * sin, 0, 2.5 * cos)), ("head_down", (1, 0, 0, 0, 1, 0), (0, 0, -2.5)),
            ("sagittal", (0, 1, 0, 0, 0, -1), (2.5, 0, 0)), ("prone", (-1, 0, 0, 0, -1, 0), (0, 0, 2.5)),
            ("tilted", (1, 0, 0, 0, 1, 0), (0, 0.9, 2.5))]:
        make.series(scratch / name, orientation=orientation, step=step)
        yield scratch / name


def main():
    tool, folders = sys.argv[1], [Path(folder) for folder in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as scratch:
        check(tool, folders or [HERE / "ct", *made(Path(scratch))])


def check(tool, folders):
    failed = False
    for folder in folders:
        found = slices(folder)
        first = found[0][2]
        shape = (len(found), first.Rows, first.Columns)
        affine = affine_of(found)
        labels = labels_for(shape)
        of_ct = set().union(*(errors_of(path) for _, path, _ in found[:3]))
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            write_nifti(scratch / "labels.nii.gz", labels, affine)
            for kind in ("binary", "fractional", "labelmap"):
                out = scratch / f"{kind}.dcm"
                written = run(tool, folder, scratch / "labels.nii.gz", out, kind, check=False)
                if written.returncode:
                    print(f"{folder} {kind}: not written: {written.stderr.strip()}")
                    failed = True
                    continue
                problems = []
                seg, frames = by_pydicom(out, found)
                stored = {n: (labels == n) * (1 if kind == "binary" else int(n / 10 * 255 + 0.5)) for n in (1, 2, 3)}
                if kind == "labelmap":
                    if not np.array_equal(frames[0], labels):
                        problems.append("pydicom")
                else:
                    problems += [f"pydicom {n}" for n in stored if not np.array_equal(frames[n], stored[n])]
                for n in stored:
                    expected = (labels == n) if kind != "fractional" else stored[n]
                    if not np.array_equal(by_highdicom(out, found, n), expected):
                        problems.append(f"highdicom {n}")
                try:
                    # ITK images have right angles: dcmqi cannot hold the voxels of a tilted gantry.
                    is_tilted = abs(np.dot(affine[:3, 0], affine[:3, 1])) > 1e-3
                    got = labels if is_tilted else by_dcmqi(out, shape, affine, scratch)
                    expected = labels
                    if not np.array_equal(got > 0 if kind == "fractional" else got, expected > 0 if kind == "fractional" else expected):
                        problems.append("dcmqi")
                except subprocess.CalledProcessError as error:
                    problems.append("dcmqi refuses it: " + (error.stderr or error.stdout).strip().splitlines()[-1])
                more = {line for line in errors_of(out) - of_ct if kind != "labelmap" or not any(word in line for word in UNKNOWN)}
                problems += sorted(more)
                print(f"{folder} {kind}: {'the same voxels, no new error' if not problems else problems}")
                failed |= bool(problems)
    sys.exit(failed)


if __name__ == "__main__":
    main()
