"""A small patient with a simulated X-ray of known pose, as files and as nodes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.simulate import Encoding, Header, SimulationSettings, simulate_xray, write_dicom
from xvrcore.simulate.settings import IDEAL
from xvrcore.volume import Volume

CENTER = np.array([12.0, -20.0, 35.0])
AROUND = np.array([[0, 0, 700.0], [60, 0, 700], [0, 60, 700], [0, 0, 760]])
"""Points about the patient in the camera's frame, mm."""
MODULE = Path(__file__).parents[2] / "XVRRegistration" / "XVRRegistration.py"


def patient() -> Volume:
    """A trunk of 192 x 160 x 192 mm with a spine, ribs, and air, in HU; nothing about it is symmetric."""
    spacing, shape = 4.0, (48, 48, 56)
    k, j, i = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * spacing for n in shape], indexing="ij")
    hu = np.full(shape, -1000.0)
    hu[(i / 96) ** 2 + (j / 75) ** 2 < 1] = 20
    for side, radius in ((-1, 34), (1, 28)):
        hu[((i - side * 45) / radius) ** 2 + ((j + 6) / 45) ** 2 + ((k - 12) / 75) ** 2 < 1] = -800
    for number in range(5):
        middle = -76 + 38 * number
        hu[(abs(i) < 16 + number) & (abs(j + 40) < 16) & (abs(k - middle) < 14)] = 700
        ring = (i / 82) ** 2 + (j / 62) ** 2
        hu[(abs(k - middle - 0.25 * j - 0.1 * i) < 6) & (ring > 0.75) & (ring < 1)] = 900
    rng = np.random.default_rng(3)
    for _ in range(8):
        place = rng.uniform([-60, -40, -80], [60, 40, 80])
        hu[(i - place[0]) ** 2 + (j - place[1]) ** 2 + (k - place[2]) ** 2 < 11 ** 2] = 600
    ras_from_ijk = np.diag([spacing, spacing, spacing, 1.0])
    ras_from_ijk[:3, 3] = CENTER - spacing * (np.array(shape[::-1]) - 1) / 2
    return Volume(hu.astype(np.float32), ras_from_ijk, "HU")


def camera(flipped=True, primary=20.0, secondary=-10.0, rows=144, cols=176) -> Camera:
    """Off the header's idea of the isocenter, with an off-center principal point and oblong pixels."""
    intrinsics = Intrinsics(1000.0, (2.2, 1.9), (cols / 2 + 6.5, rows / 2 - 9.0), rows, cols, flipped)
    return Camera(intrinsics, camera_pose(primary, secondary, 700.0, CENTER + [14, -9, 11], roll_deg=3))


def finer(seen: Camera) -> Camera:
    """The same view with pixels of half the size: about 0.7 mm at the patient, which tells the depth well."""
    i = seen.intrinsics
    return Camera(replace(i, spacing_mm=tuple(s / 2 for s in i.spacing_mm), rows=2 * i.rows, cols=2 * i.cols,
                          principal_point_px=tuple(2 * p + 0.5 for p in i.principal_point_px)), seen.ras_from_camera)


def write_xray(path: Path, seen: Camera | None = None, angles=(17.0, -12.0), frames: int = 1,
               volume: Volume | None = None) -> Camera:
    """Write an X-ray of the patient, or another volume, as DICOM; its header knows ``angles`` only roughly."""
    seen = seen or camera()
    settings = SimulationSettings(detector=IDEAL.detector, scatter=IDEAL.scatter, encoding=Encoding(frames=frames),
                                  header=Header(positioner=Positioner(*angles, 700.0), orientation=False))
    write_dicom(simulate_xray(volume or patient(), seen, settings), path)
    return seen


def error_px(camera: Camera, truth: Camera) -> float:
    """How far points about the patient are displaced in the image, at most."""
    points = rigid.apply(truth.ras_from_camera, AROUND)
    return float(np.linalg.norm(camera.project(points)[0] - truth.project(points)[0], axis=1).max())


def mtre_mm(camera: Camera, truth: Camera) -> float:
    """How far points about the patient are displaced in space, on average."""
    points = rigid.apply(truth.ras_from_camera, AROUND)
    moved = rigid.apply(camera.ras_from_camera, AROUND)
    return float(np.linalg.norm(moved - points, axis=1).mean())


def add_volume(volume: Volume, name: str = "CT"):
    import slicer
    import vtk

    node = slicer.util.addVolumeFromArray(volume.values, name=name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(volume.ras_from_ijk.ravel().tolist())
    node.SetIJKToRASMatrix(matrix)
    return node
