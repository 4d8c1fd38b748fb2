"""Lets SimpleITK, nibabel and pynrrd read what the example `orientations` of `pulmo-ct` wrote.

    cargo run -p pulmo-ct --example orientations -- FOLDER
    python oracles/orientations/check.py FOLDER

Every file must put every value where `expected.json`, written beside the files from the volumes themselves, says.
"""

import json
import sys
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def by_simpleitk(path):
    image = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    grid = np.eye(4)
    grid[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    grid[:3, 3] = image.GetOrigin()
    return values, grid


def by_nibabel(path):
    image = nib.load(path)
    return np.asarray(image.dataobj), RAS_TO_LPS @ image.affine


def by_nibabel_qform(path):
    image = nib.load(path)
    return np.asarray(image.dataobj), RAS_TO_LPS @ image.get_qform()


def by_pynrrd(path):
    values, header = nrrd.read(str(path), index_order="F")
    assert header["space"] == "left-posterior-superior"
    grid = np.eye(4)
    grid[:3, :3] = header["space directions"].T
    grid[:3, 3] = header["space origin"]
    return values, grid


def readers(name, sheared):
    if ".nii" in name:
        # ITK takes no sheared grid, and a quaternion cannot hold one.
        return [by_nibabel] if sheared else [by_simpleitk, by_nibabel, by_nibabel_qform]
    if name.endswith((".nrrd", ".nhdr")):
        return [by_pynrrd] if sheared else [by_simpleitk, by_pynrrd]
    return [by_simpleitk]


def check(folder):
    checked, worst = 0, 0.0
    for name, file in json.loads((folder / "expected.json").read_text()).items():
        expected = {value: np.array(position) for value, position in file["voxels"]}
        for read in readers(name, file["sheared"]):
            values, grid = read(folder / name)
            assert values.size == len(expected), f"{name}: {values.shape}"
            assert str(values.dtype) == file["type"], f"{name}: {values.dtype}"
            for index in np.ndindex(values.shape):
                apart = np.abs((grid @ [*index, 1])[:3] - expected.pop(float(values[index]))).max()
                assert apart < 2e-4, f"{name}: {read.__name__}: {index} lies {apart} mm away"
                worst = max(worst, apart)
            expected = {value: np.array(position) for value, position in file["voxels"]}
            checked += 1
    print(f"{checked} readings agree, {worst:.1e} mm at most")
    assert checked > 1000


check(Path(sys.argv[1]))
