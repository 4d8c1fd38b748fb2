"""What highdicom, dcmqi, pydicom and dsrdump read in a measurement report."""

import json
import subprocess
import tempfile
from pathlib import Path

import highdicom as hd
import pydicom
from segmentations import program


def by_pydicom(path):
    """(what, value, unit code) of every number in the content tree."""
    found = []

    def walk(items):
        for item in items:
            if item.ValueType == "NUM" and item.MeasuredValueSequence:
                measured = item.MeasuredValueSequence[0]
                found.append((item.ConceptNameCodeSequence[0].CodeValue, float(measured.NumericValue),
                              measured.MeasurementUnitsCodeSequence[0].CodeValue))
            walk(item.get("ContentSequence", []))

    walk(pydicom.dcmread(path).ContentSequence)
    return found


def by_highdicom(path):
    """The same through its templates for measurement groups."""
    report = hd.sr.srread(path)
    groups = (report.content.get_volumetric_roi_measurement_groups()
              + report.content.get_image_measurement_groups() + report.content.get_planar_roi_measurement_groups())
    return [(number.name.value, float(number.value), number.unit.value) for group in groups for number in group.get_measurements()]


def by_dcmqi(path):
    """The same through tid1500reader."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "report.json"
        done = subprocess.run([program("tid1500reader"), "--inputDICOM", str(path), "--outputMetadata", str(target)],
                              capture_output=True, text=True)
        if done.returncode or not target.is_file():
            raise RuntimeError((done.stdout + done.stderr)[-400:])
        groups = json.loads(target.read_text(errors="replace"))["Measurements"]
    return [(item["quantity"]["CodeValue"], float(item["value"]), item["units"]["CodeValue"])
            for group in groups for item in group.get("measurementItems", [])]


def by_dsrdump(path):
    """DCMTK's own reading: what it complains of."""
    done = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True, errors="replace")
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "F:"))]
    return lines if lines or done.returncode == 0 else [f"exit status {done.returncode}"]


def check(report, what, path, expected):
    """Every (code, value, unit) of `expected` is found by all three, and all three find the same numbers."""
    near = lambda a, b: a[0] == b[0] and a[2] == b[2] and abs(a[1] - b[1]) <= 1e-5 * max(1, abs(b[1]))
    first = None
    for reader, read in (("pydicom", by_pydicom), ("highdicom", by_highdicom), ("dcmqi", by_dcmqi)):
        try:
            found = read(path)
        except Exception as error:
            report.check(f"{what}: {reader}", False, f"{type(error).__name__}: {error}"[:300])
            continue
        missing = [one for one in expected if not any(near(other, one) for other in found)]
        report.check(f"{what}: {reader} finds the volumes and shares", not missing,
                     f"missing {missing} in {found}" if missing else f"{len(found)} numbers")
        if first is None:
            first = sorted(found)
        else:
            same = len(found) == len(first) and all(near(a, b) for a, b in zip(sorted(found), first))
            report.check(f"{what}: {reader} finds what pydicom finds", same, "" if same else f"{sorted(found)} against {first}")
    report.same(f"{what}: dsrdump", by_dsrdump(path), [])
