"""highdicom, pydicom, dcmqi, DCMTK, plastimatch and rt-utils read our objects with the same voxels and numbers; dciodvfy agrees."""

import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "stage")]
warnings.filterwarnings("ignore")

import conformance
import contours
import documents
import ours
import phantom
import reports
import segmentations
from report import Report, output_folder

VOLUME, SHARE = "118565006", "113288"
# What rt-utils and plastimatch call the structures.
ROI = {1: "Opacity", 2: "Ground glass opacity"}


def numbers(layout, label):
    """What the report must tell: the volumes of the labels and of the lungs in mL, and their shares of the lungs."""
    voxel_ml = abs(np.linalg.det(layout.affine()[:3, :3])) / 1000
    lung = phantom.lungs(layout.points())
    whole = np.count_nonzero(lung) * voxel_ml
    found = [(VOLUME, whole, "mL")]
    for value in np.unique(label[label != 0]):
        found.append((VOLUME, np.count_nonzero(label == value) * voxel_ml, "mL"))
        found.append((SHARE, np.count_nonzero((label == value) & (lung != 0)) * voxel_ml / whole * 100, "%"))
    return found


def attenuation(found):
    """What the report of `pulmo run` must tell of the opacity: its volume, and volume and share at or above each cut.

    `found` is what report.json says; these numbers have an oracle of their own (oracles/quantities).
    """
    numbers = [(VOLUME, found["opacity"]["total_ml"], "mL")]
    cuts = found["attenuation"]["cuts"]
    assert [cut["cut_hu"] for cut in cuts] == [-300, -200] and all(cut["higher_ml"] > 1 for cut in cuts), cuts
    for cut in cuts:
        numbers += [(VOLUME, cut["higher_ml"], "mL"), (SHARE, cut["higher_percent"], "%")]
    return numbers


def main():
    report, out = Report(), output_folder()
    for name, (layout, _, label) in phantom.make(out / "phantom").items():
        place = out / "phantom" / name
        source = place / "ct"
        first = sorted(source.glob("*.dcm"))[0]
        made = ours.objects(place, out / "objects" / name)
        voxels = {int(value): label == value for value in np.unique(label[label != 0])}
        for kind in ours.SEGMENTATIONS:
            segmentations.check(report, f"{name}, {kind}", made[kind], layout, voxels, source)
        likely = {1: phantom.probabilities(layout.points()).astype(float)}
        segmentations.check(report, f"{name}, seg-fractional", made["seg-fractional"], layout, likely, source)
        contours.check(report, f"{name}, rtstruct", made["rtstruct"], layout, {ROI[v]: m for v, m in voxels.items()}, source)
        reports.check(report, f"{name}, sr", made["sr"], numbers(layout, label))
        documents.check_pdf(report, f"{name}, pdf", made["pdf"], ours.pdf())
        pictures = [path for kind, path in made.items() if kind.startswith("capture")]
        documents.check_pictures(report, f"{name}, capture", pictures, source, layout)
        for kind, path in made.items():
            if not kind.startswith("capture") or kind == "capture 1":
                conformance.check(report, f"{name}, {kind}", path, first, unknown_class=kind == "seg-labelmap")
    place = out / "phantom" / "axial"
    path, found = ours.measured(place, ours.model(place, out / "model"), out / "run")
    reports.check(report, "axial, sr of pulmo run", path, attenuation(found))
    conformance.check(report, "axial, sr of pulmo run", path, sorted((place / "ct").glob("*.dcm"))[0], unknown_class=False)
    report.end()


main()
