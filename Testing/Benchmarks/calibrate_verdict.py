"""Fit the verdict's rule to results of hard_cases.py and imaginary_patients.py; say how well it tells right from wrong.

    python Testing/Benchmarks/calibrate_verdict.py bench-output/hard/results.json bench-output/imaginary.json

prints the weights to put into xvrcore/confidence.py. Every figure of merit is cross-validated by leaving out one case
at a time, with all of its modes.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu

from xvrcore.confidence import DOUBTFUL, LEAST_EXPLAINED, OFFSET, REGISTERED, WEIGHTS, Evidence, features

RIDGE = 0.05
"""Keeps the weights finite where a few cases would separate perfectly."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    rows = [row for path in options.results for row in json.loads(path.read_text())["rows"] if "scores" in row]
    evidence = [Evidence(**row["scores"]) for row in rows]
    x = np.array([np.r_[features(e), 1] for e in evidence])
    success = np.array([row["success"] for row in rows], float)
    names = np.array([row["name"] for row in rows])
    weights = fit(x, success)
    print(f"{len(rows)} registrations of {len(set(names))} cases, {success.mean():.0%} right")
    print(f"WEIGHTS, OFFSET = np.array({np.round(weights[:-1], 1).tolist()}), {weights[-1]:.1f}")
    held_out = np.empty(len(rows))
    for name in set(names):
        own = names == name
        held_out[own] = sigmoid(x[own] @ fit(x[~own], success[~own]))
    told = np.array([e.explained_share >= LEAST_EXPLAINED for e in evidence])
    report("fitted here, held out", np.where(told, held_out, np.minimum(held_out, REGISTERED - 0.01)), success)
    now = sigmoid(x @ np.r_[WEIGHTS, OFFSET])
    report("as in xvrcore now", np.where(told, now, np.minimum(now, REGISTERED - 0.01)), success)
    for name in ("similarity", "coarse_similarity"):
        report(f"{name} alone", np.array([getattr(e, name) for e in evidence]), success)


def fit(x: np.ndarray, success: np.ndarray) -> np.ndarray:
    """Logistic regression; the last column of ``x`` (N, F) is the constant."""
    def loss(weights):
        margin = np.where(success > 0, 1, -1) * (x @ weights)
        return np.logaddexp(0, -margin).sum() + RIDGE / 2 * (weights[:-1] ** 2).sum()
    return minimize(loss, np.zeros(x.shape[1])).x


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def report(title: str, confidence: np.ndarray, success: np.ndarray) -> None:
    """AUC, and what the thresholds make of right and wrong."""
    good, bad = confidence[success > 0], confidence[success == 0]
    auc = mannwhitneyu(good, bad).statistic / (len(good) * len(bad))
    print(f"{title:24s} AUC {auc:.4f}  false registered {np.sum(bad >= REGISTERED)} of {len(bad)}  "
          f"right and registered {np.sum(good >= REGISTERED)}, doubtful "
          f"{np.sum((good < REGISTERED) & (good >= DOUBTFUL))}, missed {np.sum(good < DOUBTFUL)} of {len(good)}")


if __name__ == "__main__":
    main()
