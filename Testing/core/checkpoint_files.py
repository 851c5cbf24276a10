"""Networks for tests of what is on disk: a small one of ours, and files as xvr writes them."""

import os
from datetime import datetime

import numpy as np
import torch

from xvrcore.camera import Intrinsics
from xvrcore.checkpoint import Checkpoint
from xvrcore.networks.frames import RelativeFrame
from xvrcore.networks.ranges import preset
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.volume import Volume

XVR_DESIGN = NetworkDesign("resnet18", 1, 64, "quaternion_adjugate", 1000.0, of_camera=True)
XVR_CONFIG = {"model_name": "resnet18", "norm_layer": "groupnorm", "height": 64, "delx": 4.36, "sdd": 1020.0,
              "orientation": "AP", "reverse_x_axis": False, "parameterization": "quaternion_adjugate",
              "convention": "ZXY", "unit_conversion_factor": 1000.0, "weights": None, "volpath": "ct.nii.gz"}


def xvr_weights() -> dict:
    torch.manual_seed(1)
    return PoseNetwork(XVR_DESIGN).state_dict()


def small_checkpoint() -> Checkpoint:
    design = NetworkDesign("small", 2, 64, "rotation_6d", 50.0)
    frame = np.diag([1.5, 1.25, 2.0, 1.0])
    frame[:3, 3] = 1.0, -2.5, 3.125
    volume = Volume(np.zeros((20, 30, 40), np.float32), frame, "HU", sha256="ab" * 32)
    return Checkpoint(design, Intrinsics(1000.0, (4.0, 4.0), (31.5, 30.0), 64, 64),
                      RelativeFrame.around(preset("chest", "PA", 700.0), volume), PoseNetwork(design).state_dict(),
                      {"validation": {"median_mm": 5.5}})


def xvr_file(path, weights, **changes):
    content = {"model_state_dict": weights, "config": {**XVR_CONFIG, **changes.pop("config", {})},
               "date": datetime(2026, 1, 2, 3, 4, 5), "itr": 3, "model_number": 1} | changes
    torch.save(content, path)
    return path


class Hostile:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)
