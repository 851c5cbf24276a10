"""How a network is trained: every setting with its default, and the profiles, which are nothing but settings."""

from dataclasses import asdict, dataclass, field, replace

from xvrcore.errors import InputError
from xvrcore.render.tensor_projector import available_device
from xvrcore.training.appearance import Appearance


@dataclass(frozen=True)
class TrainingSettings:
    """``minutes`` of training, or exactly ``iterations`` of it, which alone is the same on any machine.

    ``channels``: 2 as the small network sees an image, or 1 as xvr's do. ``unit_mm``: of a network's translations.
    ``loss``: "fiducials" (mTRE) or "images" (a second rendering, and the ``..._weight`` of each of its terms).
    ``warmup``: iterations over which the learning rate rises; it then falls as a cosine to the budget's end.
    ``hidden_rate``: that of the hidden convolutions, by Muon; None leaves all weights to Adam.
    ``clipping``: largest ratio of a gradient's norm to its weights'. ``patience``: validations without progress
    after which training ends early. ``validation_xrays``: unseen X-rays that judge the network.
    ``groups``: an iteration's batch is drawn in so many parts, each of one patient; processes share them out.
    """

    profile: str = "cpu"
    device: str = "cpu"
    minutes: float = 5.0
    iterations: int | None = None
    seed: int = 0
    network: str = "small"
    channels: int = 2
    size: int = 64
    batch: int = 64
    groups: int = 1
    parameterization: str = "rotation_6d"
    unit_mm: float = 50.0
    loss: str = "fiducials"
    geodesic_weight: float = 0.01
    dice_weight: float = 1.0
    consistency_weight: float = 0.0
    learning_rate: float = 2.8e-3
    hidden_rate: float | None = 0.028
    warmup: int = 100
    clipping: float = 0.1
    patience: int = 8
    validation_xrays: int = 24
    appearance: Appearance = field(default=Appearance())

    def __post_init__(self):
        if self.profile not in ("cpu", "gpu"):
            raise InputError(f"There is no profile {self.profile!r}; choose cpu or gpu.")
        if not self.minutes > 0 or (self.iterations is not None and self.iterations < 1):
            raise InputError("Training needs a budget above zero; give minutes or iterations.")
        if self.seed < 0:
            raise InputError(f"The seed is {self.seed}; give 0 or more.")
        if self.validation_xrays < 1:
            raise InputError(f"A network is judged by {self.validation_xrays} X-rays; give at least 1.")
        if not min(self.geodesic_weight, self.dice_weight, self.consistency_weight) >= 0:
            raise InputError("A term of the loss has a weight below 0; give 0 or more.")
        if not 1 <= self.groups <= self.batch:
            raise InputError(f"A batch of {self.batch} cannot be drawn in {self.groups} parts; give a larger batch.")

    def as_dict(self) -> dict:
        return asdict(self)


PROFILES = {
    "cpu": TrainingSettings(),
    # the recipe of xvr (V. Gopalakrishnan et al., arXiv 2503.16309, and its published code), but for its learning rate
    # of 5e-3. Nobody has run it on a GPU yet; in a few hundred small iterations on a CPU the loss fell faster at 3e-4,
    # which says little about long trainings at full size
    "gpu": TrainingSettings(
        profile="gpu", device="cuda", network="resnet18", channels=1, size=128, batch=116,
        parameterization="quaternion_adjugate", unit_mm=1000.0, loss="images", learning_rate=3e-4, hidden_rate=None,
        clipping=0.01, appearance=Appearance(probability=0.5, bone=(0.0, 9.0))),
}


def chosen_profile(profile: str = "auto", device: str = "auto") -> TrainingSettings:
    """The settings of a profile on a device, each by name or "auto": the gpu profile where there is a CUDA GPU.

    Of Apple's, many a torch cannot sample a volume; whoever wants one names it, or the gpu profile.

    :raises InputError: an unknown profile, a device that is not there, or the cpu profile on another device.
    """
    if profile not in ("auto", *PROFILES):
        raise InputError(f"There is no profile {profile!r}; choose auto, {', '.join(PROFILES)}.")
    if device == "auto" and (profile == "cpu" or (profile == "auto" and available_device() != "cuda")):
        device = "cpu"
    device = available_device(device)
    if profile == "auto":
        profile = "cpu" if device == "cpu" else "gpu"
    if profile == "cpu" and device != "cpu":
        raise InputError(f"The cpu profile trains on the CPU, not on {device!r}; choose the gpu profile for it.")
    return replace(PROFILES[profile], device=device)


def settings_from_dict(content: dict) -> TrainingSettings:
    """The inverse of :meth:`TrainingSettings.as_dict`, from JSON."""
    appearance = {k: tuple(v) if isinstance(v, list) else v for k, v in content["appearance"].items()}
    return replace(TrainingSettings(), **{**content, "appearance": Appearance(**appearance)})
