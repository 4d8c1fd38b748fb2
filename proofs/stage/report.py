"""What a proof says: one line per check, and whether all held."""

import os
import sys
from pathlib import Path


class Report:
    """Prints each check and remembers what failed."""

    def __init__(self):
        self.held, self.failed = 0, []

    def check(self, what, holds, found=""):
        """One check; `found` is shown in either case."""
        found = f": {found}" if found != "" else ""
        print(f"{'ok    ' if holds else 'FAILED'}  {what}{found}", flush=True)
        if holds:
            self.held += 1
        else:
            self.failed.append(what)
        return holds

    def same(self, what, found, expected):
        """Checks equality and shows both values where they differ."""
        return self.check(what, found == expected, "" if found == expected else f"found {found}, expected {expected}")

    def end(self):
        """Says how many checks held and leaves with 0 or 1."""
        print(f"{self.held} checks held, {len(self.failed)} failed")
        sys.exit(1 if self.failed else 0)


def output_folder():
    """The folder that `cargo xtask proof` gives this proof."""
    folder = Path(os.environ.get("PROOF_OUT") or sys.exit("run this as `cargo xtask proof NAME`"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
