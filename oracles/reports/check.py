"""Writes our DICOM objects for a phantom and reads them with other tools: `check.py FOLDER PROGRAM`.

PROGRAM is the example `dicom_set` of pulmo-ct, FOLDER what it may fill. Ends with 1 where anything differs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from rt_utils import RTStructBuilder
from skimage.measure import points_in_poly

SLICES, SIDE, PIXEL_MM, APART_MM = 5, 48, 0.7, 2.5
NAMES = {1: "Opacity", 2: "Lung"}
wrong = []


def say(what, is_right, more=""):
    print(f"{'ok   ' if is_right else 'WRONG'} {what} {more}")
    if not is_right:
        wrong.append(what)


def phantom(folder, turned):
    """A CT with square pixels and a mask with holes, islands in holes, pixels at corners and edges, and noise."""
    angle = np.deg2rad(20) * turned
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    angle = np.deg2rad(35) * turned
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    right, down, normal = (tilt @ turn).T
    origin = np.array([-20.5, -31.25, -300.0])
    (folder / "ct").mkdir(parents=True)
    for k in range(SLICES):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"2.25.3.{k + 1}"
        image.PatientName, image.PatientID = "Test^Phantom", "phantom"
        image.PatientBirthDate, image.PatientSex = "19500102", "O"
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "2.25.1", "2.25.2", "2.25.4"
        image.StudyDate = image.SeriesDate = image.ContentDate = "20200301"
        image.StudyTime = image.SeriesTime = image.ContentTime = "101112"
        image.AccessionNumber, image.ReferringPhysicianName, image.StudyID = "A17", "", "1"
        image.Modality, image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = "CT", 3, k + 1, 1
        image.Manufacturer, image.ImageType = "phantom", ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.KVP, image.PatientPosition, image.PositionReferenceIndicator = "120", "HFS", ""
        image.BodyPartExamined, image.SliceThickness = "CHEST", APART_MM
        image.ImagePositionPatient = [f"{x:.9g}" for x in origin + normal * APART_MM * k]
        image.ImageOrientationPatient = [f"{x:.8f}" for x in [*right, *down]]
        image.PixelSpacing, image.Rows, image.Columns = [PIXEL_MM, PIXEL_MM], SIDE, SIDE
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.RescaleIntercept, image.RescaleSlope, image.RescaleType = -1024, 1, "HU"
        image.PixelData = (200 + 100 * k + np.add.outer(range(SIDE), range(SIDE))).astype("<i2").tobytes()
        image.save_as(folder / "ct" / f"{k}.dcm", enforce_file_format=True)
    labels = np.zeros((SLICES, SIDE, SIDE), np.uint8)
    noise = np.random.default_rng(3).random((SLICES, 12, SIDE))
    labels[:, 4:30, 4:40] = 2
    labels[:, 8:20, 10:30] = 1
    labels[:, 10:13, 12:15] = 0
    labels[:, 11, 13] = 2
    labels[:, 13, 15] = labels[:, 14, 16] = 0
    labels[:, 35:47] = np.where(noise < 0.5, 1, np.where(noise < 0.75, 2, 0))
    labels[:, 0, 0], labels[:, 0, -1] = 1, 2
    affine = np.eye(4)
    affine[:3, :3] = np.stack([right * PIXEL_MM, down * PIXEL_MM, normal * APART_MM], axis=1)
    affine[:3, 3] = origin
    image = nib.Nifti1Image(labels.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine)
    nib.save(image, folder / "mask.nii.gz")
    return labels, affine


def contours(path, folder, labels, affine):
    file = pydicom.dcmread(path)
    names = {roi.ROINumber: roi.ROIName for roi in file.StructureSetROISequence}
    say("rtstruct: names", names == NAMES)
    found = {}
    crossing = 0
    for roi in file.ROIContourSequence:
        volume = np.zeros(labels.shape, bool)
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            index = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
            k = round(index[0, 2])
            crossing += np.abs(index[:, 2] - k).max() * APART_MM > 1e-4
            y, x = np.mgrid[:SIDE, :SIDE]
            inside = points_in_poly(np.stack([x.ravel(), y.ravel()], axis=1), index[:, :2]).reshape(SIDE, SIDE)
            crossing += (volume[k] & inside).any()
            volume[k] ^= inside
        found[names[roi.ReferencedROINumber]] = volume
    say("rtstruct: contours lie on their slices and do not overlap", crossing == 0)
    same = all((found[name] == (labels == label)).all() for label, name in NAMES.items())
    say("rtstruct: scikit-image's points in polygons", same)
    builder = RTStructBuilder.create_from(dicom_series_path=str(folder / "ct"), rt_struct_path=str(path))
    for label, name in NAMES.items():
        mask = builder.get_roi_mask_by_name(name).transpose(2, 0, 1)
        say(f"rtstruct: rt-utils, {name}", (mask == (labels == label)).all(), f"{mask.sum()} voxels")


def plastimatch(path, folder, labels):
    with tempfile.TemporaryDirectory() as out:
        words = ["--input", path, "--referenced-ct", folder / "ct", "--output-prefix", out, "--prefix-format", "nrrd"]
        subprocess.run(["plastimatch", "convert", *map(str, words)], check=True, capture_output=True)
        for label, name in NAMES.items():
            mask = sitk.GetArrayFromImage(sitk.ReadImage(str(Path(out) / f"{name}.nrrd"))) > 0
            say(f"rtstruct: plastimatch, {name}", (mask == (labels == label)).all(), f"{mask.sum()} voxels")


def report(path, out, labels, tolerance):
    voxel_ml = PIXEL_MM * PIXEL_MM * APART_MM / 1000
    opacity, lung = ((labels == label).sum() * voxel_ml for label in NAMES)
    groups = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    say("sr: highdicom finds two volumetric groups", len(groups) == 2)
    seg = pydicom.dcmread(out / "seg.dcm")
    expected = {1: [("118565006", opacity, "mL"), ("113288", 100 * opacity / (opacity + lung), "%")],
                2: [("118565006", lung, "mL")]}
    for number, group in enumerate(groups, start=1):
        found = [(m.name.value, float(m.value), m.unit.value) for m in group.get_measurements()]
        close = len(found) == len(expected[number]) and all(
            a[0] == b[0] and abs(a[1] - b[1]) <= tolerance * abs(b[1]) and a[2] == b[2] for a, b in zip(found, expected[number]))
        say(f"sr: highdicom's numbers of group {number}", close, str(found))
        segment = seg.SegmentSequence[number - 1]
        say(f"sr: tracking UID of group {number} is the segment's",
            group.tracking_uid == segment.TrackingUID and group.finding_type.value == segment.SegmentedPropertyTypeCodeSequence[0].CodeValue)
        image = next(item for item in group[0].ContentSequence if item.ValueType == "IMAGE")
        reference = image.ReferencedSOPSequence[0]
        say(f"sr: group {number} refers to its segment",
            reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID and reference.ReferencedSegmentNumber == number)
    part = (labels[: len(labels) // 2] == 1).sum() * voxel_ml
    rest = hd.sr.srread(path).content.get_image_measurement_groups()
    found = [(m.name.value, float(m.value), m.unit.value) for group in rest for m in group.get_measurements()]
    close = len(found) == 1 and found[0][::2] == ("118565006", "mL") and abs(found[0][1] - part) <= tolerance * part
    say("sr: highdicom's number of the group without a segment", close, str(found))
    said = [item.TextValue for item in rest[0][0].ContentSequence if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeValue == "121106"]
    others = {group.tracking_uid for group in groups}
    say("sr: its comment and a tracking UID of its own", said == ["no segment shows it"] and rest[0].tracking_uid not in others, str(said))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.json"
        subprocess.run([Path(sys.executable).parent / "tid1500reader", "--inputDICOM", path, "--outputMetadata", target], check=True, capture_output=True)
        read = json.loads(target.read_text())["Measurements"]
    found = [float(item["value"]) for group in read for item in group["measurementItems"]]
    wanted = [x[1] for x in expected[1] + expected[2]] + [part]
    say("sr: dcmqi's numbers", len(found) == len(wanted) and np.allclose(found, wanted, rtol=tolerance), str(found))
    done = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True)
    say("sr: dsrdump", done.returncode == 0 and not done.stderr, done.stderr[:200])


def pictures(out, labels):
    colours = {1: (230, 60, 40), 2: (110, 180, 230)}
    for number, path in enumerate(sorted(out.glob("capture*.dcm"))):
        image = sitk.ReadImage(str(path))
        file = pydicom.dcmread(path)
        k = int(file.SourceImageSequence[0].ReferencedSOPInstanceUID.split(".")[-1]) - 1
        pixels, scale = file.pixel_array, file.Columns // SIDE
        middle = pixels[: SIDE * scale].reshape(SIDE, scale, SIDE, scale, 3)
        shown = np.zeros((SIDE, SIDE), np.uint8)
        for label, colour in colours.items():
            shown[(middle == colour).all(axis=-1).any(axis=(1, 3))] = label
        inner = np.pad(labels[k], 1, mode="edge")
        surrounded = np.all([inner[a:a + SIDE, b:b + SIDE] == labels[k] for a, b in [(0, 1), (2, 1), (1, 0), (1, 2)]], axis=0)
        edge = np.zeros_like(surrounded)
        edge[[0, -1]] = edge[:, [0, -1]] = True
        expected = np.where(surrounded & ~edge, 0, labels[k])
        same = (shown == expected).all() and image.GetNumberOfComponentsPerPixel() == 3
        say(f"capture {number + 1}: colours on the borders of slice {k + 1} and nowhere else", same)


def conformance(path, source):
    def errors(path):
        done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace")
        return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    new = [line for line in errors(path) if line not in errors(source)]
    say(f"{path.name}: dciodvfy", not new, "; ".join(new))


def main():
    folder, program = Path(sys.argv[1]), sys.argv[2]
    for turned in (0, 1):
        place = folder / ("oblique" if turned else "axial")
        out = place / "out"
        out.mkdir(parents=True)
        labels, affine = phantom(place, turned)
        run = [program, place / "ct", place / "mask.nii.gz", out]
        subprocess.run(list(map(str, run)), check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1709201730"})
        print(place.name)
        contours(out / "rtstruct.dcm", place, labels, affine)
        if not turned:
            plastimatch(out / "rtstruct.dcm", place, labels)
        # Directions of eight digits make oblique voxels a little too small or large.
        report(out / "sr.dcm", out, labels, 1e-7 if turned else 1e-12)
        pictures(out, labels)
        for path in sorted(out.glob("*.dcm")):
            conformance(path, place / "ct" / "0.dcm")
    sys.exit(f"{len(wrong)} wrong: {wrong}" if wrong else 0)


main()
