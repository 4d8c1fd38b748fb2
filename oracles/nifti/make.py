"""Writes small NIfTI files with nibabel and what nibabel reads from them."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np

HERE = Path(__file__).parent
rng = np.random.default_rng(7)


def rotation(axis, degrees):
    """Rotation matrix about a unit vector (Rodrigues)."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    t = np.radians(degrees)
    return np.eye(3) + np.sin(t) * k + (1 - np.cos(t)) * k @ k


def affine(turn, zooms, origin, flip=1):
    out = np.eye(4)
    out[:3, :3] = turn @ np.diag([zooms[0] * flip, zooms[1], zooms[2]])
    out[:3, 3] = origin
    return out


OBLIQUE = affine(rotation([1, 2, 3], 25), [0.7, 0.8, 2.5], [-101.3, 55.7, -912.25], flip=-1)
AXIAL = affine(np.diag([-1.0, -1.0, 1.0]), [0.75, 0.75, 1.25], [180.5, 170.25, -300.0])
truth = {}


def save(name, dtype, grid=AXIAL, endian="<", slope=None, inter=0.0, qform=1, sform=1, units="mm", extension=False, gz=True):
    info = np.dtype(dtype)
    low, high = (0, 100) if info.kind == "u" else (-100, 100)
    data = rng.integers(low, high, (5, 4, 3)).astype(dtype)
    if info.kind == "f":
        data = data + dtype(0.25)
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(endian))
    image = nib.Nifti1Image(data, grid, header)
    image.set_qform(grid if qform else None, qform)
    image.set_sform(grid if sform else None, sform)
    image.header.set_xyzt_units(units)
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"nothing" * 5))
    path = HERE / (name + (".nii.gz" if gz else ".nii"))
    # nibabel would rescale to fit a slope: the raw values are written as they are.
    raw = image.header.copy()
    nib.save(image, path)
    loaded = nib.load(path)
    if slope is not None:
        opener = gzip.open if gz else open
        blob = bytearray(opener(path, "rb").read())
        order = "little" if endian == "<" else "big"
        blob[112:116] = np.array(slope, np.dtype("f4").newbyteorder(endian)).tobytes()
        blob[116:120] = np.array(inter, np.dtype("f4").newbyteorder(endian)).tobytes()
        offset = int(loaded.header["vox_offset"]) or 352
        blob[offset:] = data.astype(np.dtype(dtype).newbyteorder(endian)).tobytes(order="F")
        path.write_bytes(gzip.compress(bytes(blob), mtime=0) if gz else bytes(blob))
        loaded = nib.load(path)
    note(path.name, loaded)


def note(name, loaded):
    # Values in the file's order, first index fastest; mm whatever the file's units are.
    values = np.asarray(loaded.get_fdata())
    mm = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}[loaded.header.get_xyzt_units()[0]]
    grid = loaded.affine.copy()
    grid[:3] *= mm
    truth[name] = {"shape_ijk": list(values.shape), "affine_ras": grid.tolist(), "values": values.ravel(order="F").tolist()}


for kind in ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]:
    save(f"{kind}_le", getattr(np, kind))
    save(f"{kind}_be", getattr(np, kind), endian=">", grid=OBLIQUE, gz=False)
save("scaled", np.int16, slope=2.5, inter=-1024.0)
save("scaled_be", np.uint16, slope=0.5, inter=-1000.5, endian=">")
save("qform_only", np.int16, grid=OBLIQUE, sform=0)
save("sform_only", np.int16, grid=OBLIQUE, qform=0, sform=2)
save("neither", np.int16, grid=np.diag([0.75, 0.5, 2.0, 1]), qform=0, sform=0)
save("metres", np.int16, grid=affine(np.eye(3), [0.0007, 0.0008, 0.0025], [-0.1, 0.2, 0.3]), units="meter")
save("micrometres", np.int16, grid=affine(np.eye(3), [700.0, 800.0, 2500.0], [-1e5, 2e5, 3e5]), units="micron")
save("unknown_units", np.int16, units="unknown")
save("extension", np.int16, extension=True)

# pigz and bgzip write several gzip members, cut anywhere.
blob = gzip.decompress((HERE / "int16_le.nii.gz").read_bytes())
(HERE / "members.nii.gz").write_bytes(b"".join(gzip.compress(part, mtime=0) for part in (blob[:100], blob[100:360], blob[360:])))
note("members.nii.gz", nib.load(HERE / "members.nii.gz"))

# Version 2, an empty one and with values; 4-D is refused by name unless it holds one volume.
nib.save(nib.Nifti2Image(np.zeros((2, 2, 2), np.int16), AXIAL), HERE / "version2.nii.gz")
note("version2.nii.gz", nib.load(HERE / "version2.nii.gz"))
nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.int16), AXIAL), HERE / "four_dimensions.nii.gz")


def save_as(kind, name, data, grid=OBLIQUE, endian="<"):
    """One of nibabel's image classes with qform and sform of the same grid."""
    header = kind.header_class(endianness=endian)
    header.set_data_dtype(data.dtype)
    image = kind(data, grid, header)
    image.set_qform(grid, 1)
    image.set_sform(grid, 1)
    nib.save(image, HERE / name)
    note(name, nib.load(HERE / name))


for endian, word in [("<", "le"), (">", "be")]:
    values = rng.integers(-1000, 1000, (5, 4, 3))
    save_as(nib.Nifti2Image, f"version2_int16_{word}.nii", values.astype(np.int16), endian=endian)
    save_as(nib.Nifti2Image, f"version2_float64_{word}.nii.gz", values / 7.0, endian=endian)
    save_as(nib.Nifti1Pair, f"pair_{word}.hdr", values.astype(np.int16), endian=endian)
    save_as(nib.Nifti2Pair, f"version2_pair_{word}.hdr", values.astype(np.int32), endian=endian)
save_as(nib.Nifti1Pair, "packed_pair.hdr.gz", rng.integers(-9, 9, (5, 4, 3)).astype(np.int16))
save_as(nib.Nifti1Image, "one_volume.nii.gz", rng.integers(-9, 9, (5, 4, 3, 1)).astype(np.int16))

# A tilted gantry: the columns are not at right angles, which only the sform can say.
sheared = OBLIQUE.copy()
sheared[:3, 2] += 0.6 * OBLIQUE[:3, 1]
image = nib.Nifti1Image(rng.integers(-9, 9, (5, 4, 3)).astype(np.int16), sheared)
image.set_qform(None, 0)
image.set_sform(sheared, 1)
nib.save(image, HERE / "sheared.nii.gz")
note("sheared.nii.gz", nib.load(HERE / "sheared.nii.gz"))

(HERE / "truth.json").write_text(json.dumps(truth, indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")
