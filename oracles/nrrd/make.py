"""Writes small NRRD files with pynrrd and SimpleITK, and what SimpleITK reads from them."""

import json
from pathlib import Path

import nrrd
import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).parent
rng = np.random.default_rng(11)
truth = {}


def rotation(axis, degrees):
    """Rotation matrix about a unit vector (Rodrigues)."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    t = np.radians(degrees)
    return np.eye(3) + np.sin(t) * k + (1 - np.cos(t)) * k @ k


# Rows are the vectors of the axes, in the space of the file.
AXIAL = np.diag([0.75, 0.75, 1.25])
OBLIQUE = (rotation([1, 2, 3], 25) @ np.diag([0.7, -0.8, 2.5])).T
ORIGIN = np.array([-101.3, 55.7, -912.25])


def note(name):
    """Values with the first index fastest, the affine in LPS."""
    image = sitk.ReadImage(str(HERE / name))
    size = image.GetSize()
    affine = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    values = sitk.GetArrayFromImage(image).ravel().tolist()
    truth[name] = {"shape_ijk": size, "columns_lps": affine.T.tolist(), "origin_lps": image.GetOrigin(), "values": values}


def save(name, dtype, directions=AXIAL, space="left-posterior-superior", encoding="gzip", endian="little", **more):
    info = np.dtype(dtype)
    low, high = (0, 100) if info.kind == "u" else (-100, 100)
    data = rng.integers(low, high, (5, 4, 3)).astype(info)
    if info.kind == "f":
        data = data + info.type(0.25)
    data = data.astype(info.newbyteorder("<" if endian == "little" else ">"))
    header = {"space": space, "space directions": directions, "space origin": ORIGIN, "kinds": ["domain"] * 3}
    header |= {"encoding": encoding, "endian": endian} | more
    nrrd.write(str(HERE / name), data, header, index_order="F", relative_data_path=True)
    note(name)


for kind in ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]:
    save(f"{kind}_le.nrrd", kind)
    save(f"{kind}_be.nrrd", kind, directions=OBLIQUE, encoding="raw", endian="big")
save("ras.nrrd", "int16", directions=OBLIQUE, space="right-anterior-superior")
save("las.nrrd", "int16", directions=OBLIQUE, space="LAS")
save("text.nrrd", "int16", encoding="ascii")
save("text_float.nrrd", "float32", encoding="ascii")
save("detached.nhdr", "int16", directions=OBLIQUE)
save("detached_raw.nhdr", "uint16", encoding="raw", endian="big")
save("units.nrrd", "int16", **{"space units": ["mm", "mm", "mm"]})


def by_hand(name, lines, voxels, detached=None):
    (HERE / name).write_bytes("\n".join(lines).encode() + (b"\n" if detached else b"\n\n" + voxels))
    if detached:
        (HERE / detached).write_bytes(voxels)
    note(name)


VOXELS = rng.integers(-100, 100, 60).astype("<i2").tobytes()
HEADER = [
    "NRRD0004", "# a comment", "type: short", "dimension: 3", "space: LPS", "sizes: 5 4 3",
    "space directions: (0.7,0,0) (0,0.8,0) (0,0,2.5)", "kinds: domain domain domain", "endian: little",
    "space origin: (-10,20,-30.5)", "Name:=of somebody else: ignored",
]
by_hand("raw.nrrd", [*HEADER, "encoding: raw"], VOXELS)
by_hand("skip_bytes.nhdr", [*HEADER, "encoding: raw", "byte skip: 7", "data file: skip_bytes.raw"], b"1234567" + VOXELS, "skip_bytes.raw")
by_hand("skip_lines.nhdr", [*HEADER, "encoding: raw", "line skip: 2", "data file: skip_lines.raw"], b"one\ntwo two\n" + VOXELS, "skip_lines.raw")
by_hand("skip_both.nhdr", [*HEADER, "encoding: raw", "line skip: 1", "byte skip: 3", "datafile: skip_both.raw"], b"one\nabc" + VOXELS, "skip_both.raw")
by_hand("skip_to_end.nhdr", [*HEADER, "encoding: raw", "byte skip: -1", "data file: skip_to_end.raw"], b"a header of any length" + VOXELS, "skip_to_end.raw")
# No space: ITK takes the axes as those of patient space.
by_hand("spacings.nrrd", ["NRRD0001", "type: short", "dimension: 3", "sizes: 5 4 3", "spacings: 0.7 0.8 2.5", "endian: little", "encoding: raw"], VOXELS)

# A label map with a sheared grid, as NRRD holds it; SimpleITK refuses to read it, pynrrd does.
sheared = OBLIQUE.copy()
sheared[2] += 0.6 * OBLIQUE[1]
data = rng.integers(0, 3, (5, 4, 3)).astype(np.uint8)
header = {"space": "left-posterior-superior", "space directions": sheared, "space origin": ORIGIN, "kinds": ["domain"] * 3, "encoding": "gzip"}
nrrd.write(str(HERE / "sheared.nrrd"), data, header, index_order="F")
back, header = nrrd.read(str(HERE / "sheared.nrrd"), index_order="F")
truth["sheared.nrrd"] = {
    "shape_ijk": back.shape,
    "columns_lps": header["space directions"].tolist(),
    "origin_lps": header["space origin"].tolist(),
    "values": back.ravel(order="F").tolist(),
}
(HERE / "truth.json").write_text(json.dumps(truth, separators=(",", ":")).replace('},"', '},\n"') + "\n")
