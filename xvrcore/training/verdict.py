"""What a finished network is worth: what registration reaches from it, against a search without training."""

import time
from dataclasses import asdict, dataclass

import numpy as np

from xvrcore.jobs.worker import Worker
from xvrcore.patient import Patient
from xvrcore.prediction import load_predictor
from xvrcore.registration import RegistrationSettings, register
from xvrcore.training.validation import Errors, Validation
from xvrcore.xray import Radiograph

COMPARED = 8
"""X-rays that are registered both ways: enough to see a difference, few enough to wait for."""
PATIENCE_S = 10.0
SUCCESS_MM = 2.5
CLEARLY_LESS = 0.8
"""Of the other's time: what a loaded machine's clock does not turn around."""


@dataclass(frozen=True)
class Outcome:
    """Errors after registration, the share of successes (below 2.5 mm), and the median time of one X-ray."""

    errors: Errors
    success: float
    seconds: float

    @property
    def in_words(self) -> str:
        return f"{self.errors.in_words}, {self.success:.0%} below {SUCCESS_MM} mm, {self.seconds:.1f} s an X-ray"

    def beats(self, other: "Outcome") -> bool:
        """More successes, or as many in clearly less time."""
        return self.success > other.success or \
            (self.success == other.success and self.seconds < CLEARLY_LESS * other.seconds)


def verdict_on(worker: Worker, path, patient: Patient, validation: Validation) -> dict:
    """Figures for the final report; none if a stop is asked for meanwhile.

    Both ways the X-rays' angles are unknown, as they are where a network is needed.
    """
    predictor = load_predictor(path, patient)
    xrays = [one.radiograph.without_angles() for one in validation.xrays[:COMPARED]]
    network, search = [], []
    for number, radiograph in enumerate(xrays, 1):
        began = time.perf_counter()
        network.append(_registered(worker, radiograph, patient, predictor.starts([radiograph])[0], began))
        search.append(_registered(worker, radiograph, patient, (), time.perf_counter()))
        if worker.stop_requested:
            return {}
        worker.say("comparing with a search without training", iteration=number, total=len(xrays))
    own, other = _outcome(network, validation), _outcome(search, validation)
    return {"refined": asdict(own), "search": asdict(other), "compared_xrays": len(xrays),
            "message": f"registered from the network's pose: {own.in_words}; this "
                       f"{'beats' if own.beats(other) else 'does not beat'} the search without training "
                       f"({other.in_words}) on {len(xrays)} unseen synthetic X-rays."}


def _outcome(registered: list[tuple[np.ndarray, float]], validation: Validation) -> Outcome:
    poses = np.stack([pose for pose, _ in registered])
    mtre_mm = validation.mtre_of_poses(poses)
    seconds = float(np.median([s for _, s in registered]))
    return Outcome(Errors.of(mtre_mm), float((mtre_mm < SUCCESS_MM).mean()), seconds)


def _registered(worker: Worker, radiograph: Radiograph, patient: Patient, given, began: float):
    """The pose found and the seconds since ``began``; where a stop is asked for, the pose of that moment."""
    steps = register(radiograph, patient, RegistrationSettings(patience_s=PATIENCE_S), given)
    pose = np.eye(4)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value.camera.ras_from_camera, time.perf_counter() - began
        pose = progress.camera.ras_from_camera if progress.camera else pose
        if worker.stop_requested:
            steps.close()
            return pose, time.perf_counter() - began
