"""Where a registration starts: what the scene offers, as the core's poses."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import slicer
from slicer.i18n import tr as _

from XVRCommonLib.network_chooser import networkName
from XVRCommonLib.packages import NETWORKS, missingPackages
from XVRCommonLib.volumes import rigidFromTransform
from xvrcore.errors import InputError

ASSUMED_VIEW = (0.0, 0.0)
"""Positioner angles of the first view shown where the header has none: the patient faces the detector."""


@dataclass(frozen=True)
class Start:
    """``name`` as the core knows it; ``poses`` (4x4) to begin with, or the ``network`` (a file) that tells them, with
    the stated motion (4x4) of the volume, as it stands in the scene, onto the network's; ``words`` for the panel;
    ``intrinsics`` if the poses are those of one reading of the image alone."""

    name: str
    poses: tuple = field(default=(), repr=False)
    words: str = ""
    network: Path | None = None
    networkFromVolume: np.ndarray | None = field(default=None, repr=False)
    intrinsics: object = field(default=None, repr=False)

    def given(self, radiograph, prepared):
        """The core's handed-in starts for an X-ray of a prepared patient; to be called in the worker's thread.

        :raises InputError: the network cannot be used for this volume.
        """
        if self.network is not None:
            return self._predictor(prepared).starts([radiograph])[0]
        from xvrcore.registration import GivenStart

        return tuple(GivenStart(self.words, pose) for pose in self.poses)

    def _predictor(self, prepared):
        from xvrcore.checkpoint import read_checkpoint
        from xvrcore.prediction import load_predictor

        if self.networkFromVolume is not None or np.allclose(prepared.moved, np.eye(4)):
            return load_predictor(self.network, prepared.patient(), self.networkFromVolume)
        back = np.linalg.inv(prepared.moved)
        standing = replace(prepared.volume, ras_from_ijk=back @ prepared.volume.ras_from_ijk)
        read_checkpoint(self.network).frame.poses(standing)  # refuses another volume, wherever it stands
        return load_predictor(self.network, prepared.patient(), back)


def nominalPose(radiograph, centerRas):
    """The header's pose (4x4), or a frontal view, looking at the volume's center."""
    from xvrcore.initialize.regions import header_region, source_distance_mm
    from xvrcore.positioner import camera_pose

    xray = radiograph.readings[0]
    if xray.positioner.has_angles:
        return header_region(xray, centerRas, radiograph.patient_orientation).nominal
    return camera_pose(*ASSUMED_VIEW, source_distance_mm(xray), centerRas)


def fromHeader(radiograph):
    """
    :raises InputError: the header has no angles.
    """
    if not radiograph.readings[0].positioner.has_angles:
        raise InputError(_("The header has no positioner angles; type them, or choose another start."))
    positioner = radiograph.readings[0].positioner
    return Start("header", (), _("header: {primary:.0f}° primary, {secondary:.0f}° secondary").format(
        primary=positioner.primary_deg, secondary=positioner.secondary_deg))


def fromNetwork(path, template=None, alone=True):
    """
    :param template: the transform node that brings the volume onto the one the network was trained on, if another.
    :param alone: otherwise what the header or the standard views say is tried beside it.
    :raises InputError: none is chosen, the transform is not rigid, or what networks need is not installed.
    """
    if not path.is_file():
        raise InputError(_("Choose a network in section 1; the module XVR Finetune trains one for a patient."))
    missing = missingPackages(NETWORKS)
    if missing:
        raise InputError(_("A network needs {packages}; the module XVR Finetune offers to install that.").format(
            packages=", ".join(missing)))
    name, words, motion = "given" if alone else "auto", _("network {name}").format(name=networkName(path)), None
    if template is not None:
        motion = rigidFromTransform(template)
        words += _(", by the transform {name}").format(name=template.GetName())
    return Start(name, (), words, path, motion)


def fromLandmarks(points3d, points2d, radiograph, rasFromIjk):
    """The pose that brings points of the volume onto points of the same names in the X-ray's view.

    :param rasFromIjk: where the shown image stands.
    :raises InputError: points are missing, or no pose explains them.
    """
    from xvrcore.landmarks import match
    from xvrcore.pnp import pose_from_landmarks

    if points3d is None or points2d is None:
        raise InputError(_("Choose two lists of points: in the volume and on the X-ray."))
    pixels = {name: (np.linalg.inv(rasFromIjk) @ np.r_[point, 1])[:2] for name, point in namedPoints(points2d).items()}
    pairs = match(namedPoints(points3d), pixels)
    found, complaint = [], None
    for intrinsics in dict.fromkeys(reading.intrinsics for reading in radiograph.readings):
        try:
            result = pose_from_landmarks(pairs.points_ras, pairs.pixels, intrinsics, names=pairs.names)
            found.append((len(result.outliers), result.rms_px, result, intrinsics))
        except InputError as error:
            complaint = error
    if not found:
        raise complaint
    _outliers, rms, best, intrinsics = min(found, key=lambda entry: entry[:2])
    words = _("landmarks: {count} pairs, reprojection error {rms:.1f} px").format(count=len(pairs.names), rms=rms)
    if best.outliers:
        words += _(", without {names}").format(names=", ".join(best.outliers))
    return Start("given", (best.ras_from_camera, *best.alternatives), words, intrinsics=intrinsics)


def namedPoints(node):
    """Label to world position (3,), of points that are placed."""
    points = slicer.util.arrayFromMarkupsControlPoints(node, world=True)
    defined = node.PositionDefined
    return {node.GetNthControlPointLabel(i): point for i, point in enumerate(points)
            if node.GetNthControlPointPositionStatus(i) == defined}
