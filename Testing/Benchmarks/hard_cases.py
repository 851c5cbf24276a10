"""How registration does on hard X-rays, and what it says about its own failures.

    python Testing/Benchmarks/hard_cases.py --count 12 --folder bench-output/hard

makes the cases of ``cases.py`` once (they stay in the folder), registers each of them from the header and without the
header's angles, prints a table for each mode, and writes every case's errors and scores to ``results.json``: the
figures on which the verdict's rule is set.
"""

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from cases import KINDS, Case, make_cases
from scipy.stats import mannwhitneyu

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.cli.progress import follow
from xvrcore.errors import InputError, WorkError
from xvrcore.evaluation import SUCCESS_MRPD_MM, evaluate
from xvrcore.patient import Patient
from xvrcore.registration import RegistrationSettings, register
from xvrcore.truth import read_truth
from xvrcore.volume_io import read_volume
from xvrcore.xray_io import read_radiograph

MODES = ("header", "ignore-angles")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=6, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the cases and of the registrations")
    parser.add_argument("--folder", type=Path, default=Path("bench-output/hard"), help="where cases are kept")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS, metavar="KIND",
                        help=f"of {', '.join(KINDS)}")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--patience-s", type=float, default=RegistrationSettings.patience_s)
    parser.add_argument("--only-make", action="store_true", help="make the cases, register none")
    options = parser.parse_args()
    cases = make_cases(options.folder, options.count, options.seed, options.kinds)
    if options.only_make:
        print(f"{len(cases)} cases in {options.folder}")
        return
    settings = RegistrationSettings(seed=options.seed, patience_s=options.patience_s)
    rows = []
    for row in run_all(cases, options.folder, options.modes, settings):
        rows.append(row)
        print(one_line(row), flush=True)
        (options.folder / "results.json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    for mode in options.modes:
        print(table([row for row in rows if row["mode"] == mode], mode))


def run_all(cases: list[Case], folder: Path, modes: Iterable[str], settings: RegistrationSettings):
    """Register every case in every mode; each CT is prepared once."""
    for ct in sorted({case.ct for case in cases}):
        volume = read_volume(folder / ct, "ct")
        patient = Patient(attenuation_from_ct(volume), volume)
        for case in cases:
            if case.ct == ct:
                for mode in modes:
                    yield run_case(case, folder, patient, mode, settings)


def run_case(case: Case, folder: Path, patient: Patient, mode: str, settings: RegistrationSettings) -> dict:
    """One registration as a flat record: what is right, what was said, how wrong it was."""
    record = {"name": case.name, "kind": case.kind, "mode": mode, "right": case.right}
    began = time.perf_counter()
    try:
        radiograph = read_radiograph(folder / case.dicom)
        if mode == "ignore-angles":
            radiograph = radiograph.without_angles()
        result = follow(register(radiograph, patient, settings), lambda progress: None)
    except (InputError, WorkError) as error:
        return record | {"verdict": "error", "error": str(error), "confidence": 0.0, "success": False,
                         "seconds": time.perf_counter() - began}
    record |= {"verdict": result.verdict.label, "confidence": result.verdict.confidence,
               "scores": {name: float(value) for name, value in result.scores.items()}, "success": False,
               "seconds": time.perf_counter() - began}
    if case.right == "registered":
        truth = read_truth(folder / case.truth)
        found, start = evaluate(result.camera, truth), evaluate(result.initial, truth)
        record |= {"mrpd_mm": found.mrpd_mm, "mtre_mm": found.mtre_mm, "rotation_deg": found.rotation_deg,
                   "start_mrpd_mm": start.mrpd_mm, "start_mtre_mm": start.mtre_mm, "success": found.success()}
    return record


def one_line(row: dict) -> str:
    error = f"mRPD {row['mrpd_mm']:7.2f} mTRE {row['mtre_mm']:7.2f}" if "mrpd_mm" in row else row.get("error", "")[:60]
    flag = "FALSE" if is_false(row) else ""
    return (f"{row['name']:34s} {row['mode']:14s} {row['verdict']:10s} {row['confidence']:5.2f} "
            f"{row['seconds']:5.1f} s {error} {flag}")


def is_false(row: dict) -> bool:
    """Called registered, but the X-ray shows something else, or the pose is wrong."""
    return row["verdict"] == "registered" and not row["success"]


def table(rows: list[dict], mode: str) -> str:
    """A line for each kind: successes, median errors, verdicts, false ones, seconds; then all together."""
    lines = [f"\n{mode}: success is mRPD < {SUCCESS_MRPD_MM:g} mm",
             f"{'kind':24s} {'n':>3s} {'<2mm':>5s} {'<1mm':>5s} {'mRPD':>7s} {'mTRE':>7s} "
             f"{'reg/doubt/fail':>15s} {'false':>5s} {'missed':>6s} {'s':>6s}"]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        lines.append(_table_line(kind, [row for row in rows if row["kind"] == kind]))
    lines.append(_table_line("all", rows))
    lines.append(f"AUC of the confidence for success: {auc(rows):.4f}")
    return "\n".join(lines)


def _table_line(name: str, rows: list[dict]) -> str:
    errors = np.array([row["mrpd_mm"] for row in rows if "mrpd_mm" in row])
    targets = np.array([row["mtre_mm"] for row in rows if "mtre_mm" in row])
    shares = [f"{np.mean(errors < limit):5.0%}" if errors.size else f"{'-':>5s}" for limit in (2, 1)]
    medians = [f"{np.median(one):7.2f}" if one.size else f"{'-':>7s}" for one in (errors, targets)]
    verdicts = [row["verdict"].replace("error", "failed") for row in rows]
    labels = [verdicts.count(said) for said in ("registered", "doubtful", "failed")]
    missed = sum(row["success"] and row["verdict"] != "registered" for row in rows)
    return (f"{name:24s} {len(rows):3d} {shares[0]} {shares[1]} {medians[0]} {medians[1]} "
            f"{'/'.join(map(str, labels)):>15s} {sum(map(is_false, rows)):5d} {missed:6d} "
            f"{np.median([row['seconds'] for row in rows]):6.1f}")


def auc(rows: list[dict]) -> float:
    """Area under the curve: how often a success is trusted more than a failure; NaN if all are one."""
    good = [row["confidence"] for row in rows if row["success"]]
    bad = [row["confidence"] for row in rows if not row["success"]]
    return float(mannwhitneyu(good, bad).statistic / (len(good) * len(bad))) if good and bad else float("nan")


if __name__ == "__main__":
    main()
