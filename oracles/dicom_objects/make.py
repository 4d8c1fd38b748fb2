"""Writes small Segmentation objects by highdicom, dcmqi and pydicom on one small CT series, and the voxels of each.

Also two-slice CT series whose patient attributes stand in many character sets, and the bytes of each.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk
from highdicom.seg import Segmentation, SegmentAlgorithmTypeValues, SegmentDescription
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

HERE = Path(__file__).parent
ROWS, COLUMNS, SLICES = 7, 13, 5
ROOT = "2.25.9876543210"


def series(folder, *, orientation=(1, 0, 0, 0, 1, 0), step=(0, 0, 2.5), number=1, slices=SLICES):
    """A CT of `slices` slices, each pixel its own HU."""
    folder.mkdir(parents=True, exist_ok=True)
    for z in range(slices):
        image = ct(z, number)
        image.ImagePositionPatient = [round(-20.5 + z * step[0], 6), round(-10.25 + z * step[1], 6), round(-300 + z * step[2], 6)]
        image.ImageOrientationPatient = list(orientation)
        pydicom.dcmwrite(folder / f"{slices - z}.dcm", image, enforce_file_format=True)


def ct(z, number):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.{number}.3.{z + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.Modality, image.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.StudyInstanceUID, image.SeriesInstanceUID = f"{ROOT}.{number}.1", f"{ROOT}.{number}.2"
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = f"{ROOT}.{number}.4", "SN"
    image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = 3, SLICES - z, 1
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20200203", "101112.345", "S1", "ACC-00017"
    image.SeriesDate, image.SeriesTime, image.ContentDate, image.ContentTime = "20200203", "101500", "20200203", "101501"
    image.AcquisitionDate, image.AcquisitionTime = "20200203", "101400"
    image.ReferringPhysicianName, image.StudyDescription = "Ref^Erring", "CT chest"
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Phantom^Small", "PH-1", "19500101", "O"
    image.PatientAge, image.PatientPosition = "070Y", "HFS"
    image.Manufacturer, image.ManufacturerModelName = "Maker", "Model 1"
    image.DeviceSerialNumber, image.SoftwareVersions = "S-1", "V1"
    image.KVP, image.SliceThickness, image.Laterality = "120", 3, ""
    image.PixelSpacing = [0.8, 0.7]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = ROWS, COLUMNS
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, -1024, "HU"
    image.PixelData = (np.arange(ROWS * COLUMNS, dtype="<i2") + 100 * z).tobytes()
    return image


def shapes():
    """An L that no flip or turn maps onto itself in segment 1, a smaller one in segment 2; they do not overlap."""
    one, two = np.zeros((2, SLICES, ROWS, COLUMNS), np.uint8)
    one[1:4, 1:6, 2] = 1
    one[1:4, 5, 2:9] = 1
    one[3, 1, 2:5] = 1
    two[2:4, 0:3, 11] = 1
    two[3, 2, 9:12] = 1
    return one, two


def description(number, label, kind):
    algorithm = hd.AlgorithmIdentificationSequence(name="oracle", version="1", family=codes.DCM.ArtificialIntelligence)
    return SegmentDescription(
        segment_number=number, segment_label=label, segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=kind, algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm, tracking_uid=f"{ROOT}.77.{number}", tracking_id=label)


def by_highdicom(images, pixels, kind, numbers=(1, 2), **more):
    """`pixels` of shape (slice, row, column) or with a last axis for segments."""
    kinds = [codes.DCM.Infiltrate, codes.DCM.GroundGlassOpacity]
    return Segmentation(
        images, pixels, kind, [description(n, f"Segment {n}", kinds[i % 2]) for i, n in enumerate(numbers)],
        f"{ROOT}.90", 9, f"{ROOT}.91", 1, "Oracle", "highdicom", "0.28.2", "1", content_label="ORACLE", **more)


def steady(dataset):
    """Replaces clock times and random UIDs, so that a remade file is the same."""
    made = {}

    def walk(item):
        for element in item:
            if element.VR == "SQ":
                for nested in element.value:
                    walk(nested)
            elif element.VR == "UI" and isinstance(element.value, str) and not element.value.startswith(("2.25.9876543210", "1.2.840.10008")):
                element.value = made.setdefault(element.value, f"{ROOT}.99.{len(made) + 1}")
            elif element.keyword in ("ContentDate", "InstanceCreationDate", "SeriesDate"):
                element.value = "20260101"
            elif element.keyword in ("ContentTime", "InstanceCreationTime", "SeriesTime"):
                element.value = "120000"
            elif element.keyword in ("ContributionDateTime",):
                element.value = "20260101120000"

    walk(dataset)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def save(name, dataset, **how):
    pydicom.dcmwrite(HERE / name, dataset, enforce_file_format=True, **how)


def voxels(mask):
    return np.flatnonzero(mask).tolist()


def dcmqi(folder, images, labels, kind):
    """Two labels by itkimage2segimage."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames([str(folder / f"{SLICES - z}.dcm") for z in range(SLICES)])
        ct_image = reader.Execute()
        image = sitk.GetImageFromArray(labels)
        image.CopyInformation(ct_image)
        sitk.WriteImage(image, str(scratch / "labels.nrrd"))
        code = lambda c: {"CodeValue": c.value, "CodingSchemeDesignator": c.scheme_designator, "CodeMeaning": c.meaning}
        attributes = [{
            "labelID": n, "SegmentDescription": f"Segment {n}", "SegmentLabel": f"Segment {n}", "SegmentAlgorithmType": "AUTOMATIC",
            "SegmentAlgorithmName": "oracle", "SegmentedPropertyCategoryCodeSequence": code(codes.SCT.MorphologicallyAbnormalStructure),
            "SegmentedPropertyTypeCodeSequence": code(codes.DCM.Infiltrate), "recommendedDisplayRGBValue": [200, 30 * n, 30]} for n in (1, 2)]
        meta = {"ContentCreatorName": "Oracle", "SeriesDescription": "Oracle", "SeriesNumber": "9", "InstanceNumber": "1",
                "segmentAttributes": [attributes], "ContentLabel": "ORACLE", "ClinicalTrialSeriesID": "1",
                "ClinicalTrialTimePointID": "1"}
        (scratch / "meta.json").write_text(json.dumps(meta))
        subprocess.run([
            "itkimage2segimage", "--inputImageList", scratch / "labels.nrrd", "--inputDICOMDirectory", folder, "--outputDICOM",
            scratch / "out.dcm", "--inputMetadata", scratch / "meta.json", "--segmentationType", kind], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return pydicom.dcmread(scratch / "out.dcm")


def segmentations():
    folder = HERE / "ct"
    series(folder)
    images = [pydicom.dcmread(folder / f"{SLICES - z}.dcm") for z in range(SLICES)]
    one, two = shapes()
    labels = one + 2 * two
    overlap = np.roll(one, 1, axis=3 - 1)
    truth = {}

    def add(name, dataset, segments, kind, **how):
        save(f"{name}.dcm", steady(dataset), **how)
        truth[name] = {"kind": kind, "segments": segments}

    both = {"1": voxels(one), "2": voxels(two)}
    binary = by_highdicom(images, np.stack([one, two], -1), "BINARY")
    add("highdicom_binary", binary, both, "BINARY")
    add("highdicom_overlap", by_highdicom(images, np.stack([one, overlap], -1), "BINARY"),
        {"1": voxels(one), "2": voxels(overlap)}, "BINARY")
    add("highdicom_labelmap", by_highdicom(images, labels, "LABELMAP"), both, "LABELMAP")
    add("highdicom_labelmap_gaps", by_highdicom(images, one * 7 + two * 200, "LABELMAP", numbers=(7, 200)),
        {"7": both["1"], "200": both["2"]}, "LABELMAP")
    shares = (one * np.linspace(0.1, 0.9, COLUMNS)).astype(np.float64)
    fractional = by_highdicom(images, np.stack([shares, two * 0.5], -1), "FRACTIONAL")
    stored = np.stack([np.around(shares * 255), np.around(two * 0.5 * 255)]).astype(np.uint8)
    add("highdicom_fractional", fractional,
        {str(n + 1): {"voxels": voxels(stored[n]), "values": stored[n][stored[n] > 0].tolist()} for n in range(2)}, "FRACTIONAL")
    rle = pydicom.dcmread(HERE / "highdicom_fractional.dcm")
    rle.compress(RLELossless, encoding_plugin="pydicom")
    add("fractional_rle", rle, truth["highdicom_fractional"]["segments"], "FRACTIONAL")
    add("highdicom_labelmap_jpegls", by_highdicom(images, labels, "LABELMAP", transfer_syntax_uid="1.2.840.10008.1.2.4.80"), both, "LABELMAP")
    # The frames of highdicom's object in another order, all attributes of each with it; odd frames share bytes.
    shuffled = pydicom.dcmread(HERE / "highdicom_binary.dcm")
    order = [4, 1, 3, 0, 2]
    frames = shuffled.pixel_array[order]
    shuffled.PerFrameFunctionalGroupsSequence = [shuffled.PerFrameFunctionalGroupsSequence[n] for n in order]
    bits = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    shuffled.PixelData = bits + b"\0" * (len(bits) % 2)
    add("shuffled", shuffled, both, "BINARY")
    # highdicom puts the number of a single segment among the shared groups; here deflated as a whole.
    single = by_highdicom(images, one, "BINARY", numbers=(1,))
    single.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    add("deflated_shared_number", single, {"1": both["1"]}, "BINARY")
    # Stored as sagittal frames: rows run to the feet, columns to the back.
    sagittal = by_highdicom(images, one, "BINARY", numbers=(1,))
    turned(sagittal, one)
    add("sagittal", sagittal, {"1": both["1"]}, "BINARY")
    add("dcmqi_binary", dcmqi(folder, images, labels, "binary"), both, "BINARY")
    add("dcmqi_labelmap", dcmqi(folder, images, labels, "labelmap"), both, "LABELMAP")
    return truth


def turned(dataset, mask):
    """Rewrites an axial BINARY object with frames along x: row 0 at the head, columns to the back."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    shared.PixelMeasuresSequence[0].PixelSpacing = [2.5, 0.8]
    shared.PixelMeasuresSequence[0].SpacingBetweenSlices = 0.7
    items, frames = [], []
    for x in range(COLUMNS):
        plane = mask[::-1, :, x]
        if not plane.any():
            continue
        item = Dataset()
        item.FrameContentSequence = [Dataset()]
        item.FrameContentSequence[0].DimensionIndexValues = [1, len(items) + 1]
        item.PlanePositionSequence = [Dataset()]
        item.PlanePositionSequence[0].ImagePositionPatient = [round(-20.5 + 0.7 * x, 6), -10.25, -290]
        items.append(item)
        frames.append(plane)
    dataset.PerFrameFunctionalGroupsSequence = items
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = len(items), SLICES, ROWS
    bits = np.packbits(np.stack(frames).reshape(-1), bitorder="little").tobytes()
    dataset.PixelData = bits + b"\0" * (len(bits) % 2)


CHARACTER_SETS = {
    "japanese_87": (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046"),
    "japanese_13_87": (["ISO 2022 IR 13", "ISO 2022 IR 87"], "\uff94\uff8f\uff80\uff9e^\uff80\uff9b\uff73=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046"),
    "korean_149": (["", "ISO 2022 IR 149"], "Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9"),
    "arabic_127": ("ISO_IR 127", "\u0642\u0628\u0627\u0646\u064a^\u0644\u0646\u0632\u0627\u0631"),
    "russian_144": ("ISO_IR 144", "\u041b\u044eke^\u041c\u043e\u0441\u043a\u0432\u0430"),
    "several": (["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"], "Buc^J\u00e9r\u00f4me=\u041b\u044e\u043a^\u0414\u0430=\u0394\u03b9\u03bf\u03bd"),
    "gb18030": ("GB18030", "Wang^XiaoDong=\u738b^\u5c0f\u4e1c"),
    # The second byte of the first sign is 5C, which is a backslash elsewhere.
    "gbk_5c": ("GBK", "Test^One=" + b"\x95\x5c".decode("gbk") + "\u5f0b^\u6735"),
    "utf8": ("ISO_IR 192", "Wang^XiaoDong=\u738b^\u5c0f\u6771"),
}


def character_sets():
    truth = {}
    for name, (declared, person) in CHARACTER_SETS.items():
        folder = HERE / "charsets" / name
        series(folder, number=2, slices=2)
        for path in sorted(folder.glob("*.dcm")):
            image = pydicom.dcmread(path)
            image.SpecificCharacterSet = declared
            image.PatientName = person
            image.ReferringPhysicianName = person
            image.StudyDescription = person.split("=")[-1].split("^")[0]
            pydicom.dcmwrite(path, image, enforce_file_format=True)
    # Latin-1 that nobody declared; pydicom writes it only as raw bytes.
    folder = HERE / "charsets" / "undeclared"
    series(folder, number=2, slices=2)
    for path in folder.glob("*.dcm"):
        image = pydicom.dcmread(path)
        image.PatientName = "Mxller^Jxrg"
        pydicom.dcmwrite(path, image, enforce_file_format=True)
        path.write_bytes(path.read_bytes().replace(b"Mxller^Jxrg", "M\u00fcller^J\u00f6rg".encode("latin-1")))
    for folder in sorted((HERE / "charsets").iterdir()):
        content = sorted(folder.glob("*.dcm"))[0].read_bytes()
        truth[folder.name] = {
            name: raw(content, mark) for name, mark in [
                ("SpecificCharacterSet", b"\x08\0\x05\0CS"), ("PatientName", b"\x10\0\x10\0PN"),
                ("ReferringPhysicianName", b"\x08\0\x90\0PN"), ("StudyDescription", b"\x08\0\x30\x10LO")]}
    return truth


def raw(content, mark):
    """The bytes of an element with a short length, in hexadecimal; null where the file lacks it."""
    at = content.find(mark)
    if at < 0:
        return None
    length = int.from_bytes(content[at + 6:at + 8], "little")
    return content[at + 8:at + 8 + length].hex()


if __name__ == "__main__":
    for old in ("ct", "charsets"):
        shutil.rmtree(HERE / old, ignore_errors=True)
    truth = {"segmentations": segmentations(), "character_sets": character_sets()}
    (HERE / "truth.json").write_text(json.dumps(truth, sort_keys=True, indent=None) + "\n")
