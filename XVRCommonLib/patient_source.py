"""The patient prepared for rendering, made once from a volume node and kept while that does not change."""

from dataclasses import dataclass, field

from .volumes import coreVolume, stateOf


@dataclass
class PreparedPatient:
    """A copy of the volume (:class:`xvrcore.volume.Volume`), and what is rendered of it."""

    volume: object = field(repr=False)
    _patient: object = field(default=None, repr=False)

    def patient(self):
        """:class:`xvrcore.patient.Patient`; takes its time when called first, in the worker's thread."""
        if self._patient is None:
            from xvrcore.attenuation import attenuation_from_ct, attenuation_from_mr
            from xvrcore.patient import Patient

            make = attenuation_from_mr if self.volume.quantity == "MR" else attenuation_from_ct
            self._patient = Patient(make(self.volume), self.volume)
        return self._patient


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
            self._prepared = PreparedPatient(coreVolume(node, modality))
            self._state = state
        return self._prepared
