"""An imaginary patient, X-rayed and registered: shows that everything works here, and compiles every kernel."""

import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.cli.progress import follow
from xvrcore.evaluation import evaluate
from xvrcore.patient import Patient
from xvrcore.positioner import camera_pose
from xvrcore.registration import register
from xvrcore.simulate import (
    Encoding,
    Scatter,
    SimulatedXray,
    SimulationSettings,
    simulate_xray,
    write_dicom,
    write_truth,
)
from xvrcore.truth import read_truth
from xvrcore.volume import Volume
from xvrcore.xray_io import read_radiograph

SHAPE_KJI, PITCH_MM = (56, 64, 72), 4.0
BODY_MM, BONES, BONE_HU, TISSUE_HU, AIR_HU = (150, 100, 120), 14, 900.0, 30.0, -1000.0
OFFSET_MM = np.array([-8.0, 11.0, 10.0])
"""From the volume's middle to the isocenter."""
DETECTOR_MM = (316.8, 352.0)
"""Height and width."""


def imaginary_patient() -> tuple[Volume, np.ndarray]:
    """A CT (HU) of bones of random shape and place in a body in air, and where the bones are (bool, [k, j, i])."""
    generator = np.random.default_rng(7)
    axes = [(np.arange(n) - (n - 1) / 2) * PITCH_MM for n in SHAPE_KJI]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    bones = np.zeros(SHAPE_KJI, bool)
    for _ in range(BONES):
        center, turn = generator.uniform(-1, 1, 3) * [70, 55, 70], Rotation.random(random_state=generator)
        radii = generator.uniform([8, 8, 25], [16, 16, 60])
        bones |= (((places - center) @ turn.as_matrix() / radii) ** 2).sum(-1) < 1
    body = ((places / BODY_MM) ** 2).sum(-1) < 1
    hu = np.where(bones, BONE_HU, np.where(body, TISSUE_HU, AIR_HU)).astype(np.float32)
    return Volume(hu, np.diag([PITCH_MM, PITCH_MM, PITCH_MM, 1.0]), "HU"), bones


def imaginary_xray(ct: Volume, spacing_mm: float) -> SimulatedXray:
    """An oblique X-ray of the imaginary patient, on pixels of this size."""
    rows, cols = (round(side / spacing_mm) for side in DETECTOR_MM)
    intrinsics = Intrinsics(1000.0, (spacing_mm, spacing_mm), image_center_px(rows, cols), rows, cols)
    camera = Camera(intrinsics, camera_pose(25, 8, 650, ct.center_ras + OFFSET_MM))
    return simulate_xray(ct, camera, SimulationSettings(scatter=Scatter(0.0), encoding=Encoding("LOG")))


def self_test() -> dict:
    """Simulate, write, read, register, evaluate: the verdict, the error and the time of the registration."""
    ct, _ = imaginary_patient()
    with tempfile.TemporaryDirectory() as folder:
        xray, truth = Path(folder) / "xray.dcm", Path(folder) / "xray_truth.json"
        simulated = imaginary_xray(ct, 2.2)
        write_dicom(simulated, xray)
        write_truth({xray.name: simulated}, truth, "imaginary")
        radiograph, known = read_radiograph(xray), read_truth(truth)
    patient = Patient(attenuation_from_ct(ct), ct)
    began = time.perf_counter()
    result = follow(register(radiograph, patient), lambda progress: None)
    return {"verdict": result.verdict.label, "mrpd_mm": evaluate(result.camera, known).mrpd_mm,
            "seconds": time.perf_counter() - began}
