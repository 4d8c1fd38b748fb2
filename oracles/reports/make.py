"""A structure set by rt-utils with a hole, and the mask it was made from."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from rt_utils import RTStructBuilder

SHAPE = (3, 20, 20)
ORIGIN, PIXEL_MM, APART_MM = (-20.5, -31.25, -300.0), 0.75, 2.5


def ct(folder):
    for k in range(SHAPE[0]):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"2.25.3.{k + 1}"
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "2.25.1", "2.25.2", "2.25.4"
        image.Modality, image.PatientName, image.PatientID = "CT", "", ""
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
        image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = ""
        image.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + APART_MM * k]
        image.ImageOrientationPatient, image.PixelSpacing = [1, 0, 0, 0, 1, 0], [PIXEL_MM, PIXEL_MM]
        image.Rows, image.Columns, image.SliceThickness = SHAPE[1], SHAPE[2], APART_MM
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.PixelData = bytes(2 * SHAPE[1] * SHAPE[2])
        image.save_as(folder / f"{k}.dcm", enforce_file_format=True)


def main():
    here = Path(__file__).parent
    mask = np.zeros(SHAPE, bool)
    mask[0, 2:9, 3:15] = True
    mask[1, 4:16, 2:18] = True
    mask[1, 12, 6:9] = False
    mask[2, 0:2, 0:3] = True
    with tempfile.TemporaryDirectory() as folder:
        ct(Path(folder))
        builder = RTStructBuilder.create_new(dicom_series_path=folder)
        builder.add_roi(mask=mask.transpose(1, 2, 0), name="GTV", color=[10, 20, 30])
        made = builder.ds
    # What rt-utils draws at random or takes from the clock.
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = "2.25.9"
    made.SeriesInstanceUID = "2.25.8"
    for element in made:
        if element.VR == "DA" and element.value:
            element.value = "20200301"
        if element.VR == "TM" and element.value:
            element.value = "101112"
    made.save_as(here / "rt_utils.dcm", enforce_file_format=True)
    places = [int(place) for place in np.flatnonzero(mask)]
    # What rt-utils reads back: the pixels of a contour belong to it, so a hole comes back as it was.
    (here / "rt_utils.json").write_text(json.dumps({"shape": SHAPE, "places": places}) + "\n")


main()
