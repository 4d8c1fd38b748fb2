"""The other tools' side of the benchmark: `rivals.py make FOLDER`, `rivals.py versions`, `rivals.py TOOL ROW FOLDER`.

A row prints the seconds of its work alone (imports and what is not timed come before), the process's peak memory and a
sum that must be the same for all tools. Two threads each.
"""

import os
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="2", ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS="2")

SHAPE, SPACING, COARSE = (300, 512, 512), (1.0, 0.75, 0.75), 1.5
ORIGIN = (-192.0, -192.0, -150.0)


def make(folder):
    """A chest-like CT with noise as int16, its label map, the label map at 1.5 mm, and the CT as 300 DICOM slices."""
    import numpy as np
    import SimpleITK as sitk
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:512, :512].astype(np.float32)
    hu, labels = np.empty(SHAPE, np.int16), np.zeros(SHAPE, np.uint8)
    for z in range(SHAPE[0]):
        slim = 1 - abs(z - 150) / 400
        inside = lambda cx, cy, rx, ry: ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
        plane = np.where(inside(256, 256, 230, 170), 40.0, -1000.0)
        right, left = inside(165, 250, 75 * slim, 120 * slim), inside(350, 260, 65 * slim, 110 * slim)
        plane[right | left] = -850
        labels[z][right], labels[z][left] = 1, 2
        for number, (cx, cy, cz, r) in enumerate([(150, 300, 120, 40), (350, 240, 170, 30), (180, 200, 220, 25)]):
            spot = (x - cx) ** 2 + (y - cy) ** 2 + ((z - cz) * 1.33) ** 2 <= r * r
            plane[spot], labels[z][spot] = -400, 3
        hu[z] = np.round(plane + rng.normal(0, 25, plane.shape))

    def image(values):
        made = sitk.GetImageFromArray(values)
        made.SetSpacing(SPACING[::-1])
        made.SetOrigin(ORIGIN)
        return made

    sitk.WriteImage(image(hu), str(folder / "ct.nii.gz"), True)
    sitk.WriteImage(image(labels), str(folder / "labels.nii.gz"), True)
    sitk.WriteImage(resampled(image(labels), COARSE, sitk.sitkNearestNeighbor), str(folder / "coarse.nii.gz"), True)
    (folder / "dicom").mkdir(exist_ok=True)
    for z in range(SHAPE[0]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = f"2.25.99.4.{z + 1}"
        file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        file.SOPClassUID, file.SOPInstanceUID, file.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = "2.25.99.1", "2.25.99.2", "2.25.99.3"
        file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = "Phantom", "P", "", "O"
        file.StudyDate, file.StudyTime, file.AccessionNumber, file.StudyID = "20240229", "101500", "A", "1"
        file.ReferringPhysicianName, file.PositionReferenceIndicator, file.Manufacturer = "", "", "Phantom Works"
        file.SeriesNumber, file.InstanceNumber, file.ImageType = 1, z + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        file.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + z * SPACING[0]]
        file.ImageOrientationPatient, file.PixelSpacing = [1, 0, 0, 0, 1, 0], [SPACING[1], SPACING[2]]
        file.SliceThickness, file.KVP, file.RescaleType = SPACING[0], 120, "HU"
        file.SamplesPerPixel, file.PhotometricInterpretation, file.Rows, file.Columns = 1, "MONOCHROME2", 512, 512
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 1
        file.RescaleIntercept, file.RescaleSlope = 0, 1
        file.PixelData = hu[z].astype("<i2").tobytes()
        file["PixelData"].VR = "OW"
        file.save_as(folder / "dicom" / f"{z:04}.dcm", enforce_file_format=True)


def resampled(image, spacing, how, like=None):
    """To cubic voxels whose first corner is the image's, or onto the grid of `like`."""
    import SimpleITK as sitk
    if like is not None:
        return sitk.Resample(image, like, sitk.Transform(), how, 0)
    size = [max(1, round(n * s / spacing)) for n, s in zip(image.GetSize(), image.GetSpacing())]
    shift = [(spacing - s) / 2 for s in image.GetSpacing()]
    origin = image.TransformContinuousIndexToPhysicalPoint([d / s for d, s in zip(shift, image.GetSpacing())])
    return sitk.Resample(image, size, sitk.Transform(), how, origin, [spacing] * 3, image.GetDirection(), -1024)


def simpleitk(row, folder):
    import SimpleITK as sitk
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
    total = lambda image: int(sitk.GetArrayViewFromImage(image).sum(dtype="int64"))
    if row == "series-read":
        lowest = next(path.parent for path in sorted(folder.rglob("*.dcm")))  # it does not look into nested folders

        def work():
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(lowest), reader.GetGDCMSeriesIDs(str(lowest))[0]))
            return reader.Execute()
        return work, total
    if row == "nifti-read":
        return lambda: sitk.ReadImage(str(folder / "ct.nii.gz")), total
    image = sitk.ReadImage(str(folder / "ct.nii.gz"))
    if row == "nifti-write":
        target = str(folder / "written-simpleitk.nii.gz")
        return lambda: sitk.WriteImage(image, target, True), lambda _: Path(target).stat().st_size
    if row == "resample":
        return lambda: resampled(image, COARSE, sitk.sitkLinear), lambda made: f"{made.GetSize()} {total(made) / 1e6:.0f}e6"
    coarse = sitk.ReadImage(str(folder / "coarse.nii.gz"))
    assert row == "labels-back"
    return lambda: resampled(coarse, None, sitk.sitkNearestNeighbor, image), total


def nibabel_(row, folder):
    import nibabel
    import numpy as np
    total = lambda values: int(values.sum(dtype="int64"))
    if row == "nifti-read":
        return lambda: np.asanyarray(nibabel.load(folder / "ct.nii.gz").dataobj), total
    assert row == "nifti-write"
    image = nibabel.load(folder / "ct.nii.gz")
    values, target = np.asanyarray(image.dataobj), folder / "written-nibabel.nii.gz"
    made = nibabel.Nifti1Image(values, image.affine)
    return lambda: nibabel.save(made, target), lambda _: target.stat().st_size


def dicom2nifti_(row, folder):
    import dicom2nifti
    import dicom2nifti.settings as settings
    import numpy as np
    assert row == "series-read"
    settings.disable_validate_slice_increment()

    def work():
        from dicom2nifti import common, convert_generic
        slices = common.sort_dicoms(common.read_dicom_directory(str(folder)))
        return convert_generic.dicom_to_nifti(slices, None)["NII"]
    return work, lambda made: int(np.asanyarray(made.dataobj).sum(dtype="int64"))


def highdicom_(row, folder):
    import highdicom as hd
    import nibabel
    import numpy as np
    import pydicom
    from pydicom.sr.codedict import codes
    assert row == "segmentation-write"
    labels = np.ascontiguousarray(np.asanyarray(nibabel.load(folder / "labels.nii.gz").dataobj).transpose(2, 1, 0))

    def work():
        slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in (folder / "dicom").glob("*.dcm")]
        slices.sort(key=lambda one: one.ImagePositionPatient[2])
        algorithm = hd.AlgorithmIdentificationSequence("bench", codes.DCM.ArtificialIntelligence, "1")
        segments = [hd.seg.SegmentDescription(number, f"segment {number}", codes.SCT.AnatomicalStructure, codes.SCT.Lung, "AUTOMATIC",
                                              algorithm, tracking_uid=hd.UID(), tracking_id=f"segment {number}") for number in (1, 2, 3)]
        made = hd.seg.Segmentation(slices, labels, "BINARY", segments, hd.UID(), 100, hd.UID(), 1, "bench", "bench", "1", "1")
        made.save_as(folder / "written-highdicom.dcm")
        return made
    # Of one frame's columns and rows all are whole bytes here, so that the bits may be counted byte by byte.
    return work, lambda made: int(np.unpackbits(np.frombuffer(made.PixelData, np.uint8)).sum())


TOOLS = {"SimpleITK": simpleitk, "nibabel": nibabel_, "dicom2nifti": dicom2nifti_, "highdicom": highdicom_}


def main():
    if sys.argv[1] == "make":
        return make(Path(sys.argv[2]))
    if sys.argv[1] == "versions":
        from importlib.metadata import version
        names = ["SimpleITK", "nibabel", "dicom2nifti", "highdicom", "pydicom", "pylibjpeg-libjpeg", "numpy"]
        return print(f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in names))
    tool, row, folder = sys.argv[1:4]
    work, check = TOOLS[tool](row, Path(folder))
    start = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - start
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1]
    print(f"seconds {seconds:.3f}\npeak_mib {int(peak) / 1024:.0f}\ncheck {check(made)}")


main()
