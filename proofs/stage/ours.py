"""How the proofs run `pulmo`."""

import os
import subprocess
import sys
from pathlib import Path

SEGMENTATIONS = ["seg", "seg-labelmap"]


def pulmo(*words, fails=False):
    """Runs `pulmo`; gives what it prints. Ends the proof where it fails, unless that is what is wanted."""
    program = os.environ.get("PULMO") or sys.exit("run this as `cargo xtask proof NAME`")
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"`pulmo {' '.join(map(str, words))}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def segmentation(place, out, kind="seg"):
    """A segmentation of `place/labels.nii.gz` on the series `place/ct`."""
    pulmo("convert", Path(place) / "labels.nii.gz", out, "--to", kind, "--source", Path(place) / "ct", "--overwrite")
    return Path(out)
