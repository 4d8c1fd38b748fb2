"""Writes a small enhanced multi-frame CT in every compressed transfer syntax, and the HU that other decoders give."""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

HERE = Path(__file__).parent
ROWS, COLUMNS, FRAMES = 64, 80, 3
ROOT = "2.25.987654321"
rng = np.random.default_rng(23)
SYNTAX = {"baseline": "50", "extended": "51", "jpeg_57": "57", "jpeg_70": "70", "jpegls": "80", "jpegls_near": "81",
          "j2k": "90", "j2k_lossy": "91", "htj2k": "201", "htj2k_lossy": "203"}
LAYOUTS = {"unsigned8": (8, 8, False), "unsigned12": (16, 12, False), "unsigned16": (16, 16, False),
           "signed12": (16, 12, True), "signed16": (16, 16, True)}


def phantom(bits, signed, frame):
    """Flat areas, ramps, edges and noise over the whole range: runs and all contexts."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    top = 2**bits
    image = top * 0.4 + top * 0.2 * np.sin(x / 9) * np.cos(y / 7) + rng.normal(0, top * 0.01, (ROWS, COLUMNS))
    image[(y - 30) ** 2 + (x - 20) ** 2 < 150] = top * 0.9
    image[50:, 10:70] = top * 0.1
    image[:6, :] = 0
    image[8:12, 30:34] = top - 1
    image[40:48, 60:72] = rng.integers(0, top, (8, 12))
    image = np.clip(np.roll(image, 3 * frame, 1), 0, top - 1).astype(np.int64)
    return image - top // 2 if signed else image


def item(**attributes):
    data = Dataset()
    for name, value in attributes.items():
        setattr(data, name, value)
    return data


def enhanced(stored, allocated, bits, signed, syntax, streams, extended=False, fragments=1, table=True):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = EnhancedCTImageStorage, f"{ROOT}.3"
    meta.TransferSyntaxUID = syntax
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID, image.Modality = EnhancedCTImageStorage, f"{ROOT}.3", "CT"
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.4"
    image.SeriesNumber, image.InstanceNumber, image.NumberOfFrames = 1, 1, len(stored)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = ROWS, COLUMNS
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = allocated, bits, bits - 1, int(signed)
    image.LossyImageCompression = "00"
    image.SharedFunctionalGroupsSequence = Sequence([item(
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.8, 0.7], SliceThickness=3)]),
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]))])
    image.PerFrameFunctionalGroupsSequence = Sequence([item(
        FrameContentSequence=Sequence([item(StackID="1", InStackPositionNumber=n + 1)]),
        PlanePositionSequence=Sequence([item(ImagePositionPatient=[-10, 20, place(n)])]),
        PixelValueTransformationSequence=Sequence([item(RescaleSlope=SLOPES[n], RescaleIntercept=INTERCEPTS[n], RescaleType="HU")]),
    ) for n in range(len(stored))])
    if streams is None:
        image.PixelData = stored.astype({8: "u1", 16: "<i2" if signed else "<u2"}[allocated]).tobytes()
    elif extended:
        image.PixelData, image.ExtendedOffsetTable, image.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    else:
        image.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    image["PixelData"].VR = "OB" if streams is not None or allocated == 8 else "OW"
    return image


SLOPES, INTERCEPTS = [1, 0.5, 2], [-1024, -1000, 0]


def place(n):
    return [5, 0, 2.5][n]  # frames are not in the order of their positions


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def dcmtk(tool, arguments, frame, bits, signed, decoder):
    """The code stream that a DCMTK tool writes for one frame, and what its counterpart reads from it."""
    with tempfile.TemporaryDirectory() as folder:
        plain, packed, unpacked = (Path(folder) / name for name in ("a", "b", "c"))
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, "2.25.1"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID, image.Modality = SecondaryCaptureImageStorage, "2.25.1", "OT"
        image.StudyInstanceUID = image.SeriesInstanceUID = "2.25.2"
        image.SamplesPerPixel, image.PhotometricInterpretation, image.Rows, image.Columns = 1, "MONOCHROME2", ROWS, COLUMNS
        allocated = 8 if bits == 8 else 16
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = allocated, bits, bits - 1, int(signed)
        image.PixelData = frame.astype({8: "u1", 16: "<i2" if signed else "<u2"}[allocated]).tobytes()
        image["PixelData"].VR = "OB" if allocated == 8 else "OW"
        pydicom.dcmwrite(plain, image, enforce_file_format=True)
        run(tool, *arguments, plain, packed)
        run(decoder, packed, unpacked)
        stream = next(pydicom.encaps.generate_frames(pydicom.dcmread(packed).PixelData, number_of_frames=1))
        return stream, pydicom.dcmread(unpacked).pixel_array.astype(np.int64)


def encode(name, frame, allocated, bits, signed):
    """A code stream and what a decoder other than ours makes of it."""
    kind = {(8, False): "u1", (8, True): "i1", (16, False): "u2", (16, True): "i2"}[allocated, signed]
    array = frame.astype(kind)
    if name.startswith("jpeg_57"):
        value = name[-1] if name[-2] == "p" else "1"
        return dcmtk("dcmcjpeg", ["+el", "+sv", value], frame, bits, signed, "dcmdjpeg")
    if name == "jpeg_70":
        return dcmtk("dcmcjpeg", ["+e1"], frame, bits, signed, "dcmdjpeg")
    if name == "baseline":
        return dcmtk("dcmcjpeg", ["+eb"], frame, bits, signed, "dcmdjpeg")
    if name == "extended":
        return dcmtk("dcmcjpeg", ["+ee"], frame, bits, signed, "dcmdjpeg")
    if name.startswith("jpegls_dcmtk"):
        return dcmtk("dcmcjpls", [], frame, bits, signed, "dcmdjpls")
    if name.startswith("jpegls"):
        words = (frame & (2**bits - 1)).astype("u1" if allocated == 8 else "u2")
        near = 3 if name == "jpegls_near" else 0
        stream = bytes(jpeg_ls.encode_pixel_data(words.tobytes(), near, rows=ROWS, columns=COLUMNS, samples_per_pixel=1,
                                                 bits_stored=bits))
        read = jpeg_ls.decode(np.frombuffer(stream, "u1")).reshape(ROWS, COLUMNS).astype(np.int64)
        read = np.where(read >= 2 ** (bits - 1), read - 2**bits, read) if signed else read
        return stream, read
    if name == "j2k":
        return imagecodecs.jpeg2k_encode(array, codecformat="j2k", bitspersample=bits, reversible=True), frame
    if name == "j2k_lossy":
        stream = imagecodecs.jpeg2k_encode(array, 60, codecformat="j2k", bitspersample=bits, reversible=False)
        return stream, imagecodecs.jpeg2k_decode(stream).astype(np.int64)
    if name.startswith("htj2k"):
        lossy = name.endswith("lossy")
        stream = imagecodecs.htj2k_encode(array, 0.001 if lossy else None, reversible=not lossy)
        return stream, imagecodecs.htj2k_decode(stream).astype(np.int64)
    raise ValueError(name)


def hu_of(frames):
    hu = np.stack([frames[n] * SLOPES[n] + INTERCEPTS[n] for n in np.argsort([place(n) for n in range(FRAMES)])])
    return hu.astype("<f4")


PLAN = {
    "unsigned8": ["baseline", "jpeg_70", "jpegls", "j2k", "htj2k"],
    "unsigned12": ["extended", "jpeg_57_p1", "jpeg_57_p2", "jpeg_57_p3", "jpeg_57_p4", "jpeg_57_p5", "jpeg_57_p6", "jpeg_57_p7",
                   "jpeg_70", "jpegls", "jpegls_dcmtk", "jpegls_near", "j2k", "j2k_lossy"],
    "unsigned16": ["jpeg_70", "jpegls", "jpegls_near", "htj2k", "htj2k_lossy"],
    "signed12": ["jpeg_70", "jpegls", "j2k"],
    "signed16": ["jpeg_57_p6", "jpeg_70", "jpegls", "jpegls_dcmtk", "j2k", "htj2k"],
}
truth = {}
for old in HERE.glob("*.dcm"):
    old.unlink()
for layout, names in PLAN.items():
    allocated, bits, signed = LAYOUTS[layout]
    stored = np.stack([phantom(bits, signed, n) for n in range(FRAMES)])
    for name in ["native", *names]:
        if name == "native":
            image, read = enhanced(stored, allocated, bits, signed, ExplicitVRLittleEndian, None), stored
        else:
            pairs = [encode(name, frame, allocated, bits, signed) for frame in stored]
            streams, read = [stream for stream, _ in pairs], [frame for _, frame in pairs]
            base = "jpegls_near" if name == "jpegls_near" else name.split("_p")[0].replace("jpegls_dcmtk", "jpegls")
            how = {"jpegls": dict(extended=True), "jpeg_70": dict(fragments=2), "j2k": dict(table=False)}.get(name, {})
            if how.get("fragments"):
                streams = [stream + b"\0" * (len(stream) % 2) for stream in streams]
            image = enhanced(stored, allocated, bits, signed, f"1.2.840.10008.1.2.4.{SYNTAX[base]}", streams, **how)
        lossy = any(word in name for word in ("lossy", "near", "baseline", "extended"))
        assert lossy or all((frame == there).all() for frame, there in zip(read, stored)), (layout, name)
        path = HERE / f"{layout}_{name}.dcm"
        pydicom.dcmwrite(path, image, enforce_file_format=True)
        hu = hu_of(read)
        truth[path.stem] = {"sha256": hashlib.sha256(hu.tobytes()).hexdigest(), "sum": float(hu.sum(dtype="f8")),
                            "lossy": lossy, "first": hu[0, 20, :8].tolist()}
(HERE / "truth.json").write_text("{\n" + ",\n".join(f'"{k}":{json.dumps(v)}' for k, v in truth.items()) + "\n}\n")
