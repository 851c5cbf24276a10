"""``xvrcore evaluate``: how far a pose.json is from the truth, or from landmarks marked in the X-ray."""

import json
from pathlib import Path

from xvrcore.errors import InputError
from xvrcore.pose_file import PoseFile, read_pose


def add_arguments(parser):
    parser.add_argument("--pose", type=Path, required=True, metavar="pose.json", help="what register wrote")
    truth = parser.add_argument_group("against a truth file, or against landmarks")
    truth.add_argument("--truth", type=Path, metavar="FILE", help="*_truth.json, as simulate writes it")
    truth.add_argument("--image", metavar="NAME",
                       help="which X-ray of the truth file (default: the one that the pose is of)")
    truth.add_argument("--landmarks-3d", type=Path, metavar="FILE", help="named points of the patient")
    truth.add_argument("--landmarks-2d", type=Path, metavar="FILE", help="their pixels in the X-ray")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options) -> int:
    landmarks = (options.landmarks_3d is not None, options.landmarks_2d is not None)
    if any(landmarks) == (options.truth is not None) or any(landmarks) != all(landmarks):
        raise InputError("Give what to measure against: --truth, or both --landmarks-3d and --landmarks-2d.")
    pose = read_pose(options.pose)
    image = options.image or Path(pose.inputs.get("xray", {}).get("path", "")).stem
    figures = _against_landmarks(pose, options, image) if any(landmarks) else _against_truth(pose, options, image)
    figures |= {"image": image, "verdict": pose.verdict.label, "confidence": pose.verdict.confidence}
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        _show(figures)
    return 0


def _against_truth(pose: PoseFile, options, image: str) -> dict:
    from xvrcore.evaluation import evaluate
    from xvrcore.truth import read_truth, read_truths
    only_one = len(read_truths(options.truth)) == 1 and options.image is None
    return evaluate(pose.camera, read_truth(options.truth, None if only_one else image)).as_dict()


def _against_landmarks(pose: PoseFile, options, image: str) -> dict:
    from xvrcore.evaluation import evaluate_landmarks
    from xvrcore.landmarks import match, read_pixels, read_points
    pairs = match(read_points(options.landmarks_3d), read_pixels(options.landmarks_2d, image))
    return evaluate_landmarks(pose.camera, pairs.points_ras, pairs.pixels, pairs.names).as_dict()


def _show(figures: dict):
    def line(name: str, key: str, unit: str):
        if figures.get(key) is not None:
            print(f"{name:12s}{figures[key]:9.3f} {unit}")

    line("mRPD", "mrpd_mm", "mm")
    line("mPD", "mpd_mm", "mm on the detector")
    line("mTRE", "mtre_mm", "mm")
    line("  in plane", "mtre_in_plane_mm", "mm")
    line("  in depth", "mtre_depth_mm", "mm")
    line("rotation", "rotation_deg", "degrees")
    print(f"{'success':12s}{'yes' if figures['success'] else 'no':>9s} (mRPD < {figures['success_mrpd_mm']:g} mm)")
    print(f"{'verdict':12s}{figures['verdict']} (confidence {figures['confidence']:.2f}), "
          f"over {len(figures['names'])} landmarks")
