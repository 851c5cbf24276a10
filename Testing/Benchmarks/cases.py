"""Hard cases for registration: X-rays by kind and seed, with truth, and negatives that nothing should register to.

A case is a folder entry of an ``index.json``: the X-ray, the CT that it is registered to, and what is right. All
numbers that make a case hard stand in :data:`KINDS` and in the functions next to it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from cts import KEPT_SHARE, Anatomy, degraded, load_anatomies, part_of, warped, write_ct
from scipy import ndimage
from views import Box, field_of, random_view

from xvrcore.camera import Camera
from xvrcore.errors import InputError
from xvrcore.positioner import Positioner
from xvrcore.simulate import (
    Beam,
    Collimator,
    Detector,
    Encoding,
    Header,
    Phantom,
    Scatter,
    SimulatedXray,
    SimulationSettings,
    TissueModel,
    prepare_phantom,
    random_implants,
    simulate_xray,
    write_dicom,
    write_truth,
)
from xvrcore.simulate.landmarks import bone_landmarks
from xvrcore.volume import Volume

OFFSET_MM = 50.0
"""The isocenter lies up to this far from the middle of the registered CT, which is where a search starts."""
CUT_SHARE = 0.1
"""At most this share of the field looks past the ends of a patient, who is cut off there as no real one is."""


@dataclass(frozen=True)
class Case:
    """One X-ray to register. Paths are relative to the index. ``right`` is "registered", or "not registered" for
    X-rays that do not show what the CT holds; ``truth`` is empty for those."""

    name: str
    kind: str
    anatomy: str
    right: str
    dicom: str
    truth: str
    ct: str


@dataclass(frozen=True)
class Kind:
    """What makes a case hard.

    ``tissue``: draws the X-ray's tissue model; ``change``: changes the settings of an easy case; ``ct``: which
    derived CT is registered; ``offset_mm``: exact isocenter offset; ``angle_error_deg``: exact header error;
    ``sdd_error``: relative header error; ``negative``: in what the X-ray shows something else than the CT;
    ``anatomies``: the patients that can be shown so (the pelvis CT is too short to look beside it).
    """

    tissue: Callable[[np.random.Generator], TissueModel] = lambda rng: TissueModel()
    change: Callable[..., SimulationSettings] = lambda settings, rng, camera, center: settings
    ct: str = "whole"
    offset_mm: float | None = None
    angle_error_deg: float | None = None
    sdd_error: float = 0.0
    negative: str = ""
    anatomies: tuple[str, ...] = ("chest", "pelvis")


def _other_tissue(rng: np.random.Generator) -> TissueModel:
    model = int(rng.integers(3))
    return (TissueModel(bone_start_hu=200, bone_scale=1.5, lung_scale=0.8),
            TissueModel(bone_start_hu=50, bone_scale=0.6, lung_scale=1.3),
            TissueModel(bone_start_hu=150, bone_scale=1.0, lung_scale=1.5))[model]


def _strong_scatter(settings, rng, camera, center):
    return replace(settings, scatter=Scatter(float(rng.uniform(2, 4)), float(rng.uniform(20, 50))),
                   detector=replace(settings.detector, photons=float(rng.uniform(100, 500))))


def _half_field(settings, rng, camera, center):
    """A slit of half the image, anywhere and in either direction."""
    share = (1.0, 0.5) if rng.random() < 0.5 else (0.5, 1.0)
    middle = tuple(float(rng.uniform(one / 2, 1 - one / 2)) for one in share)
    return replace(settings, collimator=Collimator("rectangle", share, middle))


def _rotated_field(settings, rng, camera, center):
    """Blades turned against the image, which no header tells."""
    turn = float(rng.choice([-1, 1]) * rng.uniform(5, 25))
    size = tuple(rng.uniform(0.65, 0.8, 2).tolist())
    return replace(settings, collimator=Collimator("rectangle", size, roll_deg=turn))


def _implants(settings, rng, camera, center):
    return replace(settings, metal=random_implants(0.25, camera, center, rng, field_of(camera, settings.collimator)))


# A kind's place in this table seeds its cases: new kinds go to the end.
KINDS: dict[str, Kind] = {
    "easy": Kind(),
    "other_attenuation": Kind(tissue=_other_tissue,
                              change=lambda s, *_: replace(s, beam=replace(s.beam, fluence=(0, 0, 0.2, 0.4, 0.4)))),
    "degraded_ct": Kind(ct="degraded"),
    "bone_only": Kind(tissue=lambda rng: TissueModel("bone")),
    "bone_mesh": Kind(tissue=lambda rng: TissueModel("bone_mesh")),
    "bone_shell": Kind(tissue=lambda rng: TissueModel("bone_shell")),
    "skin_and_bone_mesh": Kind(tissue=lambda rng: TissueModel("skin_and_bone_mesh")),
    "strong_scatter": Kind(change=_strong_scatter),
    "half_field": Kind(change=_half_field),
    "rotated_field": Kind(change=_rotated_field),
    "implants": Kind(change=_implants),
    "truncated_ct": Kind(ct="truncated"),
    "wrong_sdd": Kind(sdd_error=0.02),
    "far_start": Kind(offset_mm=100.0, angle_error_deg=20.0),
    "negative_other_anatomy": Kind(negative="other anatomy"),
    "negative_other_patient": Kind(ct="warped", negative="other patient"),
    "negative_outside": Kind(ct="upper_part", negative="outside", anatomies=("chest",)),
    "negative_noise": Kind(negative="noise"),
}


class CaseMaker:
    """Makes cases in a folder; CTs and phantoms are prepared once and kept."""

    def __init__(self, folder: Path, seed: int = 0):
        self.folder, self.seed = Path(folder), seed
        self.folder.mkdir(parents=True, exist_ok=True)
        self.anatomies = load_anatomies()
        self._phantoms: dict[tuple[str, TissueModel], Phantom] = {}
        self._cts: dict[tuple[str, str], Volume] = {}

    def make(self, kind_name: str, number: int) -> Case:
        """Write the X-ray, its truth and, if new, its CT; the same names and seed give the same case."""
        kind = KINDS[kind_name]
        rng = np.random.default_rng([self.seed, list(KINDS).index(kind_name), number])
        fitting = [one for name, one in self.anatomies.items() if name in kind.anatomies]
        anatomy = fitting[number % len(fitting)]
        ct = self._ct(anatomy, kind.ct)
        shown = self._other(anatomy) if kind.negative == "other anatomy" else anatomy
        simulated = self._simulated(kind, shown, ct, rng)
        if kind.negative == "noise":
            simulated = replace(simulated, pixels=_noise(simulated, rng))
        name = f"{kind_name}_{number:02d}_{anatomy.name}"
        write_dicom(simulated, self.folder / f"{name}.dcm")
        truth = ""
        if not kind.negative:
            truth = f"{name}_truth.json"
            write_truth({f"{name}.dcm": simulated}, self.folder / truth, self._ct_name(anatomy, kind.ct))
        return Case(name, kind_name, anatomy.name, "not registered" if kind.negative else "registered",
                    f"{name}.dcm", truth, self._ct_name(anatomy, kind.ct))

    def _simulated(self, kind: Kind, shown: Anatomy, ct: Volume, rng: np.random.Generator) -> SimulatedXray:
        """Draw views until the field shows a dozen bone points of the CT (of the patient, for a negative)."""
        judged = shown.body if kind.negative else ct
        for _ in range(30):
            camera, positioner, settings = self._fitting_view(kind, shown, ct, rng)
            settings = kind.change(settings, rng, camera, ct.center_ras)
            settings = replace(settings, tissue=kind.tissue(rng), seed=int(rng.integers(2 ** 31)))
            try:
                marks = bone_landmarks(judged, camera, field_of(camera, settings.collimator), rng)
            except InputError:
                continue
            if next(iter(marks)).startswith("bone"):
                return simulate_xray(self._phantom(shown, settings.tissue), camera, settings, marks)
        raise InputError(f"No view of {shown.name} shows bone; the kind {kind} asks too much.")

    def _fitting_view(self, kind: Kind, shown: Anatomy, ct: Volume, rng: np.random.Generator):
        """A camera, the header's positioner and settings, such that few rays pass where the patient is cut off."""
        outside = kind.negative == "outside"
        center = part_of(shown.body, (0.0, 0.3)).center_ras if outside else \
            shown.ct.center_ras if kind.negative == "other anatomy" else ct.center_ras
        registered = Box.around(ct) if outside else None
        for _ in range(3000):
            reach = kind.offset_mm or OFFSET_MM * rng.random() ** (1 / 3)
            camera, positioner = random_view(center, reach, kind.angle_error_deg, rng)
            settings = random_settings(positioner, camera, kind, rng)
            if shown.box.cut(camera, settings.collimator) <= CUT_SHARE and not \
                    (registered and registered.crossed(camera, settings.collimator) > 0):
                return camera, positioner, settings
        raise InputError(f"No view of {shown.name} fits; the kind {kind} asks too much.")

    def _other(self, anatomy: Anatomy) -> Anatomy:
        others = [one for name, one in self.anatomies.items() if name != anatomy.name]
        if not others:
            raise InputError("X-rays of another anatomy need a second CT (pelvis_ct.nii.gz in ../shared/data).")
        return others[0]

    def _phantom(self, anatomy: Anatomy, tissue: TissueModel) -> Phantom:
        key = (anatomy.name, tissue)
        if key not in self._phantoms:
            while len(self._phantoms) > 3:
                self._phantoms.pop(next(iter(self._phantoms)))
            shown = anatomy.body if tissue.anatomy == "tissue" else anatomy.skeleton
            self._phantoms[key] = prepare_phantom(shown, tissue)
        return self._phantoms[key]

    def _ct_name(self, anatomy: Anatomy, derived: str) -> str:
        return str(anatomy.ct.path) if derived == "whole" else f"{anatomy.name}_{derived}.mha"

    def _ct(self, anatomy: Anatomy, derived: str) -> Volume:
        """The CT to register, written beside the cases where it is not a patient's own file."""
        key = (anatomy.name, derived)
        if derived == "whole":
            return anatomy.ct
        if key not in self._cts:
            rng = np.random.default_rng([self.seed, 99])
            self._cts[key] = {"degraded": lambda: degraded(anatomy.ct, rng), "warped": lambda: warped(anatomy.ct, rng)
                              }.get(derived, lambda: part_of(anatomy.ct, KEPT_SHARE[derived]))()
            write_ct(self._cts[key], self.folder / self._ct_name(anatomy, derived))
        return self._cts[key]


def random_settings(positioner: Positioner, camera: Camera, kind: Kind, rng: np.random.Generator) -> SimulationSettings:
    """The circumstances of an easy case: any machine's encoding, field and dose."""
    small = max(camera.intrinsics.rows, camera.intrinsics.cols) <= 512
    encoding = str(rng.choice(["LIN", "LOG", "LOGINV", "DISP", "DISPINV"], p=[0.3, 0.2, 0.2, 0.2, 0.1]))
    return SimulationSettings(
        beam=Beam(heel=float(rng.uniform(0, 0.3)), heel_deg=float(rng.uniform(0, 360))),
        detector=Detector(photons=float(np.exp(rng.uniform(np.log(300), np.log(5000)))),
                          focal_spot_mm=float(rng.uniform(0.3, 1.0)), blur_mm=float(rng.uniform(0.1, 0.35)),
                  supersampling=2 if small else 1),
        scatter=Scatter(float(rng.uniform(0.2, 0.8)), float(rng.uniform(25, 50))),
        collimator=_random_collimator(rng),
        encoding=Encoding(encoding, str(rng.choice(["MONOCHROME1", "MONOCHROME2"])),
                          int(rng.choice([12, 14, 16] if encoding == "LIN" else [8, 10, 12, 14, 16])),
                          str(rng.choice(["raw", "rle"])), int(rng.choice([1, 1, 1, 3])), float(rng.uniform(0.6, 1.6)),
                          text="R  W" if rng.random() < 0.25 else ""),
        header=Header(positioner, camera.intrinsics.sdd_mm * (1 + kind.sdd_error), bool(rng.random() < 0.5),
                      bool(rng.random() < 0.5)))


def _random_collimator(rng: np.random.Generator) -> Collimator:
    drawn = rng.random()
    if drawn < 0.4:
        return Collimator()
    if drawn < 0.55:
        return Collimator("circle", (float(rng.uniform(0.9, 1.0)),) * 2)
    size = tuple(rng.uniform(0.7, 0.92, 2).tolist())
    center = tuple((0.5 + rng.uniform(-0.5, 0.5, 2) * (1 - np.array(size)) * 0.8).tolist())
    return Collimator("rectangle", size, center)


def _noise(simulated: SimulatedXray, rng: np.random.Generator) -> np.ndarray:
    """Pixels without content: white noise over smooth clouds."""
    shape, bits = simulated.pixels.shape, simulated.settings.encoding.bits
    clouds = ndimage.gaussian_filter(rng.normal(size=shape[1:]), shape[1] * rng.uniform(0.01, 0.08))
    picture = 0.5 + 0.15 * clouds / clouds.std() + 0.05 * rng.normal(size=shape)
    return (np.clip(picture, 0, 1) * (2 ** bits - 1)).astype(simulated.pixels.dtype)


def make_cases(folder: Path, count: int, seed: int = 0, kinds=tuple(KINDS)) -> list[Case]:
    """``count`` cases of each kind and their ``index.json``; cases that are there already stay."""
    folder, cases = Path(folder), []
    maker = None
    known = {case.name: case for case in read_index(folder)} if (folder / "index.json").exists() else {}
    for kind in kinds:
        for number in range(count):
            done = [case for name, case in known.items() if name.startswith(f"{kind}_{number:02d}_")]
            if not done:
                maker = maker or CaseMaker(folder, seed)
                done = [maker.make(kind, number)]
                known[done[0].name] = done[0]
                write_index(folder, list(known.values()))
            cases += done
    return cases


def write_index(folder: Path, cases: list[Case]) -> None:
    (folder / "index.json").write_text(json.dumps({"cases": [asdict(one) for one in cases]}, indent=1) + "\n")


def read_index(folder: Path) -> list[Case]:
    return [Case(**one) for one in json.loads((Path(folder) / "index.json").read_text())["cases"]]
