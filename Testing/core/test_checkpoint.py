"""Laws of networks on disk: they come back as they were, and nothing foreign, torn or hostile gets in."""

import os
from datetime import datetime

import numpy as np
import pytest
import torch
from diffdrr.pose import convert

from xvrcore.camera import Intrinsics
from xvrcore.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from xvrcore.convert import camera_from_xvr
from xvrcore.errors import InputError
from xvrcore.networks.frames import RelativeFrame, XvrFrame
from xvrcore.networks.poses import predicted
from xvrcore.networks.ranges import preset
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.networks.rotations import PARAMETERIZATIONS, component_count, rotation_matrices
from xvrcore.volume import Volume

XVR_DESIGN = NetworkDesign("resnet18", 1, 64, "quaternion_adjugate", 1000.0, of_camera=True)
XVR_CONFIG = {"model_name": "resnet18", "norm_layer": "groupnorm", "height": 64, "delx": 4.36, "sdd": 1020.0,
              "orientation": "AP", "reverse_x_axis": False, "parameterization": "quaternion_adjugate",
              "convention": "ZXY", "unit_conversion_factor": 1000.0, "weights": None, "volpath": "ct.nii.gz"}


@pytest.fixture(scope="module")
def weights() -> dict:
    torch.manual_seed(1)
    return PoseNetwork(XVR_DESIGN).state_dict()


@pytest.fixture
def ours() -> Checkpoint:
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


def test_a_checkpoint_comes_back_bit_for_bit(ours, tmp_path):
    write_checkpoint(tmp_path / "net.safetensors", ours)
    back = read_checkpoint(tmp_path / "net.safetensors")
    assert (back.design, back.intrinsics, back.frame.volume, back.record) == \
        (ours.design, ours.intrinsics, ours.frame.volume, ours.record)
    for name, value in vars(ours.frame.relative).items():
        np.testing.assert_array_equal(getattr(back.frame.relative, name), value)
    assert all(torch.equal(back.weights[name], tensor) for name, tensor in ours.weights.items())
    images = torch.randn(2, 2, 64, 64)
    first, second = (predicted(c.network(), images) for c in (ours, back))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_truncated_checkpoint_is_refused_wherever_it_breaks_off(ours, tmp_path, rng):
    path = tmp_path / "net.safetensors"
    write_checkpoint(path, ours)
    whole = path.read_bytes()
    for length in [0, 7, 8, 100, len(whole) - 1, *rng.integers(9, len(whole), 5).tolist()]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"net.safetensors"):
            read_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"torn", b"\x80\x02}q\x00.", os.urandom(4096),
                                     b"PK\x03\x04" + os.urandom(500)])
@pytest.mark.parametrize("name", ["foreign.safetensors", "foreign.pth"])
def test_a_foreign_file_is_refused_with_its_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="foreign"):
        read_checkpoint(path)


def test_tensors_of_another_program_and_missing_files_are_refused(tmp_path):
    from safetensors.torch import save_file
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no pose network"):
        read_checkpoint(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="does not exist"):
        read_checkpoint(tmp_path / "gone.safetensors")


class Hostile:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("place", ["config", "date", "model_state_dict"])
def test_a_hostile_pickle_is_refused_and_executes_nothing(weights, tmp_path, place):
    mark = tmp_path / "executed"
    path = xvr_file(tmp_path / "evil.pth", weights)
    content = torch.load(path, weights_only=False)
    content[place] = Hostile(mark)
    torch.save(content, path)
    with pytest.raises(InputError, match="refused: reading it would execute code"):
        read_checkpoint(path)
    assert not mark.exists()


def test_a_checkpoint_of_xvr_is_read_strictly(weights, tmp_path):
    found = read_checkpoint(xvr_file(tmp_path / "xvr.pth", weights))
    assert found.design == XVR_DESIGN
    assert found.record["date"].startswith("2026-01-02")
    fewer = {name: tensor for name, tensor in weights.items() if name != "backbone.layer3.1.bn2.bias"}
    for wrong in (fewer, {**weights, "extra": torch.zeros(1)}, {**weights, "rot_regression.bias": torch.zeros(4)}):
        with pytest.raises(InputError, match="does not fit"):
            read_checkpoint(xvr_file(tmp_path / "xvr.pth", wrong))


@pytest.mark.parametrize("config", [{"model_name": "vit_base"}, {"norm_layer": "batchnorm"}, {"convention": "XYZ"},
                                    {"height": None}])
def test_a_checkpoint_of_xvr_that_means_something_else_is_refused(weights, tmp_path, config):
    with pytest.raises(InputError, match=r"xvr.pth"):
        read_checkpoint(xvr_file(tmp_path / "xvr.pth", weights, config=config))


@pytest.mark.parametrize("orientation", ["AP", "PA"])
@pytest.mark.parametrize("reverse_x_axis", [False, True])
def test_xvr_predictions_mean_the_cameras_that_diffdrr_gives_them(weights, tmp_path, rng, orientation, reverse_x_axis):
    frame = np.diag([0.9, 1.1, 2.0, 1.0])
    frame[:3, 3] = rng.uniform(-100, 100, 3)
    volume = Volume(np.zeros((20, 30, 40), np.float32), frame, "HU")
    config = {"orientation": orientation, "reverse_x_axis": reverse_x_axis}
    found = read_checkpoint(xvr_file(tmp_path / "xvr.pth", weights, config=config))
    assert isinstance(found.frame, XvrFrame)
    images = torch.tensor(rng.normal(size=(3, 1, 64, 64)), dtype=torch.float32)
    network = found.network()
    with torch.no_grad():
        theirs = convert(*network(images), parameterization="quaternion_adjugate").matrix.numpy()
        rotations, shifts = predicted(network, images)
    ours = found.frame.poses(volume).decoded(rotations.numpy(), shifts.numpy())
    for theirs_one, pose in zip(theirs, ours, strict=True):
        expected = camera_from_xvr(found.frame.drr, theirs_one.astype(float), volume)
        assert expected.intrinsics == found.intrinsics
        np.testing.assert_allclose(pose, expected.ras_from_camera, atol=2e-3)


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_rotations_mean_what_diffdrr_means_by_them(name, rng):
    outputs = torch.tensor(rng.normal(size=(50, component_count(name))), dtype=torch.float32)
    theirs = convert(outputs, torch.zeros(50, 3), parameterization=name, convention="ZXY")
    ours = rotation_matrices(outputs, name)
    np.testing.assert_allclose(ours, theirs.matrix[:, :3, :3], atol=1e-5)
    np.testing.assert_allclose(torch.linalg.det(ours), 1, atol=1e-5)
