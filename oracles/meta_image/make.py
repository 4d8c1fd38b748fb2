"""Writes small MetaImage files with SimpleITK and by hand, and what SimpleITK reads from them."""

import json
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).parent
rng = np.random.default_rng(13)
truth = {}


def rotation(axis, degrees):
    """Rotation matrix about a unit vector (Rodrigues)."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    t = np.radians(degrees)
    return np.eye(3) + np.sin(t) * k + (1 - np.cos(t)) * k @ k


OBLIQUE = rotation([1, 2, 3], 25) @ np.diag([1, -1, 1])


def note(name):
    """Values with the first index fastest, the affine in LPS."""
    image = sitk.ReadImage(str(HERE / name))
    affine = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    values = sitk.GetArrayFromImage(image).ravel().tolist()
    truth[name] = {
        "shape_ijk": image.GetSize(),
        "columns_lps": affine.T.tolist(),
        "origin_lps": image.GetOrigin(),
        "values": values,
    }


def save(name, dtype, direction=np.eye(3), compress=True):
    info = np.dtype(dtype)
    low, high = (0, 100) if info.kind == "u" else (-100, 100)
    data = rng.integers(low, high, (3, 4, 5)).astype(info)
    if info.kind == "f":
        data = data + info.type(0.25)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing([0.7, 0.8, 2.5])
    image.SetOrigin([-101.3, 55.7, -912.25])
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(HERE / name), useCompression=compress)
    note(name)


for kind in ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]:
    save(f"{kind}.mha", kind, direction=OBLIQUE)
save("raw.mha", "int16", compress=False)
save("detached.mhd", "int16", direction=OBLIQUE)
save("detached_raw.mhd", "int16", direction=OBLIQUE, compress=False)

VOXELS = rng.integers(-100, 100, 60)
HEADER = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False", "CompressedData": "False",
    "TransformMatrix": "0 1 0 -1 0 0 0 0 1", "Offset": "-10 20 -30.5", "ElementSpacing": "0.7 0.8 2.5", "DimSize": "5 4 3",
    "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL",
}


def by_hand(name, voxels, detached=None, **more):
    fields = {key: more.get(key, value) for key, value in HEADER.items() if key not in more}
    last = fields.pop("ElementDataFile", "LOCAL")
    fields |= {key: value for key, value in more.items() if value is not None}
    text = "".join(f"{key} = {value}\n" for key, value in fields.items()) + f"ElementDataFile = {detached or last}\n"
    (HERE / name).write_bytes(text.encode() + (b"" if detached else voxels))
    if detached:
        (HERE / detached).write_bytes(voxels)
    note(name)


LITTLE, BIG = VOXELS.astype("<i2").tobytes(), VOXELS.astype(">i2").tobytes()
by_hand("big_endian.mha", BIG, BinaryDataByteOrderMSB="True")
by_hand("element_order.mha", BIG, BinaryDataByteOrderMSB=None, ElementByteOrderMSB="True")
by_hand("text.mha", " ".join(map(str, VOXELS)).encode() + b"\n", BinaryData="False")
packed = zlib.compress(BIG)
by_hand("packed_big.mha", packed, BinaryDataByteOrderMSB="True", CompressedData="True", CompressedDataSize=str(len(packed)))
by_hand("header_size.mhd", b"1234567" + LITTLE, "header_size.raw", HeaderSize="7")
by_hand("header_to_end.mhd", b"of any length" + LITTLE, "header_to_end.raw", HeaderSize="-1")
by_hand("other_names.mha", LITTLE, TransformMatrix=None, Rotation="0 0 1 1 0 0 0 1 0", Offset=None, Position="1 2 3")
by_hand("origin.mha", LITTLE, Offset=None, Origin="4 5 6", Comment="nothing to say")
(HERE / "truth.json").write_text(json.dumps(truth, separators=(",", ":")).replace('},"', '},\n"') + "\n")
