"""One patient on a device, rendered from tensors of poses through which gradients flow."""

import numpy as np
import torch

from xvrcore.camera import Intrinsics
from xvrcore.networks.poses import RelativePoses
from xvrcore.patient import Patient
from xvrcore.render import make_differentiable_projector
from xvrcore.render.tensor_projector import TensorProjector
from xvrcore.segments import Segmentation
from xvrcore.training.examples import level_for
from xvrcore.volume import Volume

SOLID_MM = 5.0
"""A segment is about opaque in a silhouette where a ray runs this far within it."""


class Subject:
    """Draws a patient as a detector of ``intrinsics`` sees it in poses told as ``relative`` does.

    ``pitch_mm`` is the size of the detector's pixels at the patient, which decides how finely volumes are sampled.
    """

    def __init__(self, patient: Patient, segmentation: Segmentation | None, relative: RelativePoses,
                 intrinsics: Intrinsics, pitch_mm: float, device: str):
        self.device, self.pitch_mm, self.shape = device, pitch_mm, (intrinsics.rows, intrinsics.cols)
        self._relative, self._segmentation = relative, segmentation
        # from the frame in which rotations and shifts apply: what is left of a camera's points (N, 3)
        targets = intrinsics.pixel_grid().reshape(-1, 3) @ relative.camera_turn - relative.offset
        self._targets, self._source, self._patient_turn, self._camera_turn = (self._placed(part) for part in (
            targets, -relative.offset[None], relative.patient_turn, relative.camera_turn))
        self._full = self._renderer(patient.full.attenuation)
        bones = patient.bone_attenuation()
        self._bones = None if bones is None else self._renderer(bones)
        self._segments: dict[int, _Renderer] = {}

    @property
    def segment_count(self) -> int:
        return 0 if self._segmentation is None else len(self._segmentation.segments)

    def integrals(self, rotations: torch.Tensor, shifts: torch.Tensor, detector_mm: torch.Tensor) -> torch.Tensor:
        """Line integrals (B, 1, h, w) at rotations (B, 3, 3) and shifts (B, 3; mm).

        ``detector_mm`` (3,), in the camera's frame: how far the detector is from where the intrinsics say.
        """
        return self._full.draw(*self._rays(rotations, shifts, detector_mm)).reshape(-1, 1, *self.shape)

    def bone_integrals(self, rotations: torch.Tensor, shifts: torch.Tensor, detector_mm: torch.Tensor) -> torch.Tensor:
        """Those of the bones alone, zero where the volume tells none."""
        if self._bones is None:
            return torch.zeros(len(shifts), 1, *self.shape, device=self.device)
        return self._bones.draw(*self._rays(rotations, shifts, detector_mm)).reshape(-1, 1, *self.shape)

    def silhouettes(self, rotations: torch.Tensor, shifts: torch.Tensor, detector_mm: torch.Tensor,
                    segments: list[int]) -> torch.Tensor:
        """How opaque each of these segments (their numbers) is along each ray, 0..1, (B, segments, h, w)."""
        rays = self._rays(rotations, shifts, detector_mm)
        lengths = [self._segment(number).draw(*rays) for number in segments]
        return 1 - torch.exp(-torch.stack(lengths, dim=1).reshape(len(shifts), -1, *self.shape) / SOLID_MM)

    def _rays(self, rotations: torch.Tensor, shifts: torch.Tensor,
              detector_mm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sources and ends (B, N, 3) in RAS, relative to the center of the poses."""
        turn = rotations @ self._patient_turn
        ends = (self._targets + detector_mm @ self._camera_turn - shifts[:, None]) @ turn
        return ((self._source - shifts[:, None]) @ turn).expand_as(ends), ends

    def _renderer(self, volume: Volume) -> "_Renderer":
        projector = make_differentiable_projector(volume, self.device)
        return _Renderer(projector, level_for(projector, self.pitch_mm),
                         self._placed(self._relative.center_ras - projector.center_ras))

    def _segment(self, number: int) -> "_Renderer":
        """Cut out when first asked for."""
        if number not in self._segments:
            labels, value = self._segmentation.labels, self._segmentation.segments[number].value
            self._segments[number] = self._renderer(_cut_out(labels, value))
        return self._segments[number]

    def _placed(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)


class _Renderer:
    """A projector at the level that is fine enough; ``shift_mm`` leads from the poses' center to its own."""

    def __init__(self, projector: TensorProjector, level: int, shift_mm: torch.Tensor):
        self.projector, self.level, self.shift_mm = projector, level, shift_mm

    def draw(self, sources: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Integrals (B, N) of rays (B, N, 3)."""
        points = ((part + self.shift_mm).reshape(-1, 3) for part in (sources, ends))
        return self.projector.differentiable(*points, self.level).reshape(ends.shape[:2])


def _cut_out(labels: Volume, value: int) -> Volume:
    """The voxels of one label, 1 inside, on the part of the grid that holds them."""
    inside = labels.values == value
    spans = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    low = np.array([max(0, span[0] - 1) for span in spans])
    box = tuple(slice(first, span[-1] + 2) for first, span in zip(low, spans, strict=True))
    frame = labels.ras_from_ijk.copy()
    frame[:3, 3] += frame[:3, :3] @ low[::-1]
    return Volume(inside[box].astype(np.float32), frame, "attenuation")
