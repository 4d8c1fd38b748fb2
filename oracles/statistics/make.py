"""Writes truth.json beside itself (or into the folder given): see NOTE.md."""
import json, sys
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20210124)
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(value):
    """SplitMix64 (Steele, Lea and Flood 2014) of one counter."""
    z = (value + GOLDEN) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream(key):
    """The numbers that belong to a key of whole numbers."""
    state = 0
    for part in key:
        state = mix((mix(state) + part) & MASK)
    while True:
        state = (state + GOLDEN) & MASK
        yield mix(state)


def by_patient(values, patients):
    return [[v for v, p in zip(values, patients) if p == q] for q in sorted(set(patients))]


def clustered(values, patients, seed, resamples, level):
    """Percentile interval of the mean over cases: the same draws by numpy, other draws by scipy."""
    groups = by_patient(values, patients)
    sums, counts = np.array([sum(g) for g in groups]), np.array([len(g) for g in groups])
    means = []
    for i in range(resamples):
        bits = stream([seed, 1, i])
        drawn = [int((next(bits) >> 11) / 2**53 * len(groups)) for _ in groups]
        means.append(sums[drawn].sum() / counts[drawn].sum())
    tails = [50 * (1 - level), 50 * (1 + level)]
    scipy = stats.bootstrap(
        (np.arange(len(groups)),), lambda i, axis=-1: sums[i].sum(axis=axis) / counts[i].sum(axis=axis),
        n_resamples=100_000, confidence_level=level, method="percentile", rng=np.random.default_rng(7), batch=10_000,
    ).confidence_interval
    return {"values": values, "patients": patients, "seed": seed, "resamples": resamples, "level": level,
            "same_draws": np.percentile(means, tails).tolist(), "scipy": [float(scipy.low), float(scipy.high)],
            "sd_of_means": float(np.std(means))}


bootstrap = []
for cases, patients, level, seed in [(12, 12, 0.95, 1), (30, 11, 0.95, 42), (25, 25, 0.9, 3), (9, 3, 0.8, 2**40 + 5)]:
    values = rng.beta(6, 3, cases).round(5).tolist()
    bootstrap.append(clustered(values, rng.integers(0, patients, cases).tolist(), seed, 2_000, level))


def signed_rank(differences):
    found = stats.wilcoxon(differences)  # zero_method="wilcox", correction=False, method="auto"
    return {"differences": differences, "statistic": float(found.statistic), "p": float(found.pvalue)}


wilcoxon = []
for n in [1, 2, 5, 8, 13, 20, 50, 51, 120]:
    wilcoxon.append(signed_rank(rng.normal(0.3, 1, n).round(9).tolist()))  # no ties
    wilcoxon.append(signed_rank((rng.integers(-3, 6, n) / 8).tolist() if n > 2 else [0.5] * n))  # ties and zeros
    wilcoxon.append(signed_rank((np.sign(rng.normal(0.5, 1, n)) / 4).tolist()))  # all tied


def sign_flips(values, patients):
    """All arrangements, a sign for each patient."""
    sums = np.array([sum(g) for g in by_patient(values, patients)])
    found = stats.permutation_test((sums,), lambda x, axis=-1: x.sum(axis=axis), permutation_type="samples",
                                   vectorized=True, n_resamples=np.inf, batch=4096)
    return {"values": values, "patients": patients, "p": float(found.pvalue)}


permutation = []
for cases, patients in [(3, 3), (9, 9), (12, 12), (16, 16), (30, 12), (14, 4)]:
    values = rng.normal(0.02, 0.05, cases).round(6).tolist()
    permutation.append(sign_flips(values, list(range(cases)) if cases == patients else
                                  rng.integers(0, patients, cases).tolist()))
permutation.append(sign_flips([0.25, -0.25, 0.25, 0.5, 0.0, 0.25, -0.5, 0.75], list(range(8))))

drawn_values = rng.normal(0.01, 0.05, 70).round(6).tolist()
far = 0
for i in range(2_000):
    bits = stream([9, 2, i])
    words = [next(bits), next(bits)]
    signs = np.array([-1 if words[k // 64] >> (k % 64) & 1 else 1 for k in range(70)])
    far += abs(float(signs @ np.array(drawn_values))) >= abs(sum(drawn_values))
drawn = {"values": drawn_values, "seed": 9, "resamples": 2_000, "p": (far + 1) / 2_001,
         "normal": float(2 * stats.norm.sf(abs(sum(drawn_values)) / np.sqrt(np.sum(np.square(drawn_values)))))}

holm = []
for p in [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.9, 0.9, 0.04, 0.04, 1.0, 0.0], rng.random(12).round(4).tolist()]:
    holm.append({"p": p, "corrected": multipletests(p, method="holm")[1].tolist()})

bland_altman = []
for n, level in [(2, 0.95), (5, 0.95), (40, 0.95), (40, 0.9), (300, 0.99)]:
    d = rng.normal(-4, 12, n).round(4)
    t, sd = stats.t.ppf((1 + level) / 2, n - 1), np.std(d, ddof=1)
    limits = [np.mean(d) - 1.96 * sd, np.mean(d) + 1.96 * sd]
    error = sd * np.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))
    # The exact interval of a limit (Carkeet 2015), by the noncentral t: how good the usual formula is.
    g = stats.nct.ppf([(1 - level) / 2, (1 + level) / 2], n - 1, 1.96 * np.sqrt(n)) / np.sqrt(n)
    bland_altman.append({
        "differences": d.tolist(), "level": level, "bias": float(np.mean(d)), "sd": float(sd),
        "bias_interval": [float(x) for x in stats.t.interval(level, n - 1, np.mean(d), stats.sem(d))],
        "lower_interval": [float(limits[0] - t * error), float(limits[0] + t * error)],
        "upper_interval": [float(limits[1] - t * error), float(limits[1] + t * error)],
        "upper_exact": [float(np.mean(d) + g[0] * sd), float(np.mean(d) + g[1] * sd)],
    })

runs = rng.beta(6, 3, (4, 15)).round(5)
spread = {"runs": runs.tolist(), "means": runs.mean(axis=1).tolist(), "mean": float(runs.mean()),
          "sd": float(runs.mean(axis=1).std(ddof=1)), "case_sd": float(np.sqrt(runs.var(axis=0, ddof=1).mean()))}

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
truth = {"bootstrap": bootstrap, "wilcoxon": wilcoxon, "permutation": permutation, "drawn": drawn, "holm": holm,
         "bland_altman": bland_altman, "spread": spread}
(folder / "truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")
