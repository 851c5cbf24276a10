"""How a network is trained: every setting with its default, and the two profiles."""

from dataclasses import asdict, dataclass, field, replace

from xvrcore.errors import InputError
from xvrcore.training.appearance import Appearance

PROFILES = ("cpu",)


@dataclass(frozen=True)
class TrainingSettings:
    """``minutes`` of training, or exactly ``iterations`` of it, which alone is the same on any machine.

    ``warmup``: iterations over which the learning rate rises; it then falls as a cosine to the budget's end.
    ``hidden_rate``: that of the hidden convolutions, by Muon.
    ``clipping``: largest ratio of a gradient's norm to its weights'. ``patience``: validations without progress
    after which training ends early. ``validation_xrays``: unseen X-rays that judge the network.
    """

    profile: str = "cpu"
    minutes: float = 5.0
    iterations: int | None = None
    seed: int = 0
    network: str = "small"
    size: int = 64
    batch: int = 32
    parameterization: str = "rotation_6d"
    unit_mm: float = 50.0
    learning_rate: float = 2e-3
    hidden_rate: float = 0.02
    warmup: int = 100
    clipping: float = 0.1
    patience: int = 8
    validation_xrays: int = 24
    appearance: Appearance = field(default=Appearance())

    def __post_init__(self):
        if self.profile not in PROFILES:
            raise InputError(f"There is no profile {self.profile!r}; choose one of {', '.join(PROFILES)}.")
        if not self.minutes > 0 or (self.iterations is not None and self.iterations < 1):
            raise InputError("Training needs a budget above zero; give --minutes or --iterations.")

    def as_dict(self) -> dict:
        return asdict(self)


def settings_from_dict(content: dict) -> TrainingSettings:
    """The inverse of :meth:`TrainingSettings.as_dict`, from JSON."""
    appearance = {k: tuple(v) if isinstance(v, list) else v for k, v in content["appearance"].items()}
    return replace(TrainingSettings(), **{**content, "appearance": Appearance(**appearance)})
