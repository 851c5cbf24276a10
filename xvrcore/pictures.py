"""The pictures that show a registration: X-ray and DRR of the found pose, compared in several ways."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from xvrcore import drawing, overlay
from xvrcore.camera import Camera, Intrinsics
from xvrcore.outlines import SegmentOutline
from xvrcore.render import Projector
from xvrcore.result import RegistrationResult
from xvrcore.xray import Xray

SMALLEST_SIDE_PX, LONGEST_SIDE_PX = 512, 1024
"""Pictures have the stored resolution where their longer side lies between these, else the nearer one."""
DEMAGNIFICATION = 0.6
"""Of the detector's pixels to the patient, roughly: decides only how finely a DRR is cast."""
RAY_PITCH_VOXELS = 0.8
"""Rays so many voxels apart show all that a volume holds."""


@dataclass(frozen=True)
class Picture:
    """``pixels`` (rows, cols, 3) uint8; ``name`` is the file's stem; ``caption`` says how to read it."""

    name: str
    title: str
    caption: str
    pixels: np.ndarray = field(repr=False)


def make_pictures(result: RegistrationResult, projector: Projector, outlines: tuple[SegmentOutline, ...] = (),
                  landmarks: dict[str, np.ndarray] | None = None) -> tuple[Picture, ...]:
    """All pictures of a result.

    :param outlines: segments in stored pixels, as from :func:`xvrcore.outlines.segment_outlines`.
    :param landmarks: named points (3,) in RAS mm.
    """
    stored = result.camera.intrinsics
    seen = picture_intrinsics(stored)
    xray, mask = xray_picture(result.reading, seen)
    drr, before = (drr_like(xray, mask, render(projector, Camera(seen, camera.ras_from_camera)))
                   for camera in (result.camera, result.initial))
    pictures = _comparisons(xray, drr, before, mask)
    base = overlay.rgb(xray, mask)
    if outlines:
        step, first = _picture_grid(stored, seen)
        lines = tuple(drawing.NamedLines(o.segment.name, tuple(round(255 * c) for c in o.segment.color),
                                         tuple((line - first) / step for line in o.polylines)) for o in outlines)
        pictures.append(Picture("segments", "Segments", "Outlines of the segmentation, projected with the found pose.",
                                drawing.draw_outlines(base, lines)))
    if landmarks:
        uv, _ = Camera(seen, result.camera.ras_from_camera).project(np.array(list(landmarks.values())))
        pictures.append(Picture("landmarks", "Landmarks", "Points of the scan, projected with the found pose.",
                                drawing.draw_landmarks(base, tuple(landmarks), uv)))
    return tuple(pictures)


def picture_intrinsics(stored: Intrinsics) -> Intrinsics:
    """Intrinsics of a picture of the stored image, of a size that a screen shows well."""
    return scaled_to(min(max(stored.rows, stored.cols, SMALLEST_SIDE_PX), LONGEST_SIDE_PX), stored)


def scaled_to(longest_px: int, stored: Intrinsics) -> Intrinsics:
    """Intrinsics of the same detector whose longer side has ``longest_px`` pixels."""
    step = max(stored.rows, stored.cols) / longest_px
    rows, cols = (max(2, int(n / step + 1e-6)) for n in (stored.rows, stored.cols))
    first_u, first_v = (stored.cols - cols * step + step - 1) / 2, (stored.rows - rows * step + step - 1) / 2
    return stored.region(first_u, first_v, step, rows, cols)


def resampled(image: np.ndarray, stored: Intrinsics, seen: Intrinsics) -> np.ndarray:
    """A stored image on a picture's pixels, float32: area averages where it shrinks, interpolated where it grows."""
    step, first = _picture_grid(stored, seen)
    corner = first + 0.5 - step / 2                           # pillow counts from the outer corner of pixel (0, 0)
    box = np.clip([*corner, *(corner + step * np.array([seen.cols, seen.rows]))], 0, np.tile(image.shape[::-1], 2))
    how = Image.Resampling.BOX if step > 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image.astype(np.float32)).resize((seen.cols, seen.rows), how, tuple(box)))


def render(projector: Projector, camera: Camera, coarser: int = 0) -> np.ndarray:
    """The DRR (rows, cols) of a camera, cast no finer than its volume is and interpolated from there.

    :param coarser: so many levels of the volume more are done without, for a picture that has to be quick.
    """
    seen = camera.intrinsics
    pitch_mm = DEMAGNIFICATION * max(seen.spacing_mm)
    fitting = [level for level, pitch in enumerate(projector.level_pitch_mm) if pitch <= pitch_mm]
    step = 1.0 if fitting else max(1.0, RAY_PITCH_VOXELS * projector.level_pitch_mm[0] / pitch_mm)
    rows, cols = (int(np.ceil(n / step)) for n in (seen.rows, seen.cols))
    cast = seen.region((step - 1) / 2, (step - 1) / 2, step, rows, cols)
    rays = projector.integrals(camera.ras_from_camera[None], cast.pixel_grid().reshape(-1, 3),
                               level=min((fitting[-1] if fitting else 0) + coarser, len(projector.level_pitch_mm) - 1))
    drr = Image.fromarray(rays.values.reshape(rows, cols).astype(np.float32))
    box = (0, 0, seen.cols / step, seen.rows / step)
    return np.asarray(drr.resize((seen.cols, seen.rows), Image.Resampling.BICUBIC, box))


def xray_picture(reading: Xray, seen: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """An X-ray on a picture's pixels as :mod:`xvrcore.overlay` takes it: gray values, and the mask of its field."""
    mask = resampled(reading.mask, reading.intrinsics, seen) > 0.5
    return overlay.windowed(overlay.enhanced(resampled(reading.image, reading.intrinsics, seen), mask), mask), mask


def drr_like(xray: np.ndarray, mask: np.ndarray, drr: np.ndarray) -> np.ndarray:
    """The gray values of a DRR, made to look like an X-ray's picture."""
    return overlay.matched(overlay.enhanced(drr, mask), xray, mask)


def _comparisons(xray: np.ndarray, drr: np.ndarray, before: np.ndarray, mask: np.ndarray) -> list[Picture]:
    def shown(name, title, caption, pixels):
        return Picture(name, title, caption, overlay.dimmed(pixels, mask))

    return [
        shown("xray", "X-ray", "Bone bright, fine structure raised; dimmed outside the field that was used.",
              overlay.rgb(xray)),
        shown("drr", "DRR", "The scan, rendered from the found pose, shown like the X-ray.", overlay.rgb(drr)),
        shown("edges", "DRR edges on X-ray", "Green lines are edges of the DRR: they should lie on the X-ray's.",
              overlay.edges_over(xray, drr, mask)),
        shown("color", "X-ray red, DRR cyan", "Gray where both agree; colored fringes where they do not.",
              overlay.color_blend(xray, drr)),
        shown("checkerboard", "Checkerboard", "X-ray and DRR in turn: contours should run on across the squares.",
              overlay.checkerboard(xray, drr)),
        shown("blend", "Blend", "Half X-ray, half DRR.", overlay.blend(xray, drr)),
        shown("difference", "Difference", "Orange where the X-ray is denser, blue where the DRR is.",
              overlay.difference(xray, drr)),
        Picture("before_after", "Before and after", "X-ray in red and DRR in cyan, at the first and at the found pose.",
                drawing.beside([(heading, overlay.dimmed(overlay.color_blend(xray, image), mask))
                                for heading, image in (("Initial pose", before), ("Found pose", drr))])),
    ]


def _picture_grid(stored: Intrinsics, seen: Intrinsics) -> tuple[float, np.ndarray]:
    """The size of a picture's pixel and the place (u, v) of its first one, in stored pixels."""
    step = seen.spacing_mm[1] / stored.spacing_mm[1]
    return step, np.array(stored.principal_point_px) - step * np.array(seen.principal_point_px)
