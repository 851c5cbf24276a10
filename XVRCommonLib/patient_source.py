"""The patient prepared for rendering, made once from a volume node and kept while that does not change."""

from dataclasses import dataclass, field

from .volume_file import withHash
from .volumes import coreVolume, dicomFileOf, stateOf, worldFromParent


@dataclass
class PreparedPatient:
    """A copy of the volume (:class:`xvrcore.volume.Volume`), and what is rendered of it.

    ``moved`` (4x4) is the transform under which it stands in the scene; ``file`` may be the one that it was read from.
    """

    volume: object = field(repr=False)
    moved: object = field(repr=False)
    file: object = None
    _patient: object = field(default=None, repr=False)
    _alone: object = field(default=None, repr=False)
    _hashed: object = field(default=None, repr=False)

    def patient(self):
        """:class:`xvrcore.patient.Patient`; takes its time when called first, in the worker's thread."""
        if self._patient is None:
            from xvrcore.attenuation import attenuation_from_ct, attenuation_from_mr
            from xvrcore.patient import Patient

            make = attenuation_from_mr if self.volume.quantity == "MR" else attenuation_from_ct
            self._patient = Patient(make(self.volume), self.volume)
        return self._patient

    def hashedVolume(self):
        """The volume as reports name it: with its file's hash; takes its time when called first."""
        if self._hashed is None:
            self._hashed = withHash(self.volume, self.file)
        return self._hashed

    def patientOf(self, segmentation, names):
        """The patient with nothing but the named segments of the core's segmentation; otherwise as :meth:`patient`.

        :raises InputError: the segments do not lie in the volume.
        """
        from xvrcore.patient import patient_of_segments

        kept = self._alone
        if kept is None or kept.segmentation is not segmentation or kept.names != names:
            whole = self.patient().full.attenuation
            self._alone = _Alone(segmentation, names,
                                 patient_of_segments(whole, self.volume, segmentation, names))
        return self._alone.patient


@dataclass(frozen=True)
class _Alone:
    """What was prepared last of a patient's segments."""

    segmentation: object = field(repr=False)
    names: tuple
    patient: object = field(repr=False)


class PatientSource:
    """Copies the chosen volume in the main thread when it has changed."""

    def __init__(self):
        self._state, self._prepared = None, None

    def prepared(self, node, modality):
        """The :class:`PreparedPatient`, the same one until the node changes.

        :raises InputError: the node is no usable CT or MR.
        """
        state = stateOf(node, modality)
        if state != self._state:
            volume = coreVolume(node, modality)
            self._prepared = PreparedPatient(volume, worldFromParent(node), dicomFileOf(node) or volume.path)
            self._state = state
        return self._prepared
