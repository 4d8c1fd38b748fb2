"""dciodvfy: the errors of an object, but for those its source CT has already."""

import re
import subprocess


def errors(path):
    """The errors that dciodvfy reports for a file, without values and numbers of items."""
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace")
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith("Error")]


def kind_of(line):
    """What an error is about: without paths, items and values."""
    return re.sub(r"</[^>]*>|<[^>]*>|\[\d+\]", "", line)


def check(report, what, path, source, unknown_class=False):
    """No error that the source does not have."""
    found = errors(path)
    if unknown_class:
        # Segment 0 is the background since label maps exist; the tool is older and counts from 1.
        known = ("Information Object Not found", "SegmentNumber not monotonically increasing")
        new = [line for line in found if not any(part in line for part in known)]
        return report.check(f"{what}: dciodvfy, which does not know the class, finds nothing else", not new, "; ".join(new[:6]))
    own = {kind_of(line) for line in errors(source)}
    new = [line for line in found if kind_of(line) not in own]
    return report.check(f"{what}: dciodvfy", not new, "; ".join(new[:6]))
