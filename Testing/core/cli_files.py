"""A small patient on disk for tests of the command line, an X-ray of it with truth, and files that are wrong."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xvrcore.cli import main
from xvrcore.cli.self_test import PITCH_MM, imaginary_patient

BONE_LABEL = 3
VIEW = ("--primary-deg", "25", "--secondary-deg", "8", "--rows", "144", "--cols", "160", "--pixel-spacing-mm", "2.2",
        "--sdd-mm", "1000", "--source-isocenter-mm", "650", "--isocenter-ras", "-150", "-115", "120",
        "--encoding-kind", "LOG", "--scatter-to-primary", "0")


def write_patient(folder: Path) -> Path:
    """``ct.nii.gz`` of the imaginary patient, and ``labels.nii.gz``, which marks its bones."""
    ct, bones = imaginary_patient()
    save(ct.values, folder / "ct.nii.gz")
    save(bones * np.uint8(BONE_LABEL), folder / "labels.nii.gz")
    return folder / "ct.nii.gz"


def write_xray(ct: Path, path: Path, *more: str) -> Path:
    """An X-ray of the patient, through ``simulate``, with its truth beside it."""
    assert main(["simulate", "--volume", str(ct), "--out", str(path), *VIEW, *more]) == 0
    return path


def save(values: np.ndarray, path: Path, spacing=(PITCH_MM,) * 3, origin=(0.0, 0.0, 0.0)) -> Path:
    """Values as an image file of any dimension."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing[:values.ndim])
    image.SetOrigin(origin[:values.ndim])
    sitk.WriteImage(image, str(path))
    return path
