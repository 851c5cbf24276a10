"""A patient's volume, prepared once for any number of X-rays."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from xvrcore.attenuation import AIR_HU, cut_faces, hounsfield_from
from xvrcore.bones import bone_volume
from xvrcore.errors import InputError
from xvrcore.objective import Objective
from xvrcore.render import Projector, make_projector
from xvrcore.segments import Segmentation, restrict_to
from xvrcore.volume import Volume
from xvrcore.xray import Xray


@dataclass(frozen=True)
class Rendering:
    """One way to render the patient: everything, or bones alone. ``attenuation`` says where the scan ends."""

    attenuation: Volume = field(repr=False)
    projector: Projector = field(repr=False)
    cut_faces: tuple[bool, ...]

    def objective(self, xray: Xray) -> Objective:
        """Compare this rendering with an X-ray."""
        return Objective(self.attenuation, self.projector, self.cut_faces, xray)


class Patient:
    """Attenuation (1/mm) ready for rendering.

    ``source`` is the volume in HU or MR units the attenuation came from; bones are taken from it when a
    registration first asks for them.
    """

    def __init__(self, attenuation: Volume, source: Volume, backend: str = "auto"):
        self.source, self.backend = source, backend
        self.full = Rendering(attenuation, make_projector(attenuation, backend), cut_faces(attenuation))

    @cached_property
    def bones(self) -> Rendering | None:
        """Bones alone, for X-rays whose soft tissue does not look like the volume's; None where there are none."""
        bones = self.bone_attenuation()
        return None if bones is None else replace(self.full, projector=make_projector(bones, self.backend))

    def bone_attenuation(self) -> Volume | None:
        """Attenuation (1/mm) of the bones alone; None where there are none."""
        if self.source.quantity != "HU":
            return None
        try:
            return bone_volume(self.source)
        except InputError:
            return None

    @property
    def hounsfield(self) -> Volume:
        """The CT in HU; of an MR, what a CT would show of the attenuation that stands in for it."""
        return self.source if self.source.quantity == "HU" else hounsfield_from(self.full.attenuation)

    @property
    def center_ras(self) -> np.ndarray:
        """The middle of the scan."""
        return self.full.attenuation.center_ras


def patient_of_segments(attenuation: Volume, source: Volume, segmentation: Segmentation, names,
                        backend: str = "auto") -> Patient:
    """A patient with nothing but the named segments; ``attenuation`` and ``source`` are those of the whole one.

    :raises InputError: a name is unknown, or the segments do not lie in the volume.
    """
    kept = restrict_to(attenuation, segmentation, names)
    alone = source.with_values(np.where(kept.values > 0, source.values, AIR_HU), source.quantity)
    return Patient(kept, alone, backend)
