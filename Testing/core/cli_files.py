"""A small patient on disk for tests of the command line, an X-ray of it with truth, and files that are wrong."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from xvrcore.cli import main

SHAPE_KJI, SPACING_MM = (56, 64, 72), (4.0, 4.0, 4.0)
BONES, BONE_LABEL = 14, 3
VIEW = ("--primary-deg", "25", "--secondary-deg", "8", "--rows", "144", "--cols", "160", "--pixel-spacing-mm", "2.2",
        "--sdd-mm", "1000", "--source-isocenter-mm", "650", "--isocenter-ras", "-150", "-115", "120", "--encoding-kind", "LOG",
        "--scatter-to-primary", "0")


def write_patient(folder: Path) -> Path:
    """``ct.nii.gz``: bones of random shape and place in a body in air; ``labels.nii.gz`` marks them."""
    generator = np.random.default_rng(7)
    world = np.stack(np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * s for n, s in
                                   zip(SHAPE_KJI, SPACING_MM, strict=True)], indexing="ij"), axis=-1)
    hu = np.where(((world / [150, 100, 120]) ** 2).sum(-1) < 1, 30.0, -1000.0).astype(np.float32)
    labels = np.zeros(SHAPE_KJI, np.uint8)
    for _ in range(BONES):
        place, turn = generator.uniform(-1, 1, 3) * [70, 55, 70], Rotation.random(random_state=generator)
        offset = (world - place) @ turn.as_matrix()
        bone = ((offset / generator.uniform([8, 8, 25], [16, 16, 60])) ** 2).sum(-1) < 1
        hu[bone], labels[bone] = 900, BONE_LABEL
    save(hu, folder / "ct.nii.gz")
    save(labels, folder / "labels.nii.gz")
    return folder / "ct.nii.gz"


def write_xray(ct: Path, path: Path, *more: str) -> Path:
    """An X-ray of the patient, through ``simulate``, with its truth beside it."""
    assert main(["simulate", "--volume", str(ct), "--out", str(path), *VIEW, *more]) == 0
    return path


def save(values: np.ndarray, path: Path, spacing=SPACING_MM, origin=(0.0, 0.0, 0.0)) -> Path:
    """Values as an image file of any dimension."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing[:values.ndim])
    image.SetOrigin(origin[:values.ndim])
    sitk.WriteImage(image, str(path))
    return path
