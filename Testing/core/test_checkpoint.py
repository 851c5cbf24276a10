"""Laws of networks on disk: they come back as they were, and mean what the library that wrote them means."""

import numpy as np
import pytest
import torch
from checkpoint_files import XVR_DESIGN, small_checkpoint, xvr_file, xvr_weights
from diffdrr.pose import convert

from xvrcore.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from xvrcore.convert import camera_from_xvr
from xvrcore.errors import InputError
from xvrcore.networks.frames import XvrFrame
from xvrcore.networks.poses import predicted
from xvrcore.networks.rotations import PARAMETERIZATIONS, component_count, rotation_matrices
from xvrcore.volume import Volume


@pytest.fixture(scope="module")
def weights() -> dict:
    return xvr_weights()


@pytest.fixture
def ours() -> Checkpoint:
    return small_checkpoint()


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
