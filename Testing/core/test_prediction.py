"""Laws of registering with a network: what it sees is used, surrounded and refined; another volume's is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cli_files import write_xray
from fixed_network import DESIGN, network_that_says

from xvrcore import rigid
from xvrcore.checkpoint import write_checkpoint
from xvrcore.cli import main
from xvrcore.cli.progress import follow
from xvrcore.errors import InputError
from xvrcore.evaluation import evaluate
from xvrcore.networks import looks
from xvrcore.networks.aiming import turned
from xvrcore.networks.frames import VolumeIdentity
from xvrcore.networks.inputs import inputs_of, network_intrinsics, reduced
from xvrcore.networks.poses import RelativePoses
from xvrcore.networks.ranges import preset
from xvrcore.networks.regressor import PoseNetwork
from xvrcore.prediction import candidates_around, load_predictor
from xvrcore.registration import RegistrationSettings, register
from xvrcore.training.files import NETWORK
from xvrcore.truth import read_truth
from xvrcore.xray_io import XrayOptions, read_radiograph


@pytest.fixture(scope="module")
def xray(ct):
    return write_xray(ct, ct.parent / "x.dcm")


def displaced(pose: np.ndarray, center: np.ndarray, rng) -> np.ndarray:
    """As far off as a network usually is."""
    direction = rng.normal(size=6)
    twist = direction / np.linalg.norm(direction.reshape(2, 3), axis=1).repeat(3) * np.repeat([np.deg2rad(5), 8], 3)
    return rigid.twist_motion(twist, center) @ pose


class Oracle:
    """Knows the true pose, and tells that of each turned camera from its turn instead of from an image."""

    design = DESIGN

    def __init__(self, truth: np.ndarray, relative: RelativePoses):
        self.truth, self.relative = truth, relative

    def parameters(self):
        yield torch.zeros(1)

    def __call__(self, turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rotations, shifts = self.relative.encoded(turned(self.truth, turns.numpy()))
        return torch.tensor(rotations[:, :2].reshape(-1, 6)), torch.tensor(shifts)


def test_who_tells_the_pose_of_every_turned_camera_is_understood(patient, xray, monkeypatch, rng):
    truth = read_truth(xray.with_name("x_truth.json")).camera
    relative = RelativePoses.around(preset("chest", "PA", 650.0).nominal(patient.center_ras), patient.center_ras)
    intrinsics = network_intrinsics(truth.intrinsics, 64)
    levels = [reduced(read_radiograph(xray).readings[0], intrinsics)] * 3
    monkeypatch.setattr(looks, "inputs_of", lambda levels, turns, intrinsics, channels: turns)
    found = looks.seen_poses(Oracle(truth.ras_from_camera, relative), levels, intrinsics, relative)
    np.testing.assert_allclose(found, np.tile(truth.ras_from_camera, (3, 1, 1)), atol=1e-6)


def test_many_xrays_in_one_batch_are_seen_as_each_alone(patient, xray, tmp_path):
    reading = read_radiograph(xray).readings[0]
    checkpoint = network_that_says(np.eye(4), patient.source, reading.intrinsics)
    torch.manual_seed(0)        # some untrained networks turn a last bit into millimeters
    write_checkpoint(tmp_path / "n.safetensors", replace(checkpoint, weights=PoseNetwork(DESIGN).state_dict()))
    predictor = load_predictor(tmp_path / "n.safetensors", patient)
    readings = [replace(reading, image=np.roll(reading.image, shift, axis=0)) for shift in (0, 20, 40)]
    together = predictor.cameras(readings)
    for one, camera in zip(readings, together, strict=True):
        (alone,) = predictor.cameras([one])
        np.testing.assert_allclose(camera.ras_from_camera, alone.ras_from_camera, atol=0.3)
        assert camera.intrinsics == one.intrinsics
    assert np.abs(together[0].ras_from_camera - together[1].ras_from_camera).max() > 1


DETECTORS = {
    "farther, other pixels": ["--sdd-mm", "1250", "--rows", "150", "--cols", "120", "--pixel-spacing-mm", "2.7", "3.7"],
    "off its middle": ["--principal-point-px", "100", "84", "--rows", "180", "--cols", "190"],
    "mirrored": ["--flip"], "bright where much arrives": ["--encoding-kind", "LIN"],
    "inverted": ["--encoding-kind", "DISPINV", "--encoding-photometric", "MONOCHROME1"]}


@pytest.mark.parametrize("words", DETECTORS.values(), ids=DETECTORS)
def test_one_view_looks_alike_to_a_network_whatever_the_detector(ct, xray, tmp_path, words):
    other = write_xray(ct, tmp_path / "other.dcm", *words)
    wanted, seen = network_intrinsics(read_truth(xray.with_name("x_truth.json")).camera.intrinsics, 64), []
    for path in (xray, other):
        true = read_truth(path.with_name(f"{path.stem}_truth.json")).camera.intrinsics
        said = XrayOptions(principal_point_px=true.principal_point_px, flip=true.flipped)
        seen.append([inputs_of([reduced(one, wanted)], np.eye(3)[None], wanted, 2)[0, 0]
                     for one in read_radiograph(path, said).readings])
    first = seen[0][0]
    assert max(np.corrcoef(first[first != 0], one[first != 0])[0, 1] for one in seen[1]) > 0.95


def test_registration_from_a_prediction_needs_no_angles(patient, xray, tmp_path, rng):
    truth = read_truth(xray.with_name("x_truth.json"))
    said = displaced(truth.camera.ras_from_camera, patient.center_ras, rng)
    write_checkpoint(tmp_path / "n.safetensors", network_that_says(said, patient.source, truth.camera.intrinsics))
    radiograph = read_radiograph(xray, XrayOptions(flip=truth.camera.intrinsics.flipped)).without_angles()
    (given,) = load_predictor(tmp_path / "n.safetensors", patient).starts([radiograph])
    assert 1 <= len(given) <= 3
    result = follow(register(radiograph, patient, RegistrationSettings(patience_s=0), given), lambda progress: None)
    assert evaluate(result.camera, truth).mrpd_mm < 1


def test_candidates_surround_the_prediction_within_bounds(patient, rng):
    pose = displaced(np.eye(4), patient.center_ras, rng)
    around = candidates_around(pose, patient.center_ras)
    np.testing.assert_array_equal(around[0], pose)
    angles = [rigid.rotation_angle_deg(pose, one) for one in around[1:]]
    assert 3 < np.median(angles) < 14
    assert len(np.unique(around.round(6), axis=0)) == len(around)


def test_a_network_of_another_volume_is_refused(patient, xray, tmp_path, rng):
    truth = read_truth(xray.with_name("x_truth.json"))
    checkpoint = network_that_says(truth.camera.ras_from_camera, patient.source, truth.camera.intrinsics)
    foreign = replace(checkpoint.frame, volume=replace(checkpoint.frame.volume, sha256="f" * 64))
    write_checkpoint(tmp_path / "n.safetensors", replace(checkpoint, frame=foreign))
    with pytest.raises(InputError, match="another volume"):
        load_predictor(tmp_path / "n.safetensors", patient)


def test_a_volume_that_was_never_a_file_is_told_by_its_place_and_size(patient, rng):
    identity = VolumeIdentity.of(patient.source)
    edited = replace(patient.source, sha256="")
    identity.require(edited)
    moved = edited.ras_from_ijk.copy()
    moved[:3, 3] += rng.choice([-1, 1], 3) * rng.uniform(2, 50, 3)
    with pytest.raises(InputError, match="another volume"):
        identity.require(replace(edited, ras_from_ijk=moved))


def test_the_command_line_registers_from_a_checkpoint_on_as_many_threads_as_it_is_told(ct, patient, xray, tmp_path, rng,
                                                                                       capsys, two_threads):
    truth = read_truth(xray.with_name("x_truth.json"))
    said = displaced(truth.camera.ras_from_camera, patient.center_ras, rng)
    (tmp_path / "job").mkdir()
    write_checkpoint(tmp_path / "job" / NETWORK, network_that_says(said, patient.source, truth.camera.intrinsics))
    assert main(["register", "--volume", str(ct), "--xray", str(xray), "--out", str(tmp_path / "out"), "--checkpoint",
                 str(tmp_path / "job"), "--ignore-angles", "--truth", str(xray.with_name("x_truth.json")),
                 "--patience-s", "0", "--threads", "1"]) == 0
    assert "registered" in capsys.readouterr().out
    assert torch.get_num_threads() == 1
