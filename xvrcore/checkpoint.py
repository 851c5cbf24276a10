"""Networks on disk: one ``.safetensors`` file with all of its configuration, which holds numbers and text alone.

xvr's published ``.pth`` files are pickles, which can execute what they like; they are read by torch's restricted
unpickler, which builds tensors, containers and dates and refuses the rest.
"""

import json
import pickle
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from xvrcore.camera import Intrinsics, image_center_px
from xvrcore.convert import CENTERED_VOXELS, camera_from_xvr
from xvrcore.errors import InputError
from xvrcore.files import write_whole
from xvrcore.networks.frames import AgnosticFrame, RelativeFrame, XvrFrame, frame_from_dict
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.volume import Volume

KIND = "xvrcore pose network"
SCHEMA_VERSION = 2
XVR_NETWORKS = ("resnet18", "resnet34")
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and all it takes to use it.

    ``intrinsics`` are those of the images it sees. ``record`` is what else is known: profile, settings, versions,
    validation figures.
    """

    design: NetworkDesign
    intrinsics: Intrinsics
    frame: RelativeFrame | AgnosticFrame | XvrFrame
    weights: dict[str, torch.Tensor] = field(repr=False)
    record: dict = field(default_factory=dict, repr=False)

    def network(self) -> PoseNetwork:
        """The network with these weights, ready to predict."""
        network = PoseNetwork(self.design)
        network.load_state_dict(self.weights)
        return network.eval()


def write_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write ``.safetensors``, whole or not at all.

    :raises InputError: the place cannot be written to, or is full.
    """
    if isinstance(checkpoint.frame, XvrFrame):
        raise InputError("A network of xvr is used as it is; finetune it to get one that can be saved.")
    content = {"kind": KIND, "schema_version": SCHEMA_VERSION, "design": asdict(checkpoint.design),
               "intrinsics": asdict(checkpoint.intrinsics), "frame": checkpoint.frame.as_dict(),
               "record": checkpoint.record}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.weights.items()}
    write_whole(path, safetensors.torch.save(weights, {"xvrcore": json.dumps(content)}))


def read_checkpoint(path: str | Path) -> Checkpoint:
    """A checkpoint of ours, or xvr's ``.pth``.

    :raises InputError: missing, truncated, of another program, or one that would execute code.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a checkpoint (.safetensors, or xvr's .pth).")
    return _read_xvr(path) if path.suffix.lower() in (".pth", ".pt", ".ckpt") else _read_ours(path)


def _read_ours(path: Path) -> Checkpoint:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            content = json.loads((file.metadata() or {}).get("xvrcore", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is not a whole .safetensors file ({error}); copy it again.") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(f"{path} holds tensors, but no pose network of ours; give one that finetune wrote.")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise InputError(f"{path} was written by another version of xvrcore (schema {content.get('schema_version')}, "
                         f"here {SCHEMA_VERSION}).")
    try:
        design = NetworkDesign(**content["design"])
        intrinsics = _intrinsics(content["intrinsics"], design)
        frame, record = frame_from_dict(content["frame"]), dict(content["record"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} has a description that is incomplete or wrong ({_first_line(error)}); finetune did "
                         "not write it.") from error
    return Checkpoint(design, intrinsics, frame, _fitting(weights, design, path), record)


def _intrinsics(content: dict, design: NetworkDesign) -> Intrinsics:
    """Those of the square images that a network sees.

    :raises LookupError, TypeError, ValueError: something is missing or of the wrong kind.
    """
    pairs = [tuple(map(float, content[name])) for name in ("spacing_mm", "principal_point_px")]
    if any(len(pair) != 2 for pair in pairs) or not content["rows"] == content["cols"] == design.size:
        raise ValueError(f"its images are not {design.size} pixels a side")
    return Intrinsics(float(content["sdd_mm"]), *pairs, design.size, design.size, content["flipped"] is True)


def _read_xvr(path: Path) -> Checkpoint:
    content = _unpickled(path)
    if not isinstance(content, dict) or not {"model_state_dict", "config"} <= set(content):
        raise InputError(f"{path} is not a checkpoint of xvr: it lacks model_state_dict and config.")
    try:
        design, drr = _meant_by_xvr(content["config"])
        center = image_center_px(design.size, design.size)
        seen = Intrinsics(drr["sdd"], (drr["delx"],) * 2, center, design.size, design.size)
        unposed = Volume(np.zeros((2, 2, 2), np.float32), np.eye(4), "HU")
        intrinsics = replace(seen, flipped=camera_from_xvr(drr, np.eye(4), unposed).intrinsics.flipped)
    except KeyError as error:
        raise InputError(f"{path} lacks {error} in its configuration; it is not a checkpoint of xvr.") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} cannot be used as a checkpoint of xvr: {_first_line(error)}") from error
    record = {"source": "xvr", "date": str(content.get("date", ""))}
    return Checkpoint(design, intrinsics, XvrFrame(drr), _fitting(content["model_state_dict"], design, path), record)


def _meant_by_xvr(config: dict) -> tuple[NetworkDesign, dict]:
    """The network that xvr's configuration describes, and the ``drr`` parameters of what it sees.

    :raises KeyError, TypeError, ValueError, AttributeError, OverflowError: something is missing or of the wrong kind.
    """
    name, size = config["model_name"], int(config["height"])
    if name not in XVR_NETWORKS or config.get("norm_layer") != "groupnorm":
        raise InputError(f"it holds a {name} with {config.get('norm_layer')}; {' and '.join(XVR_NETWORKS)} with "
                         "groupnorm can be read.")
    if config.get("convention") not in (None, "ZXY"):
        raise InputError(f"it speaks of {config['convention']} angles; only ZXY can be read.")
    design = NetworkDesign(name, 1, size, config["parameterization"], float(config.get("unit_conversion_factor", 1.0)),
                           of_camera=True)
    return design, {"sdd": float(config["sdd"]), "height": size, "width": size, "delx": float(config["delx"]),
                    "dely": float(config["delx"]), "x0": 0.0, "y0": 0.0, "orientation": config["orientation"],
                    "reverse_x_axis": bool(config["reverse_x_axis"]), "voxel_shift": CENTERED_VOXELS}


def _unpickled(path: Path):
    """The content of a ``.pth`` file, nothing in it executed."""
    if not hasattr(torch.serialization, "safe_globals"):
        raise InputError(f"{path}: reading a .pth safely needs torch 2.5 or newer; this is {torch.__version__}.")
    try:
        with torch.serialization.safe_globals([datetime]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "GLOBAL" in line or "nsupported" in line), "")
        raise InputError(f"{path} is refused: reading it would execute code or build objects that a network does not "
                         f"need. {reason.strip()}") from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a whole checkpoint ({_first_line(error)}); copy it again.") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _fitting(weights, design: NetworkDesign, path: Path) -> dict[str, torch.Tensor]:
    """The weights, if their names and shapes are exactly those of the design.

    :raises InputError: they are not.
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in PoseNetwork(design).state_dict().items()}
    if not isinstance(weights, dict) or not all(map(_is_plain, weights.values())):
        raise InputError(f"{path} does not fit a {design.name}: its weights are not named tensors of finite numbers.")
    differing = {str(name) for name, _ in {(name, tuple(tensor.shape)) for name, tensor in weights.items()}
                 ^ set(wanted.items())}
    if differing:
        raise InputError(f"{path} does not fit a {design.name}: its weights differ, for instance in "
                         f"{', '.join(sorted(differing)[:3])}.")
    # copied: on Windows a tensor of the file's own memory would keep training from replacing the file
    return {name: tensor.to(torch.float32, copy=True) for name, tensor in weights.items()}


def _is_plain(weight) -> bool:
    """Whether it is a tensor of finite real numbers, in memory."""
    return isinstance(weight, torch.Tensor) and weight.layout == torch.strided and weight.device.type == "cpu" and \
        weight.dtype in FLOATS and bool(torch.isfinite(weight).all())
