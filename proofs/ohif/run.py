"""OHIF on Orthanc shows our segmentation on the right slices and the right side, in axial, coronal and sagittal."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "stage"))
import ours
import phantom
from archive import Archive
from report import Report, output_folder
from web import Site

# How radiologists' screens lie: which patient axis grows to the right and which grows downwards, with its sign.
SCREEN = {"axial": ((0, 1), (1, 1)), "coronal": ((0, 1), (2, -1)), "sagittal": ((1, 1), (2, -1))}
THROUGH = {"axial": 2, "coronal": 1, "sagittal": 0}


def points():
    """Points whose three planes tell one voxel from the next: the corner, the arms' last voxels, the ones beyond, the ball."""
    layout = next(layout for layout in phantom.layouts() if layout.name == "axial")
    affine, labels = layout.affine(), phantom.labels(layout.points())
    k, j, i = np.nonzero(labels == 1)
    tip = np.array([i.min(), j.min(), k.max()])
    at = lambda index: [float(v) for v in affine[:3, :3] @ index + affine[:3, 3]]
    middle = np.round(np.linalg.inv(affine[:3, :3]) @ (phantom.CORNER - affine[:3, 3])).astype(int)
    return layout, labels, {"corner": at(middle), "tips": at(tip), "beyond": at(tip + [-1, -1, 1]),
                            "ball": [float(v) for v in phantom.BALL]}


def expected(layout, labels, plane, point, view):
    """The labels that each pixel of the viewport must show."""
    width, height = round(view["box"]["width"]), round(view["box"]["height"])
    y, x = np.mgrid[:height, :width] + 0.5
    world = np.empty((height, width, 3))
    world[..., THROUGH[plane]] = point[THROUGH[plane]]
    for (axis, sign), pixel, middle in zip(SCREEN[plane], (x, y), (view["box"]["width"] / 2, view["box"]["height"] / 2)):
        world[..., axis] = view["focalPoint"][axis] + sign * (pixel - middle) * view["mmPerPixel"]
    affine = layout.affine()
    index = np.round((world - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T).astype(int)
    inside = np.all((index >= 0) & (index < [layout.columns, layout.rows, layout.slices]), axis=-1)
    i, j, k = np.where(inside[..., None], index, 0).transpose(2, 0, 1)
    return np.where(inside, labels[k, j, i], 0)


def coloured(path):
    """Pixels in the colour that our object recommends for segment 1 (red), and for segment 2 (orange)."""
    pixel = np.asarray(Image.open(path).convert("RGB")).astype(int)
    red, green, blue = pixel.transpose(2, 0, 1)
    is_orange = (green - blue > 40) & (red > green)
    return (red - np.maximum(green, blue) > 30) & ~is_orange, is_orange


def dice(a, b):
    total = a.sum() + b.sum()
    return 2 * (a & b).sum() / total if total else 1.0


def judge(report, out, kind):
    """Compares every picture with what it must show."""
    layout, labels, wanted = points()
    seen = json.loads((out / "seen.json").read_text())
    numbers = sorted(segment["number"] for segment in seen["segments"])
    report.same(f"{kind}: segments the viewer lists", [n for n in numbers if n], [1, 2])
    for name, views in seen["points"].items():
        for view in views:
            plane = next(plane for plane in SCREEN if plane in view["id"])
            is_red, is_orange = coloured(out / f"{name}-{view['id']}.png")
            must = expected(layout, labels, plane, wanted[name], view)
            must = must[:is_red.shape[0], :is_red.shape[1]]
            for segment, found in ((1, is_red), (2, is_orange)):
                truth = must == segment
                if not truth.any() and not found.any():
                    report.check(f"{kind}: {name}, {plane}: no segment {segment}", True)
                    continue
                overlap = dice(found, truth)
                mirrored = max(dice(found, truth[::-1]), dice(found, truth[:, ::-1]), dice(found, truth[::-1, ::-1]))
                report.check(f"{kind}: {name}, {plane}: segment {segment} where it must be", overlap > max(0.9, mirrored + 0.15),
                             f"Dice {overlap:.3f} in {truth.sum()} pixels, best mirrored {mirrored:.3f}")


def show(report, archive, slices, segmentation, out, kind):
    """Stores the study, opens it and judges the pictures."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    archive.clear()
    if not report.same(f"{kind}: stored", archive.stow([*slices, segmentation]), ""):
        return
    ct, made = (pydicom.dcmread(path, stop_before_pixels=True) for path in (slices[0], segmentation))
    npm = Path(os.environ["PROOF_NPM"])
    settings = {"playwright": str(npm / "playwright-core-1.65.1/package"), "browser": shutil.which("chromium-headless-shell"),
                "study": ct.StudyInstanceUID, "ct": ct.SeriesInstanceUID, "segmentation": made.SeriesInstanceUID,
                "points": points()[2], "out": str(out)}
    config = (HERE / "app-config.js").read_bytes()
    with Site(npm / "ohif-app-3.13.2/package/dist", archive.url, {"/app-config.js": config}) as site:
        settings["url"] = site.url
        (out / "settings.json").write_text(json.dumps(settings, indent=1))
        done = subprocess.run(["node", str(HERE / "look.mjs"), str(out / "settings.json")], capture_output=True, text=True)
    if report.same(f"{kind}: the viewer opened it", (done.stdout + done.stderr).strip(), ""):
        judge(report, out, kind)


def main():
    report, out = Report(), output_folder()
    phantom.make(out / "phantom")
    slices = sorted((out / "phantom/axial/ct").glob("*.dcm"))
    with Archive(out / "archive") as archive:
        for kind in ours.SEGMENTATIONS:
            made = ours.segmentation(out / "phantom/axial", out / f"{kind}.dcm", kind)
            show(report, archive, slices, made, out / kind, kind)
    print(f"pictures to look at: {out}/*/corner.png")
    report.end()


main()
