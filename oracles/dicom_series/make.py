"""Writes tiny synthetic CT series in every transfer syntax that is read, and the HU of each."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian)

HERE = Path(__file__).parent
ROWS, COLUMNS, SLICES = 20, 24, 2
ROOT = "2.25.1234567890"
rng = np.random.default_rng(11)


def phantom(z):
    """A disc of soft tissue with noise in air, in HU."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    inside = (y - 10) ** 2 + (x - 12) ** 2 < 60 + 10 * z
    return np.where(inside, 40, -850) + rng.integers(-30, 30, (ROWS, COLUMNS))


def write(path, stored, z, *, bits, signed, slope=1, padding=None, syntax=ExplicitVRLittleEndian):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.3.{z + 1}"
    meta.TransferSyntaxUID = syntax
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.Modality, image.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.4"
    image.SeriesNumber, image.InstanceNumber = 1, SLICES - z
    image.PatientName, image.PatientID = "Phantom", "phantom"
    image.ImagePositionPatient = [-100.5, -90.25, -300 + 2.5 * z]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.SliceThickness = [0.8, 0.7], 5
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = ROWS, COLUMNS
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelRepresentation = int(signed)
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = slope, -1024, "HU"
    if padding is not None:
        image.add_new("PixelPaddingValue", "SS" if signed else "US", padding)
    kind = np.dtype("i2" if signed else "u2").newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")
    image.add_new("PixelData", "OW", stored.astype(kind).tobytes())
    pydicom.dcmwrite(path, image, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


UNCOMPRESSED = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big_endian": ExplicitVRBigEndian,
                "deflated": DeflatedExplicitVRLittleEndian}
COMPRESSED = {
    "rle": lambda a, b: run("gdcmconv", "--rle", a, b),
    "jpeg_57": lambda a, b: run("dcmcjpeg", "+el", a, b),
    "jpeg_70": lambda a, b: run("dcmcjpeg", "+e1", a, b),
    "j2k": lambda a, b: run("gdcmconv", "--j2k", a, b),
    "jpegls": lambda a, b: run("dcmcjpls", a, b),
}
LAYOUTS = {
    "signed16": dict(bits=16, signed=True, padding=-2000),
    "unsigned12": dict(bits=12, signed=False, slope=1),
}
truth = {}
for layout, options in LAYOUTS.items():
    slices, hu, padded = [], [], 0
    for z in range(SLICES):
        stored = phantom(z) + 1024
        if options.get("padding") is not None:
            stored[:2, :3] = options["padding"]
            stored[5, 5] = -1500  # below air, but not padding
        mask = stored == options["padding"] if options.get("padding") is not None else np.zeros(stored.shape, bool)
        padded += int(mask.sum())
        slices.append(stored)
        slope = 1 if z == 0 else 0.5  # each slice has its own rescale
        hu.append(np.where(mask, -1024, stored * slope - 1024))
    truth[layout] = {"padding": padded, "hu": np.stack(hu).ravel().tolist()}
    for name in [*UNCOMPRESSED, *COMPRESSED]:
        folder = HERE / f"{layout}_{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for z, stored in enumerate(slices):
            path = folder / f"{z}.dcm"
            settings = {**options, "slope": 1 if z == 0 else 0.5}
            write(path, stored, z, **settings, syntax=UNCOMPRESSED.get(name, ExplicitVRLittleEndian))
            if name in COMPRESSED:
                plain = path.rename(folder / "plain")
                COMPRESSED[name](plain, path)
                plain.unlink()
            # What pydicom (uncompressed) or GDCM reads is what was meant.
            if name in UNCOMPRESSED:
                image = pydicom.dcmread(path)
                assert (image.pixel_array == stored).all(), path
                read = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
            else:
                read = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
            assert (read == stored * settings["slope"] - 1024).all(), path

# 12 bits signed without sign extension, 4 bits of rubbish above.
folder = HERE / "signed12_explicit"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
hu = []
for z in range(SLICES):
    value = phantom(z)
    write(folder / f"{z}.dcm", ((value & 0xFFF) | 0x5000).astype("i2"), z, bits=12, signed=True)
    hu.append(value - 1024)
truth["signed12"] = {"padding": 0, "hu": np.stack(hu).ravel().tolist()}
truth["grid"] = {"shape": [SLICES, ROWS, COLUMNS], "spacing_mm": [2.5, 0.8, 0.7], "origin_mm": [-100.5, -90.25, -300.0]}
(HERE / "truth.json").write_text(json.dumps(truth, separators=(",", ":")).replace('},"', '},\n"') + "\n")
