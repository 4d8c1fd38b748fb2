"""Orthanc takes every kind of our objects by C-STORE and STOW, gives them back the same, and a second run adds nothing."""

import sys
from pathlib import Path

import pydicom
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stage"))
import ours
import phantom
from archive import Archive
from report import Report, output_folder

# DCMTK of Debian 12 is older than this class and does not send what it does not know.
UNKNOWN_TO_DCMTK = {"1.2.840.10008.5.1.4.1.1.66.7"}


def data_set(file):
    """The bytes after the file's meta header, which each sender writes anew."""
    # Preamble and mark, then the group's length as the value of the header's first element.
    return file[144 + int.from_bytes(file[140:144], "little"):]


def same_answer(report, archive, what, path):
    """The archive's DICOM JSON says of every element that is no bulk what the file says."""
    told, file = archive.metadata(path), pydicom.dcmread(path, stop_before_pixels=True)
    wrong = []
    for element in file:
        if element.VR in ("OB", "OW", "UN") or element.tag.element == 0 or element.tag == 0x00080005:
            continue
        found = told.get(f"{element.tag:08X}")
        own = element.to_json_dict(None, 1024)
        if found is None:
            wrong.append(f"{element.tag} is missing")
        elif element.VR in ("PN", "LO", "SH", "UI", "DA", "TM", "CS", "AS", "ST", "LT") and found.get("Value") != own.get("Value"):
            wrong.append(f"{element.tag} differs")
    report.check(f"{what}: DICOMweb metadata say the same", not wrong, ", ".join(wrong[:5]))


def main():
    report, out = Report(), output_folder()
    phantom.make(out / "phantom")
    with Archive(out / "archive") as archive:
        for layout in phantom.layouts():
            place = out / "phantom" / layout.name
            slices = sorted((place / "ct").glob("*.dcm"))
            objects = ours.objects(place, out / "objects" / layout.name)
            for way in ("C-STORE", "STOW"):
                archive.clear()
                report.same(f"{layout.name}: CT by {way}", (archive.c_store if way == "C-STORE" else archive.stow)(slices), "")
                for kind, path in objects.items():
                    what = f"{layout.name}, {kind}, {way}"
                    sop_class = pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID
                    if way == "C-STORE" and sop_class in UNKNOWN_TO_DCMTK:
                        print(f"left out  {what}: storescu does not know the class")
                        continue
                    if not report.same(f"{what}: accepted", (archive.c_store if way == "C-STORE" else archive.stow)([path]), ""):
                        continue
                    file = path.read_bytes()
                    report.check(f"{what}: kept as sent", data_set(archive.kept(path)) == data_set(file))
                    report.check(f"{what}: WADO-RS gives it back", data_set(archive.wado(path)) == data_set(file))
                    if way == "STOW":
                        same_answer(report, archive, what, path)
            count = requests.get(f"{archive.url}/statistics", timeout=30).json()
            again = ours.objects(place, out / "again" / layout.name)
            report.same(f"{layout.name}: a second run by STOW", archive.stow(list(again.values())), "")
            now = requests.get(f"{archive.url}/statistics", timeout=30).json()
            for name in ("CountInstances", "CountSeries", "CountStudies", "CountPatients"):
                report.same(f"{layout.name}: {name} after a second run", now[name], count[name])
            report.same(f"{layout.name}: one patient, one study", (now["CountPatients"], now["CountStudies"]), (1, 1))
    report.end()


main()
