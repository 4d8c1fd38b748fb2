"""De-identified studies: Orthanc takes them, dciodvfy finds nothing new, voxels and places are the same, nobody is named."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pydicom
import requests
import SimpleITK as sitk

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "readers"), str(HERE.parent / "stage")]
import conformance
import ours
import phantom
from archive import Archive
from report import Report, output_folder

SETTINGS = {"strict": [], "kept": ["--shift-dates", "--keep-characteristics", "--cap-age", "--keep-device"]}


def secrets(layout, number):
    """Byte strings of the source that must not be in what comes out: names in their own encoding, numbers, UIDs."""
    character_set = layout.character_set
    encodings = pydicom.charset.convert_encodings(character_set)
    parts = [part for group in layout.patient_name.split("=") for part in group.split("^") if part]
    words = [pydicom.charset.encode_string(part, encodings) for part in parts]
    words += [f"PHANTOM-{number}".encode(), f"PH-{number:05}".encode(), b"Nobody", b"Hospital of Nowhere", f"{phantom.ROOT}.{number}".encode()]
    return [word for word in words if len(word) > 3]


def main():
    report, out = Report(), output_folder()
    shutil.rmtree(out / "shared", ignore_errors=True)
    made = phantom.make(out / "phantom")
    for number, (name, (layout, hu, _)) in enumerate(made.items(), start=1):
        for setting, words in SETTINGS.items():
            what, source, target = f"{name}, {setting}", out / "phantom" / name / "ct", out / "shared" / setting / name
            target.parent.mkdir(parents=True, exist_ok=True)
            said = ours.pulmo("deidentify", source, target, "--key", out / "project.key", *words)
            files = sorted(path for path in target.rglob("*") if path.is_file())
            images = [path for path in files if path.suffix == ".dcm"]
            report.same(f"{what}: files", len(images), layout.slices)
            told = b"".join(path.read_bytes() + str(path.relative_to(target)).encode() for path in files) + said.encode()
            names = [word for word in secrets(layout, number) if word in told]
            report.check(f"{what}: names nobody", not names, f"{len(names)} strings of the source are left" if names else "")
            volume = sitk.ImageSeriesReader()
            by_place = sorted(images, key=lambda path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]))
            volume.SetFileNames([str(path) for path in by_place])
            values = sitk.GetArrayFromImage(volume.Execute())
            report.check(f"{what}: SimpleITK reads the same HU", values.shape == hu.shape and bool((values == hu).all()))
            corners = [pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient for path in (by_place[0], by_place[-1])]
            affine = layout.affine()
            wanted = [affine[:3, 3] + affine[:3, 2] * k for k in (0, layout.slices - 1)]
            report.check(f"{what}: the same places", np.allclose(np.array(corners, float), wanted, atol=1e-4))
            conformance.check(report, what, images[0], sorted(source.glob("*.dcm"))[0])
    with Archive(out / "archive") as archive:
        for setting in SETTINGS:
            images = sorted((out / "shared" / setting).rglob("*.dcm"))
            for way in (archive.c_store, archive.stow):
                archive.clear()
                how = "C-STORE" if way == archive.c_store else "STOW"
                report.same(f"{setting}: accepted by {how}", way(images), "")
                count = requests.get(f"{archive.url}/statistics", timeout=30).json()
                report.same(f"{setting}: patients, studies, series, images after {how}",
                            tuple(count[f"Count{level}"] for level in ("Patients", "Studies", "Series", "Instances")),
                            (len(made), len(made), len(made), len(images)))
            report.check(f"{setting}: WADO-RS gives them back as they are",
                         all(archive.wado(path) == path.read_bytes() for path in images[:: max(1, len(images) // 20)]))
    report.end()


main()
