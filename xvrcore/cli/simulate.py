"""``xvrcore simulate``: an X-ray of a CT at a given pose, as DICOM XA, with its truth beside it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xvrcore import positioner
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.cli.options import add_fields, given_fields
from xvrcore.cli.output import require_writable
from xvrcore.errors import InputError
from xvrcore.files import staged
from xvrcore.simulate.settings import Beam, Collimator, Detector, Encoding, Scatter, SimulationSettings
from xvrcore.simulate.simulator import DEFAULT_ISOCENTER_SHARE


@dataclass(frozen=True)
class View:
    """Where the C-arm stands and what its detector is; ``None`` takes the place its help text names."""

    primary_deg: float = 0.0
    secondary_deg: float = 0.0
    roll_deg: float = 0.0
    isocenter_ras: tuple[float, float, float] | None = None
    source_isocenter_mm: float | None = None
    sdd_mm: float = 1000.0
    rows: int = 512
    cols: int = 512
    pixel_spacing_mm: tuple[float, float] = (0.6, 0.6)
    principal_point_px: tuple[float, float] | None = None
    flip: bool = False

    def camera(self, center_ras: np.ndarray) -> Camera:
        """The camera of this view; ``center_ras`` is the isocenter unless the view names another."""
        center = self.principal_point_px or image_center_px(self.rows, self.cols)
        intrinsics = Intrinsics(self.sdd_mm, self.pixel_spacing_mm, center, self.rows, self.cols, self.flip)
        distance = self.source_isocenter_mm or DEFAULT_ISOCENTER_SHARE * self.sdd_mm
        isocenter = center_ras if self.isocenter_ras is None else self.isocenter_ras
        return Camera(intrinsics, positioner.camera_pose(self.primary_deg, self.secondary_deg, distance, isocenter,
                                                         self.roll_deg))


VIEW_HELP = {
    "primary_deg": "positioner angle, + is LAO",
    "secondary_deg": "positioner angle, + is CRA",
    "roll_deg": "turn about the beam, image right towards image down",
    "isocenter_ras": "isocenter in RAS mm (default: the middle of the volume)",
    "source_isocenter_mm": f"source to isocenter (default: {DEFAULT_ISOCENTER_SHARE} of the SDD)",
    "sdd_mm": "source to detector",
    "rows": "image height in pixels", "cols": "image width in pixels",
    "pixel_spacing_mm": "row and column spacing at the detector, or one for both",
    "principal_point_px": "u and v (default: the middle of the image)",
    "flip": "store the mirror image",
}

PHYSICS = {
    "scatter": (Scatter, {"to_primary": "mean scatter over mean primary", "width_mm": "spread at the detector"}),
    "detector": (Detector, {"photons": "quanta per pixel in the open beam; inf for no noise",
                            "electronic_noise": "in quanta", "focal_spot_mm": "width of the focal spot",
                            "blur_mm": "standard deviation of the scintillator's blur"}),
    "beam": (Beam, {"heel": "relative fall of intensity across the image"}),
    "collimator": (Collimator, {"kind": "none, rectangle or circle", "size": "share of the image's width and height",
                                "center": "u and v as shares of the width and height",
                                "roll_deg": "turn of the rectangle"}),
    "encoding": (Encoding, {"kind": "LIN, LOG, LOGINV, DISP or DISPINV", "photometric": "MONOCHROME1 or MONOCHROME2",
                            "bits": "bits stored, 8 to 16", "compression": "raw or rle",
                            "frames": "frames of the same pose", "text": "letters burned into the picture"}),
}


def add_arguments(parser):
    parser.add_argument("--volume", type=Path, required=True, metavar="CT",
                        help="CT: NIfTI, NRRD, MHA or a folder with a DICOM series")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.dcm",
                        help="the X-ray to write; the truth goes to FILE_truth.json beside it")
    view = parser.add_argument_group("view: a pose from a file, or the C-arm's angles and distances")
    view.add_argument("--pose", type=Path, metavar="pose.json", help="pose and image geometry as registered before")
    add_fields(view, View, VIEW_HELP)
    physics = parser.add_argument_group("physics")
    physics.add_argument("--settings", type=Path, metavar="FILE.json",
                         help="all settings as nested objects, tissue, beam, header and metal among them; "
                              "the options below outrank it")
    for name, (settings, help_texts) in PHYSICS.items():
        add_fields(physics, settings, help_texts, f"{name}_")
    physics.add_argument("--metal-share", type=float, metavar="SHARE",
                         help="plates, rods and screws at random, over this share of the image")
    add_fields(physics, SimulationSettings, {"seed": "of noise and metal"})
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options) -> int:
    from xvrcore.simulate import simulate_xray, write_dicom, write_truth
    from xvrcore.volume_io import read_volume

    out = options.out
    if out.suffix.lower() != ".dcm":
        raise InputError(f"--out {out} does not end in .dcm; simulate writes a DICOM file.")
    settings = _settings(options)
    require_writable(out.parent)
    volume = read_volume(options.volume)
    camera = _camera(options, volume.center_ras)
    if options.metal_share:
        settings = replace(settings, metal=settings.metal + _metal(options.metal_share, camera, volume, settings.seed))
    simulated = simulate_xray(volume, camera, settings)
    truth = out.with_name(f"{out.stem}_truth.json")
    with staged(out.parent) as stage:
        write_dicom(simulated, stage / out.name)
        write_truth({out.name: simulated}, stage / truth.name, options.volume.name)
    if options.json:
        print(json.dumps({"xray": str(out), "truth": str(truth), "ras_from_camera": camera.ras_from_camera.tolist()}))
    else:
        print(f"{out}: {camera.intrinsics.cols} x {camera.intrinsics.rows} pixels; truth in {truth}")
    return 0


def _camera(options, center_ras: np.ndarray) -> Camera:
    view = given_fields(View, options)
    if options.pose is None:
        return View(**view).camera(center_ras)
    if view:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in view)
        raise InputError(f"{options.pose} states the whole view: leave out {names}, or --pose.")
    from xvrcore.pose_file import read_pose
    return read_pose(options.pose).camera


def _settings(options) -> SimulationSettings:
    """The settings file's values, outranked by what the options say."""
    settings = SimulationSettings() if options.settings is None else _settings_from_file(options.settings)
    said = {name: replace(getattr(settings, name), **given_fields(kind, options, f"{name}_"))
            for name, (kind, _) in PHYSICS.items()}
    return replace(settings, **said, **given_fields(SimulationSettings, options))


def _settings_from_file(path: Path) -> SimulationSettings:
    from xvrcore.simulate.settings import settings_from_dict
    try:
        return settings_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot read the settings ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _metal(share: float, camera: Camera, volume, seed: int):
    from xvrcore.simulate import random_implants
    if not 0 < share < 1:
        raise InputError(f"--metal-share {share} is not between 0 and 1.")
    return random_implants(share, camera, volume.center_ras, np.random.default_rng(seed))
