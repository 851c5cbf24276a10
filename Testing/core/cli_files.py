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


def patient_and_xray(folder: Path) -> Path:
    """The folder with a CT, its labels, and an X-ray with its truth."""
    write_xray(write_patient(folder), folder / "xray.dcm")
    return folder


def registered_in(out: Path, patient: Path) -> Path:
    """The folder with what one registration of the patient's X-ray wrote."""
    assert main(["register", *case(patient), "--out", str(out), "--segmentation", str(patient / "labels.nii.gz")]) == 0
    return out


def case(patient: Path, xray="xray.dcm", volume="ct.nii.gz") -> list[str]:
    return ["--volume", str(patient / volume), "--xray", str(patient / xray)]


def complaint(capsys) -> str:
    """The one line on stderr."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]
