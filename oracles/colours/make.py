"""Makes truth.json: colours as colour-blind eyes see them, and how far apart; see NOTE.md."""

import json
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
import colour

WHITE = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"]
EYES = {"deuteranopia": "Deuteranomaly", "protanopia": "Protanomaly", "tritanopia": "Tritanomaly"}


def lab(code, eyes):
    """CIE L*a*b* of an sRGB colour as these eyes see it."""
    linear = colour.models.eotf_sRGB(np.array(code) / 255)
    if eyes != "usual":
        linear = np.clip(colour.blindness.CVD_MATRICES_MACHADO2010[EYES[eyes]][1.0] @ linear, 0, 1)
    return colour.XYZ_to_Lab(colour.RGB_to_XYZ(linear, "sRGB", apply_cctf_decoding=False), WHITE)


def main():
    random = np.random.default_rng(3)
    pairs = [([0, 114, 178], [213, 94, 0]), ([0, 158, 115], [204, 121, 167]), ([86, 180, 233], [230, 159, 0]),
             # Black and white, grey beside nearly the same, both sides of hue 0, the region of blue.
             ([0, 0, 0], [255, 255, 255]), ([120, 120, 120], [121, 120, 120]), ([200, 60, 90], [200, 60, 110]),
             ([20, 20, 200], [60, 20, 200])]
    pairs += [tuple(random.integers(0, 256, (2, 3)).tolist()) for _ in range(13)]
    found = []
    for one, other in pairs:
        for eyes in ["usual", *EYES]:
            seen = [lab(code, eyes) for code in (one, other)]
            found.append({"colours": [one, other], "eyes": eyes, "lab": [list(map(float, s)) for s in seen],
                          "ciede2000": float(colour.delta_E(*seen, method="CIE 2000"))})
    text = ",\n".join(json.dumps(one) for one in found)
    (Path(__file__).parent / "truth.json").write_text(f"[\n{text}\n]\n")


main()
