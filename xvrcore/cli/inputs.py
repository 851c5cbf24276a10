"""What the options name, read: the patient's volume and segments, the X-rays, landmarks and poses to start from."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from xvrcore import rigid
from xvrcore.attenuation import CtSettings, MrSettings, attenuation_from_ct, attenuation_from_mr
from xvrcore.camera import Camera
from xvrcore.cli.options import add_fields, given_fields
from xvrcore.cli.templates import add_template_arguments, network_file, template_from_patient
from xvrcore.errors import InputError
from xvrcore.initialize.starts import GivenStart
from xvrcore.patient import Patient, patient_of_segments
from xvrcore.render.backends import BACKENDS
from xvrcore.segments import Segmentation, match_grid, read_segmentation
from xvrcore.truth import Truth, read_truth
from xvrcore.volume import Volume
from xvrcore.volume_io import MODALITIES, read_volume
from xvrcore.xray import RISES_WITH_ATTENUATION, RISES_WITH_INTENSITY, Radiograph
from xvrcore.xray_io import XrayOptions, read_radiograph

POLARITIES = {"auto": None, "intensity": RISES_WITH_INTENSITY, "attenuation": RISES_WITH_ATTENUATION}
FLIPS = {"auto": None, "yes": True, "no": False}

XRAY_HELP = {
    "sdd_mm": "source to detector",
    "pixel_spacing_mm": "row and column spacing at the detector, or one for both",
    "principal_point_px": "u and v of the foot of the perpendicular from the source",
    "source_isocenter_mm": "source to isocenter",
    "primary_deg": "positioner angle, + is LAO",
    "secondary_deg": "positioner angle, + is CRA",
}
CT_HELP = {
    "energy_kev": "effective energy of the X-ray",
    "bone_factor": "multiplies what bone attenuates beyond soft tissue",
    "max_hu": "clips metal and its streaks",
    "remove_table": "take the CT's own table out (default: yes)",
}
MR_HELP = {
    "emphasis": "none, skull or vessels",
    "background": "share of the white level below which is air (default: found)",
    "white_percentile": "percentile of the tissue that counts as white",
    "skull_depth_mm": "how deep below the skin dark counts as bone",
    "vessel_percentile": "percentile of the tissue above which is vessel",
}


@dataclass(frozen=True)
class Prepared:
    """A volume as read, its segmentation on the same grid if there is one, and what is rendered of it."""

    volume: Volume
    segmentation: Segmentation | None
    patient: Patient


def add_volume_arguments(parser):
    """Options that :func:`prepare` reads."""
    parser.add_argument("--volume", type=Path, required=True, metavar="CT",
                        help="CT or MR: NIfTI, NRRD, MHA or a folder with a DICOM series")
    parser.add_argument("--segmentation", type=Path, metavar="LABELS",
                        help="label map of the volume, whose outlines are projected")
    parser.add_argument("--segment-names", type=Path, metavar="TABLE", help="names and colors of its labels")
    parser.add_argument("--show-segments", nargs="+", metavar="NAME", help="outline these alone (default: all)")
    parser.add_argument("--only-segments", nargs="+", metavar="NAME", help="register these segments alone")
    add_attenuation_arguments(parser)


def add_attenuation_arguments(parser):
    """Those of them that fit any volume: how it becomes attenuation, and who renders it."""
    parser.add_argument("--modality", choices=("auto", *MODALITIES), default="auto", help="of the volume")
    parser.add_argument("--backend", choices=("auto", *BACKENDS), default="auto", help="renderer")
    add_fields(parser.add_argument_group("CT to attenuation"), CtSettings, CT_HELP)
    add_fields(parser.add_argument_group("MR to attenuation"), MrSettings, MR_HELP, "mr_")


def prepare(options) -> Prepared:
    """Read the volume and make it ready for rendering.

    :raises InputError: a file is wrong, or an option contradicts another.
    """
    require_files(options)
    volume = read_volume(options.volume, options.modality)
    segmentation = None
    if options.segmentation is not None:
        segmentation = match_grid(read_segmentation(options.segmentation, options.segment_names), volume)
    ct = given_fields(CtSettings, options)
    if volume.quantity == "MR":
        energy = {name: value for name, value in ct.items() if name == "energy_kev"}
        attenuation = attenuation_from_mr(volume, MrSettings(**energy, **given_fields(MrSettings, options, "mr_")))
    else:
        attenuation = attenuation_from_ct(volume, CtSettings(**ct))
    if options.only_segments:
        patient = patient_of_segments(attenuation, volume, segmentation, options.only_segments, options.backend)
    else:
        patient = Patient(attenuation, volume, options.backend)
    if options.show_segments:
        shown = segmentation.values_of(options.show_segments)
        segmentation = replace(segmentation, segments=tuple(s for s in segmentation.segments if s.value in shown))
    return Prepared(volume, segmentation, patient)


def require_files(options) -> None:
    """What can be told of these options before anything is read.

    :raises InputError: a file is not there, or an option contradicts another.
    """
    if options.segmentation is None and (options.segment_names or options.show_segments or options.only_segments):
        raise InputError("--segment-names, --show-segments and --only-segments need --segmentation.")
    for path in (options.volume, options.segmentation, options.segment_names):
        if path is not None and not path.exists():
            raise InputError(f"{path} does not exist; check the path.")


def add_xray_arguments(parser, required: bool = True):
    """Options that :func:`read_xrays` reads."""
    parser.add_argument("--xray", type=Path, required=required, nargs="+", metavar="X",
                        help="one or many: DICOM XA, RF, DX, CR, or PNG, TIFF, NRRD, NIfTI")
    group = parser.add_argument_group("X-ray: what is said here outranks the file")
    group.add_argument("--frame", default="0", help="index, or mean, max or min of all or of a range (mean:2-10)")
    add_fields(group, XrayOptions, XRAY_HELP)
    group.add_argument("--flip", dest="flip_word", choices=FLIPS, default="auto",
                       help="whether the stored image is mirrored (default: by evidence, else both are tried)")
    group.add_argument("--polarity", dest="polarity_word", choices=POLARITIES, default="auto",
                       help="what stored values rise with (default: by evidence, else both are tried)")
    group.add_argument("--ignore-angles", action="store_true", help="forget the header's angles")


def xray_options(options) -> XrayOptions:
    """What was said about the X-rays."""
    return XrayOptions(**given_fields(XrayOptions, options), flip=FLIPS[options.flip_word],
                       polarity=POLARITIES[options.polarity_word])


def read_xrays(options) -> list[Radiograph]:
    """All X-rays, so that a wrong one is known before the work begins.

    :raises InputError: one of them cannot be read or lacks its geometry.
    """
    said = xray_options(options)
    radiographs = [read_radiograph(path, said, options.frame) for path in options.xray]
    return [r.without_angles() for r in radiographs] if options.ignore_angles else radiographs


def add_start_arguments(parser):
    """Options that :func:`starts_for` and :func:`with_network` read."""
    group = parser.add_argument_group("start: from a trained network, a known pose or landmarks")
    group.add_argument("--checkpoint", type=Path, metavar="NETWORK",
                       help="a network that finetune or pretrain made, its job's folder, or xvr's .pth; angles are not "
                            "needed")
    add_template_arguments(group)
    group.add_argument("--initial-pose", type=Path, metavar="pose.json", help="a pose to start from")
    group.add_argument("--landmarks-3d", type=Path, metavar="FILE",
                       help="named points of the patient: .mrk.json, .fcsv, csv or json")
    group.add_argument("--landmarks-2d", type=Path, metavar="FILE",
                       help="their pixels: csv with name,u,v or json; for many X-rays, json with an entry for each")


@dataclass(frozen=True)
class HandedIn:
    """Poses handed in for one X-ray, the landmarks they rest on, and what is to be said about them."""

    given: tuple[GivenStart, ...] = ()
    landmarks: dict[str, np.ndarray] | None = None
    notes: tuple[str, ...] = ()


def starts_for(options, radiograph: Radiograph) -> HandedIn:
    """The poses that the options hand in for one X-ray.

    :raises InputError: a file is wrong, landmarks do not match, or only one of the two files is given.
    """
    given: list[GivenStart] = []
    if options.initial_pose is not None:
        from xvrcore.pose_file import read_pose
        given.append(GivenStart(options.initial_pose.name, read_pose(options.initial_pose).camera.ras_from_camera))
    if (options.landmarks_3d is None) != (options.landmarks_2d is None):
        raise InputError("Landmarks are needed in both the patient and the X-ray: "
                         "give --landmarks-3d and --landmarks-2d.")
    if options.landmarks_3d is None:
        return HandedIn(tuple(given))
    from xvrcore.landmarks import match, read_pixels, read_points
    points = read_points(options.landmarks_3d)
    pairs = match(points, read_pixels(options.landmarks_2d, radiograph.path.stem))
    found = _poses_from(pairs, radiograph)
    given += [GivenStart("landmarks", pose) for result in found
              for pose in (result.ras_from_camera, *result.alternatives)]
    best = min(found, key=lambda result: (len(result.outliers), result.rms_px))
    note = f"Landmarks fit to {best.rms_px:.1f} px (rms)" + \
        (f", leaving out {', '.join(best.outliers)}." if best.outliers else ".")
    return HandedIn(tuple(given), {name: points[name] for name in pairs.names}, (note,))


def _poses_from(pairs, radiograph: Radiograph) -> list:
    """A pose for every flip that is possible; the landmarks contradict the wrong one."""
    from xvrcore.pnp import pose_from_landmarks
    found, complaint = [], None
    for intrinsics in dict.fromkeys(reading.intrinsics for reading in radiograph.readings):
        try:
            found.append(pose_from_landmarks(pairs.points_ras, pairs.pixels, intrinsics, names=pairs.names))
        except InputError as error:
            complaint = complaint or error
    if not found:
        raise InputError(f"{radiograph.path}: {complaint}") from complaint
    return found


def with_network(options, starts: list[HandedIn], radiographs: list[Radiograph], patient: Patient) -> list[HandedIn]:
    """The starts, and besides them what a trained network predicts for all X-rays in one pass.

    :raises InputError: the checkpoint cannot be used, or is of another volume.
    """
    if options.checkpoint is None:
        return starts
    from xvrcore.prediction import load_predictor
    moved = template_from_patient(options, patient.source)
    found = load_predictor(network_file(options.checkpoint), patient, moved).starts(radiographs)
    return [replace(start, given=start.given + more) for start, more in zip(starts, found, strict=True)]


def require_in_view(starts: HandedIn, radiograph: Radiograph, volume: Volume) -> None:
    """Tell a pose of another world from one that is merely rough.

    :raises InputError: there are poses handed in, and from all of them the X-ray looks past the volume.
    """
    corners = rigid.apply(volume.ras_from_ijk, [np.multiply(end, np.array(volume.values.shape[::-1]) - 1)
                                                for end in product((0, 1), repeat=3)])
    intrinsics = radiograph.readings[0].intrinsics
    for start in starts.given:
        uv, depth = Camera(intrinsics, start.ras_from_camera).project(corners)
        beside = (uv.max(axis=0) < 0) | (uv.min(axis=0) > [intrinsics.cols - 1, intrinsics.rows - 1])
        in_front = depth > 0
        if in_front.any() and not (in_front.all() and beside.any()):
            return
    if starts.given:
        raise InputError(f"From the pose of {starts.given[0].name} the X-ray {radiograph.path} looks past "
                         f"{volume.path}; give a pose in this volume's RAS frame, in mm.")


def truth_for(path: Path | None, radiograph: Radiograph) -> Truth | None:
    """The truth of an X-ray, found in a truth file by the X-ray's name.

    :raises InputError: the file is wrong, or does not hold this X-ray.
    """
    return None if path is None else read_truth(path, radiograph.path.stem)
