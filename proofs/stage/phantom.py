"""A chest-like phantom that no flip or turn leaves the same, as CT series in DICOM and label maps on their grids.

Everything is a function of the patient's coordinates in mm (x to the left, y to the back, z to the head), so that every
series of whatever orientation shows the same body:

* a body of soft tissue, two lungs (the left one smaller), a spine at the back, a heart towards the left;
* a metal ball in the chest wall at the **left front**;
* label 1, "opacity": three arms that meet in the **right** lung: 60 mm to the head, 36 mm to the front, 20 mm to the right,
  so that axial, coronal and sagittal slices through the corner all show an L of unequal arms;
* label 2: a small ball in the left lung, low down.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "2.25.7283640012"
# The corner of the three arms, the arms' half width and lengths, in mm.
CORNER = np.array([-62.0, 8.0, -30.0])
HALF_WIDTH = 6.0
TO_HEAD, TO_FRONT, TO_RIGHT = 60.0, 36.0, 20.0
BALL, BALL_RADIUS = np.array([66.0, 18.0, -44.0]), 9.0
HEART, HEART_RADII = (22.0, -26.0, -30.0), (38.0, 34.0, 40.0)
MARKER, MARKER_RADIUS = np.array([58.0, -86.0, 0.0]), 8.0


@dataclass(frozen=True)
class Layout:
    """How one series lies in the patient: sizes, spacings in mm, directions of columns, rows and slices."""

    name: str
    rows: int
    columns: int
    slices: int
    row_spacing: float
    column_spacing: float
    slice_step: float
    along_row: tuple  # unit vector of growing column index
    along_column: tuple  # unit vector of growing row index
    along_slices: tuple  # unit vector from slice to slice; not the normal where the gantry is tilted
    character_set: object
    patient_name: str
    tilt_degrees: float = 0.0
    centre: tuple = (0.0, 0.0, 0.0)

    def affine(self):
        """LPS mm of (column, row, slice, 1)."""
        steps = np.stack([np.array(self.along_row) * self.column_spacing,
                          np.array(self.along_column) * self.row_spacing,
                          np.array(self.along_slices) * self.slice_step], axis=1)
        middle = (np.array([self.columns, self.rows, self.slices]) - 1) / 2
        affine = np.eye(4)
        affine[:3, :3] = steps
        affine[:3, 3] = np.array(self.centre) - steps @ middle
        return affine

    def points(self):
        """LPS mm of every voxel, as (slice, row, column, 3)."""
        k, j, i = np.mgrid[:self.slices, :self.rows, :self.columns]
        affine = self.affine()
        return np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


def _turned(degrees_x, degrees_z):
    a, b = np.radians([degrees_x, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turn = about_z @ about_x
    return [tuple(turn[:, axis]) for axis in range(3)]


def layouts():
    """The series: straight, oblique, tilted, and one of 7 rows and 13 columns."""
    row, column, slices = _turned(22, 11)
    tilt = np.radians(15)
    straight = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    return [
        Layout("axial", 112, 136, 44, 2.1, 2.3, 4.0, *straight, "ISO_IR 192", "Lemaître^Zoë-Šárka"),
        Layout("oblique", 100, 100, 50, 2.6, 2.6, 4.0, row, column, slices,
               ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        Layout("tilted", 100, 100, 40, 2.4, 2.8, 4.0, (1, 0, 0), (0, np.cos(tilt), -np.sin(tilt)), (0, 0, 1),
               "ISO_IR 144", "Фантом^Пётр", tilt_degrees=15.0),
        Layout("narrow", 7, 13, 11, 8.0, 6.0, 8.0, *straight, "GB18030", "Wang^XiaoDong=王^小东",
               centre=(-60.0, 0.0, 0.0)),
    ]


def labels(points):
    """The label map at points in LPS mm."""
    offset = points - CORNER
    x, y, z = offset[..., 0], offset[..., 1], offset[..., 2]
    reach = lambda along, length, *across: ((along >= -HALF_WIDTH) & (along <= length)
                                            & np.all([np.abs(a) <= HALF_WIDTH for a in across], axis=0))
    three_arms = reach(z, TO_HEAD, x, y) | reach(-y, TO_FRONT, x, z) | reach(-x, TO_RIGHT, y, z)
    ball = np.linalg.norm(points - BALL, axis=-1) <= BALL_RADIUS
    return np.where(three_arms, 1, np.where(ball, 2, 0)).astype(np.uint8)


def _inside(points, centre, radii):
    return (((points - np.array(centre)) / np.array(radii)) ** 2).sum(axis=-1) <= 1


def lungs(points):
    """The lungs: 1 the right one, 2 the left one; the heart's bulge is not lung."""
    right = _inside(points, (-60, 0, 0), (46, 68, 84))
    left = _inside(points, (64, 6, 4), (40, 62, 78)) & ~_inside(points, HEART, HEART_RADII)
    return np.where(right, 1, np.where(left, 2, 0)).astype(np.uint8)


def probabilities(points):
    """A smooth hill on the corner of the arms, 0 beyond 25 mm."""
    distance = np.linalg.norm(points - CORNER, axis=-1)
    return np.where(distance < 25, np.exp(-((distance / 12) ** 2)), 0).astype(np.float32)


def hounsfield(points, seed=5):
    """HU at points in LPS mm, with a little noise."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    hu = np.full(x.shape, -1000.0)
    hu[(x / 128) ** 2 + (y / 96) ** 2 <= 1] = 40
    hu[lungs(points) != 0] = -850
    hu[_inside(points, HEART, HEART_RADII)] = 50
    hu[(x / 16) ** 2 + ((y - 66) / 16) ** 2 <= 1] = 600
    hu[np.linalg.norm(points - MARKER, axis=-1) <= MARKER_RADIUS] = 2400
    label = labels(points)
    hu[label == 1] = -250
    hu[label == 2] = 0
    noise = np.random.default_rng(seed).normal(0, 12, hu.shape)
    return np.clip(np.round(hu + noise), -1024, 3071).astype(np.int16)


def _header(layout, number):
    """What all slices of a series share: a complete CT Image object, but for position and pixels."""
    image = FileDataset(None, {}, preamble=b"\0" * 128)
    image.SpecificCharacterSet = layout.character_set
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID = CTImageStorage
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240229"
    image.StudyTime, image.SeriesTime = "101530.5", "101612"
    image.AcquisitionTime = image.ContentTime = "101615.25"
    image.AccessionNumber = f"PH-{number:05}"
    image.Modality, image.Manufacturer, image.ManufacturerModelName = "CT", "Phantom Works", "Analytic 1"
    image.DeviceSerialNumber, image.SoftwareVersions = "0001", "1.0"
    image.InstitutionName, image.StationName = "Hospital of Nowhere", "CT1"
    image.ReferringPhysicianName = "Nobody^Nora"
    image.StudyDescription, image.SeriesDescription = "Chest CT", f"Phantom {layout.name}"
    image.PatientName, image.PatientID = layout.patient_name, f"PHANTOM-{number}"
    image.PatientBirthDate, image.PatientSex, image.PatientAge = "19500101", "O", "074Y"
    image.PatientSize, image.PatientWeight = "1.7", "70"
    image.BodyPartExamined, image.PatientPosition = "CHEST", "HFS"
    image.SliceThickness = str(layout.slice_step)
    image.KVP, image.XRayTubeCurrent, image.ConvolutionKernel = "120", "200", "B30f"
    image.GantryDetectorTilt = str(layout.tilt_degrees)
    image.DataCollectionDiameter = image.ReconstructionDiameter = "500"
    image.StudyInstanceUID, image.SeriesInstanceUID = f"{ROOT}.{number}.1", f"{ROOT}.{number}.2"
    image.FrameOfReferenceUID = f"{ROOT}.{number}.3"
    image.StudyID, image.SeriesNumber, image.AcquisitionNumber = str(number), 3, 1
    image.PositionReferenceIndicator = ""
    image.ImageOrientationPatient = [f"{v:.12g}"[:16] for v in (*layout.along_row, *layout.along_column)]
    image.PixelSpacing = [str(layout.row_spacing), str(layout.column_spacing)]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = layout.rows, layout.columns
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.WindowCenter, image.WindowWidth = "-500", "1500"
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "-1024", "1", "HU"
    return image


def write_series(layout, number, folder):
    """Writes the slices of a series; gives HU and labels as (slice, row, column)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    points, affine = layout.points(), layout.affine()
    hu, label = hounsfield(points), labels(points)
    order = np.random.default_rng(number).permutation(layout.slices)  # file names do not tell the order
    for k in range(layout.slices):
        image = _header(layout, number)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"{ROOT}.{number}.4.{k + 1}"
        image.file_meta = meta
        image.InstanceNumber = k + 1
        corner = affine[:3, 3] + affine[:3, 2] * k
        image.ImagePositionPatient = [f"{v:.10g}"[:16] for v in corner]
        image.SliceLocation = f"{corner[2]:.6g}"
        image.add_new("PixelData", "OW", (hu[k].astype(np.int32) + 1024).astype("<u2").tobytes())
        pydicom.dcmwrite(folder / f"{order[k]:04}.dcm", image, enforce_file_format=True)
    return hu, label


def write_volume(layout, values, path):
    """Writes values in (slice, row, column) order as NIfTI; a tilted grid, which is sheared, by its sform alone."""
    import nibabel
    to_ras = np.diag([-1, -1, 1, 1])
    affine = to_ras @ layout.affine()
    image = nibabel.Nifti1Image(np.ascontiguousarray(values.transpose(2, 1, 0)), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1 if layout.tilt_degrees == 0 else 0, strip_shears=True)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, str(path))


def make(folder):
    """Writes all series below `folder`: `<name>/ct/*.dcm` and on its grid `labels`, `lungs` and `probabilities`.nii.gz.

    Gives {name: (layout, HU, labels)}.
    """
    made = {}
    for number, layout in enumerate(layouts(), start=1):
        place = Path(folder) / layout.name
        hu, label = write_series(layout, number, place / "ct")
        points = layout.points()
        for what, values in (("labels", label), ("lungs", lungs(points)), ("probabilities", probabilities(points))):
            write_volume(layout, values, place / f"{what}.nii.gz")
        made[layout.name] = (layout, hu, label)
    return made


if __name__ == "__main__":
    import sys
    for name, (layout, hu, label) in make(sys.argv[1]).items():
        print(name, hu.shape, np.bincount(label.ravel()), hu.min(), hu.max())
