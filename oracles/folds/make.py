"""Writes truth.json: the folds that nnU-Net deals of COVID-19-CT-Seg's twenty cases."""

import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold

RADIOPAEDIA = "4_85506_1 7_85703_0 10_85902_1 10_85902_3 14_85914_0 27_86410_0 29_86490_1 29_86491_1 36_86526_0 40_86625_0"


def main():
    names = [f"coronacases_{number:03d}" for number in range(1, 11)]
    names = np.sort(names + [f"radiopaedia_{name}" for name in RADIOPAEDIA.split()])
    deal = list(KFold(n_splits=5, shuffle=True, random_state=12345).split(names))
    few = [{"train": names[held].tolist(), "val": names[others].tolist()} for others, held in deal]
    many = [{"train": names[others].tolist(), "val": names[held].tolist()} for others, held in deal]
    truth = {"ma_2021": few, "nnunet_covid_19_ct_seg": many}
    Path(__file__).with_name("truth.json").write_text(json.dumps(truth, indent=1) + "\n")


main()
