"""Laws of what networks see and say: geometry survives every resampling, poses every encoding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scene import blobs, random_camera
from scipy.spatial.transform import Rotation

from xvrcore import positioner, rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.networks.aiming import ROLL_DEG, Reach, aimed, spread, turned
from xvrcore.networks.inputs import inputs_of, network_input, network_intrinsics, reduced, resampled
from xvrcore.networks.poses import RelativePoses, mean_distances
from xvrcore.networks.ranges import ANATOMIES, VIEWS, PoseRange, preset, range_for
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.networks.rotations import PARAMETERIZATIONS, identity_outputs, rotation_matrices
from xvrcore.positioner import Positioner
from xvrcore.render import make_projector
from xvrcore.xray import Xray
from xvrcore.xray_io import XrayOptions, blank_xray

WANTED = Intrinsics(900.0, (5.0, 5.0), (23.5, 20.0), 48, 48)


def drawn(projector, camera: Camera) -> np.ndarray:
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    values = projector.integrals(camera.ras_from_camera[None], targets).values
    return values.reshape(camera.intrinsics.rows, camera.intrinsics.cols)


def correlation(a, b, mask) -> float:
    return float(np.corrcoef(a[mask], b[mask])[0, 1])


def turns(rng, count: int) -> np.ndarray:
    return Rotation.from_rotvec(rng.uniform(-1, 1, (count, 3)) * np.deg2rad([4, 4, 25])).as_matrix()


@pytest.mark.parametrize("flipped", [False, True])
def test_an_xray_of_any_intrinsics_is_seen_as_the_networks_turned_detector_would_show_it(rng, flipped):
    volume = blobs(rng)
    projector = make_projector(volume)
    camera = random_camera(rng, volume.center_ras, flipped=flipped, rows=180, cols=200)
    camera = Camera(replace(camera.intrinsics, sdd_mm=1100.0), camera.ras_from_camera)
    xray = Xray(drawn(projector, camera), np.ones((180, 200), bool), camera.intrinsics, Positioner(), 1)
    turn = turns(rng, 1)
    image, mask = resampled(reduced(xray, WANTED), WANTED, turn[0])
    expected = drawn(projector, Camera(WANTED, turned(camera.ras_from_camera[None], turn)[0]))
    assert mask.mean() > 0.1
    assert correlation(image, expected, mask > 0) > 0.99


def test_what_lies_outside_the_field_is_blank_and_does_not_matter(rng):
    image = rng.normal(size=(60, 60)).astype(np.float32)
    mask = np.zeros((60, 60), bool)
    mask[10:50, 15:55] = True
    xray = Xray(image, mask, Intrinsics(1000.0, (4.0, 4.0), (29.5, 29.5), 60, 60), Positioner(), 1)
    changed = replace(xray, image=np.where(mask, image, 1e3).astype(np.float32))
    for channels in (1, 2):
        first, second = (inputs_of([reduced(one, WANTED)], np.eye(3)[None], WANTED, channels)
                         for one in (xray, changed))
        np.testing.assert_allclose(first, second, atol=1e-4)


def test_brightness_and_contrast_of_an_xray_do_not_matter(rng):
    images, masks = rng.normal(size=(3, 32, 32)).astype(np.float32), np.ones((3, 32, 32), np.float32)
    for channels in (1, 2):
        np.testing.assert_allclose(network_input(images, masks, channels),
                                   network_input(7 * images - 3, masks, channels), atol=2e-3)


def test_a_turned_camera_is_blank_where_it_looks_past_the_detector(rng):
    xray = Xray(rng.normal(size=(48, 48)).astype(np.float32), np.ones((48, 48), bool), WANTED, Positioner(), 1)
    reach, missed = Reach(WANTED), []
    for turn in turns(rng, 8):
        _, mask = resampled(reduced(xray, WANTED), WANTED, turn)
        foreseen = reach(torch.tensor(turn[None], dtype=torch.float32))[0, 0].numpy()
        missed.append((mask != foreseen).mean())
    assert np.max(missed) <= 2 / 48          # a pixel along two edges
    assert np.mean(missed) < 0.03
    assert reach(torch.eye(3)[None]).all()


def test_an_aimed_camera_sees_the_center_where_the_nominal_one_does_and_no_roll(rng):
    center = rng.uniform(-50, 50, 3)
    wanted = replace(preset("pelvis", "AP", 700.0), right_mm=(20, 60))
    relative = RelativePoses.around(wanted.nominal(center), center)
    poses = wanted.sample(30, center, rng)
    found = turned(poses, aimed(poses, relative))
    np.testing.assert_allclose(found[:, :3, 3], poses[:, :3, 3], atol=1e-9)   # no ray has moved
    nominal, seen = (rigid.inverse(pose) for pose in (wanted.nominal(center)[None], found))
    axis = rigid.apply(nominal[0], center)
    ends = np.array([rigid.apply(one, center) for one in seen])
    np.testing.assert_allclose(np.cross(ends, axis), 0, atol=1e-6)
    vectors = Rotation.from_matrix(seen[:, :3, :3] @ nominal[0, :3, :3].T).as_rotvec()
    np.testing.assert_allclose(vectors @ axis, 0, atol=1e-6)
    np.testing.assert_allclose(aimed(found, relative), np.tile(np.eye(3), (30, 1, 1)), atol=1e-9)


def test_looks_differ_by_no_more_than_is_stated(rng):
    angles = np.rad2deg(Rotation.from_matrix(spread(rng.uniform(-1, 1, (200, 3)))).magnitude())
    assert 2 < angles.max() < ROLL_DEG + 2


def test_network_intrinsics_cover_the_whole_example(rng):
    example = Intrinsics(1000.0, (0.5, 0.7), (310.0, 200.0), 400, 600, bool(rng.random() < 0.5))
    found = network_intrinsics(example, 64)
    corners = example.detector_points([0, 599, 0, 599], [0, 0, 399, 399])
    uv = (corners @ found.matrix.T / found.sdd_mm)[:, :2]
    assert uv.min() >= -0.5
    assert uv.max() <= 63.5


def test_sampled_poses_lie_in_the_stated_range_and_look_as_stated(rng):
    wanted = PoseRange((10, 40), (-20, 5), (-8, 8), (-30, 10), (5, 60), (600, 700))
    center = rng.uniform(-100, 100, 3)
    for pose in wanted.sample(50, center, rng):
        angles = positioner.angles_of(pose)
        seen = rigid.apply(rigid.inverse(pose), center)
        for value, interval in zip((*angles, *seen), wanted.as_dict().values(), strict=True):
            assert interval[0] - 1e-6 <= value <= interval[1] + 1e-6
    nominal = positioner.angles_of(wanted.nominal(center))
    np.testing.assert_allclose(nominal, (25, -7.5, 0), atol=1e-9)


@pytest.mark.parametrize("anatomy", ANATOMIES)
@pytest.mark.parametrize("view", VIEWS)
def test_presets_say_in_words_what_they_are(anatomy, view):
    found = preset(anatomy, view, 700.0)
    words = found.in_words()
    for angle in found.primary_deg:
        assert f"{abs(angle):.0f}° {'LAO' if angle >= 0 else 'RAO'}" in words
    for bound in found.distance_mm:
        assert f"{bound:.0f}" in words.split("axis, ")[1]


@pytest.mark.parametrize("wrong", [{"primary_deg": (10, -10)}, {"distance_mm": (-5, 100)}, {"roll_deg": (0, np.nan)}])
def test_a_range_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        replace(preset("chest", "PA", 700.0), **wrong)


@pytest.mark.parametrize("anatomy", ANATOMIES)
def test_no_range_puts_the_patient_behind_the_detector(anatomy):
    for isocenter_mm in (100.0, 700.0, 990.0):
        example = blank_xray(XrayOptions(sdd_mm=1000, pixel_spacing_mm=(1, 1), source_isocenter_mm=isocenter_mm),
                             64, 64)
        nearest, farthest = range_for(example, anatomy).distance_mm
        assert 0 < nearest < isocenter_mm < farthest <= 1000
        with pytest.raises(InputError, match="before the detector"):
            range_for(example, anatomy, distance_mm=(900, 1001))


def test_relative_poses_come_back_and_measure_what_a_camera_measures(rng):
    center = rng.uniform(-50, 50, 3)
    wanted = preset("pelvis", "AP", 700.0)
    relative = RelativePoses.around(wanted.nominal(center), center)
    poses = wanted.sample(20, center, rng)
    rotations, shifts = relative.encoded(poses)
    np.testing.assert_allclose(relative.decoded(rotations, shifts), poses, atol=1e-9)
    points = center + rng.normal(0, 60, (10, 3))
    first, second = ([torch.tensor(p[i::2]) for p in (rotations, shifts)] for i in (0, 1))
    found = mean_distances(torch.tensor(relative.in_camera(points)), first, second)
    direct = [np.linalg.norm(rigid.apply(rigid.inverse(a), points) - rigid.apply(rigid.inverse(b), points),
                             axis=1).mean() for a, b in zip(poses[::2], poses[1::2], strict=True)]
    np.testing.assert_allclose(found, direct, rtol=1e-9)


def test_poses_that_know_no_distance_are_aimed_along_the_beam(rng):
    """As xvr's, whose zero is a source at the patient's center."""
    relative = RelativePoses(rng.uniform(-50, 50, 3), np.eye(3), np.zeros(3), turns(rng, 1)[0])
    poses = preset("pelvis", "AP", 700.0).sample(10, relative.center_ras, rng)
    aimed_poses = turned(poses, aimed(poses, relative))
    for pose, before in zip(aimed_poses, poses, strict=True):
        seen = rigid.apply(rigid.inverse(pose), relative.center_ras)
        np.testing.assert_allclose(seen, [0, 0, np.linalg.norm(before[:3, 3] - relative.center_ras)], atol=1e-6)


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_identity_outputs_mean_no_rotation_and_training_can_begin_there(name):
    outputs = identity_outputs(name)[None].requires_grad_()
    found = rotation_matrices(outputs, name)
    np.testing.assert_allclose(found[0].detach(), np.eye(3), atol=1e-6)
    gradient, = torch.autograd.grad(found[0, 0, 1] - found[0, 2, 0], outputs)
    assert torch.isfinite(gradient).all()
    assert gradient.any()


def test_poses_are_told_in_full_precision_whatever_the_backbone_works_in(rng):
    """Rounded to the eight bits of bfloat16, 100 mm would be half a mm off."""
    network = PoseNetwork(NetworkDesign("small", 2, 64, "rotation_6d", 1000.0))
    images = torch.tensor(rng.normal(size=(8, 2, 64, 64)), dtype=torch.float32)
    backbone, network.backbone = network.backbone, torch.nn.Module()
    network.backbone.forward = lambda images: backbone(images).bfloat16()
    _, translations = network(images)
    assert translations.dtype == torch.float32
    assert (translations != translations.bfloat16()).any()


@pytest.mark.parametrize(("name", "parameters"), [("resnet18", 11_170_240), ("resnet34", 21_278_400)])
def test_resnets_have_as_many_weights_as_timms(name, parameters):
    with torch.device("meta"):
        network = PoseNetwork(NetworkDesign(name, 1, 128, "quaternion_adjugate", 1000.0))
    assert sum(p.numel() for p in network.backbone.parameters()) == parameters
    assert "layer4.1.bn2.weight" in dict(network.backbone.named_parameters())


@pytest.mark.parametrize("change", [{"name": "vgg"}, {"parameterization": "magic"}, {"size": 65}])
def test_a_network_that_cannot_be_built_is_refused(change):
    with pytest.raises(InputError):
        replace(NetworkDesign("small", 2, 64, "rotation_6d", 50.0), **change)
