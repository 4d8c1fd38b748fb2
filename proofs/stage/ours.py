"""How the proofs run `pulmo`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SEGMENTATIONS = ["seg", "seg-labelmap"]
# What the phantom's labels are called in our objects.
NAMES = {1: "opacity", 2: "ground_glass"}
# All runs say the same moment, so that the same input gives the same bytes.
MOMENT = "1709201730"


def pulmo(*words, fails=False):
    """Runs `pulmo`; gives what it prints. Ends the proof where it fails, unless that is what is wanted."""
    program = os.environ.get("PULMO") or sys.exit("run this as `cargo xtask proof NAME`")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": MOMENT}
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, env=environment)
    if (done.returncode != 0) != fails:
        sys.exit(f"`pulmo {' '.join(map(str, words))}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _labels(place):
    """The words that name the labels which are there."""
    import nibabel
    import numpy as np
    present = np.unique(np.asanyarray(nibabel.load(Path(place) / "labels.nii.gz").dataobj))
    return [word for value in present if value for word in ("--label", f"{int(value)}={NAMES[int(value)]}")]


def segmentation(place, out, kind="seg"):
    """A segmentation of `place/labels.nii.gz` on the series `place/ct`."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    pulmo("convert", Path(place) / "labels.nii.gz", out, "--to", kind, "--ct", Path(place) / "ct", *_labels(place), "--force")
    return Path(out)


def fractional(place, out):
    """A fractional segmentation of `place/probabilities.nii.gz`."""
    pulmo("convert", Path(place) / "probabilities.nii.gz", out, "--to", "seg-fractional", "--ct", Path(place) / "ct", "--force")
    return Path(out)


def pdf():
    """The smallest PDF with a page: a title and nothing else."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] >>"]
    text, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    return (text + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + table + trailer).encode()


# A network that learns nothing: its first weights mark a part of the body as opacity, air and bone in it. Which part is no
# matter, as long as some of it lies at or above the cuts.
UNTRAINED = """name = "untrained"
seed = 2
network = { architecture = "unet", input_channels = 1, classes = 2, widths = [4, 8] }
input.grid = { mode = "whole", size = [8, 24, 24] }
input.intensity = { kind = "window", center_hu = -450.0, width_hu = 1300.0 }
input.foreground_labels = [1, 2]
training.phase = [{ name = "one", epochs = 1, learning_rate = 1e-9 }]
"""
LIST = """name = "phantom"
labels = { 1 = "infiltrate" }
[[case]]
name = "phantom"
image = "%s"
labels = "%s"
patient = "1"
split = "train"
"""


def model(place, folder):
    """A model that `pulmo train` writes for the series at `place`."""
    place, folder = Path(place).resolve(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(UNTRAINED)
    (folder / "data.toml").write_text(LIST % (place / "ct", place / "labels.nii.gz"))
    shutil.rmtree(folder / "run", ignore_errors=True)
    pulmo("train", folder / "recipe.toml", "--data", folder / "data.toml", "-o", folder / "run")
    return folder / "run" / "model.safetensors"


def measured(place, weights, folder):
    """The measurement report of `pulmo run`, with attenuation, and the quantities of its report.json."""
    shutil.rmtree(folder, ignore_errors=True)
    pulmo("run", Path(place) / "ct", "-m", weights, "-o", folder, "--case", "case", "--dicom", "seg,sr")
    case = Path(folder) / "case"
    return case / "sr.dcm", json.loads((case / "report.json").read_text())["quantities"]


def objects(place, folder):
    """Every kind of object for a series of the phantom, as {kind: path}."""
    place, folder = Path(place), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labels, source, names = place / "labels.nii.gz", ["--ct", place / "ct", "--force"], _labels(place)
    made = {kind: segmentation(place, folder / f"{kind}.dcm", kind) for kind in SEGMENTATIONS}
    made["seg-fractional"] = fractional(place, folder / "seg-fractional.dcm")
    made["rtstruct"], made["sr"] = folder / "rtstruct.dcm", folder / "sr.dcm"
    pulmo("convert", labels, made["rtstruct"], "--to", "rtstruct", *source, *names)
    # Made from the segmentation, so that it refers to it.
    pulmo("convert", made["seg"], made["sr"], "--to", "sr", "--lungs", place / "lungs.nii.gz", *source)
    (folder / "report.pdf").write_bytes(pdf())
    made["pdf"] = folder / "pdf.dcm"
    pulmo("convert", folder / "report.pdf", made["pdf"], "--to", "pdf", *source)
    pulmo("convert", labels, folder / "capture", "--to", "capture", *source, *names)
    pictures = sorted((folder / "capture").glob("*.dcm"))
    made.update({f"capture {number}": path for number, path in enumerate(pictures, start=1)})
    return made
