"""All files of one result: pose, pictures, outlines and report, in a folder that is filled whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from xvrcore.errors import InputError
from xvrcore.evaluation import Evaluation
from xvrcore.files import staged
from xvrcore.outlines import segment_outlines, write_outlines
from xvrcore.pictures import Picture, make_pictures
from xvrcore.pose_file import PoseFile, pose_file_of, write_pose
from xvrcore.render import Projector
from xvrcore.report import REPORT, write_report
from xvrcore.result import RegistrationResult
from xvrcore.segments import Segmentation
from xvrcore.volume import Volume
from xvrcore.xray import Radiograph

POSE, OUTLINES = "pose.json", "outlines.json"
PICTURES = ("xray", "drr", "edges", "color", "checkerboard", "blend", "difference", "before_after", "segments",
            "landmarks")
NAMES = (POSE, OUTLINES, REPORT, *(f"{name}.png" for name in PICTURES))


def write_outputs(folder: str | Path, radiograph: Radiograph, result: RegistrationResult, projector: Projector,
                  volume: Volume, *, segmentation: Segmentation | None = None,
                  landmarks: dict[str, np.ndarray] | None = None, evaluation: Evaluation | None = None,
                  seed: int | None = None) -> PoseFile:
    """Write ``pose.json``, the pictures, ``report.html`` and, of a segmentation, ``outlines.json``.

    What an earlier result left in the folder is replaced once all is ready; other files there are left alone.

    :param landmarks: named points (3,) in RAS mm, to be drawn.
    :raises InputError: the folder cannot be written to, or holds files of these names that are not ours.
    """
    folder = Path(folder)
    _require_ours(folder)
    pose = pose_file_of(radiograph, result, volume, segmentation.labels if segmentation else None, seed)
    with staged(folder, last=POSE) as stage:
        outlines = segment_outlines(segmentation, result.camera) if segmentation else ()
        pictures = make_pictures(result, projector, outlines, landmarks)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda picture: _save(picture, stage), pictures))
        if segmentation:
            write_outlines(stage / OUTLINES, outlines, result.camera.intrinsics)
        write_report(stage / REPORT, pose, result.trace, pictures, evaluation)
        write_pose(stage / POSE, pose)
        written = {path.name for path in stage.iterdir()}
    for name in set(NAMES) - written:
        (folder / name).unlink(missing_ok=True)
    return pose


def _save(picture: Picture, folder: Path) -> None:
    Image.fromarray(picture.pixels).save(folder / f"{picture.name}.png", compress_level=3)


def _require_ours(folder: Path) -> None:
    """Refuse to overwrite a file that merely has the name of one of ours: a pose of ours has to lie beside it."""
    taken = [name for name in NAMES if (folder / name).exists()]
    if not taken:
        return
    try:
        ours = "schema_version" in json.loads((folder / POSE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        ours = False
    if not ours:
        raise InputError(f"{folder / taken[0]} exists and is not from a registration; choose another folder.")
