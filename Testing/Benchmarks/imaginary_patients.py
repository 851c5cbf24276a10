"""X-rays of imaginary patients registered to their own CT, and to another's of the same outline.

    python Testing/Benchmarks/imaginary_patients.py --count 36

The bodies are alike and only the bones tell them apart: the temptation for a verdict to call a wrong patient right.
Writes ``imaginary.json``, in the form of the results of ``hard_cases.py``, for ``calibrate_verdict.py``.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
import imaginary_patient as imaginary

from xvrcore.registration import RegistrationSettings, register

RIGHT_MM = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=36, help="patients; each with one X-ray of his own, two of others")
    parser.add_argument("--folder", type=Path, default=Path("bench-output"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = [row for seed in range(options.count) for row in of_patient(seed)]
    (options.folder / "imaginary.json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    wrong = [row for row in rows if not row["success"]]
    print(f"{len(rows)} registrations, {len(wrong)} wrong ones, "
          f"{sum(row['verdict'] == 'registered' for row in wrong)} of these called registered")


def of_patient(seed: int):
    """Three registrations to one imaginary CT as flat records."""
    rng = np.random.default_rng([36, seed])
    volume = imaginary.ct(rng)
    patient = imaginary.patient(volume)
    for number, body in enumerate((volume, imaginary.ct(rng), imaginary.ct(rng))):
        view = imaginary.camera(body.center_ras, rng)
        radiograph = imaginary.radiograph(imaginary.picture(body, view, rng), view)
        result, _ = imaginary.outcome(register(radiograph, patient, RegistrationSettings(patience_s=0)))
        right = body is volume and imaginary.mtre_mm(result.camera, view, volume.center_ras) < RIGHT_MM
        yield {"name": f"imaginary_{seed}_{number}", "verdict": result.verdict.label,
               "confidence": result.verdict.confidence, "scores": result.scores, "success": bool(right)}


if __name__ == "__main__":
    main()
