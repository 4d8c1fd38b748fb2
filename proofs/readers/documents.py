"""What DCMTK, pydicom and GDCM read in an encapsulated PDF and in pictures."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image


def check_pdf(report, what, path, pdf):
    """DCMTK takes the very PDF out again."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.pdf"
        done = subprocess.run(["dcm2pdf", str(path), str(target)], capture_output=True, text=True)
        found = target.read_bytes() if target.is_file() else b""
        report.check(f"{what}: dcm2pdf gives the very PDF", found.rstrip(b"\0") == pdf.rstrip(b"\0"),
                     "" if done.returncode == 0 else done.stderr[-200:])
    length = pydicom.dcmread(path).get("EncapsulatedDocumentLength")
    report.same(f"{what}: length of the document", length, len(pdf))


def _corner(file):
    """The outer corner of the first pixel, in mm."""
    across, down = np.array(file.ImageOrientationPatient, float).reshape(2, 3)
    row, column = (float(s) for s in file.PixelSpacing)
    return np.array(file.ImagePositionPatient, float) - across * column / 2 - down * row / 2


def check_pictures(report, what, paths, source, layout):
    """Pictures are RGB, lie in the source's planes, say the truth of what is burned in, and three readers see the same."""
    by_uid = {file.SOPInstanceUID: file for file in (pydicom.dcmread(p, stop_before_pixels=True) for p in Path(source).glob("*.dcm"))}
    wrong = []
    for path in paths:
        file = pydicom.dcmread(path)
        pixels = file.pixel_array
        if (file.PhotometricInterpretation, file.SamplesPerPixel, pixels.dtype) != ("RGB", 3, np.uint8):
            wrong.append(f"{path.name}: {file.PhotometricInterpretation}, {pixels.dtype}")
        references = [item.ReferencedSOPInstanceUID for item in file.get("SourceImageSequence", [])]
        slices = [by_uid[uid] for uid in references if uid in by_uid]
        if len(slices) != 1:
            wrong.append(f"{path.name}: refers to {len(slices)} slices of the source")
            continue
        if not np.allclose(_corner(file), _corner(slices[0]), atol=1e-3):
            wrong.append(f"{path.name}: its corner lies at {_corner(file)}, the source's at {_corner(slices[0])}")
        if not np.allclose(file.ImageOrientationPatient, slices[0].ImageOrientationPatient, atol=1e-6):
            wrong.append(f"{path.name}: turned against the source")
        # It may be finer than the slice, and below the slice there is room for the sentence.
        high, wide = (n * float(s) for n, s in zip((file.Rows, file.Columns), file.PixelSpacing))
        if abs(wide - layout.columns * layout.column_spacing) > 1e-3 or high < layout.rows * layout.row_spacing - 1e-3:
            wrong.append(f"{path.name}: {high} mm high and {wide} mm wide")
        by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        if not (by_itk.reshape(pixels.shape) == pixels).all():
            wrong.append(f"{path.name}: SimpleITK (GDCM) sees other pixels")
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.png"
            subprocess.run(["dcm2pnm", "+on", str(path), str(target)], capture_output=True)
            if not target.is_file() or not (np.asarray(Image.open(target).convert("RGB")) == pixels).all():
                wrong.append(f"{path.name}: dcm2pnm sees other pixels")
    report.check(f"{what}: {len(paths)} pictures", bool(paths) and not wrong, "; ".join(wrong[:4]))
