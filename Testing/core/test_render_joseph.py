"""The CPU ray caster against physics: where a bead lands, what a box integrates to, what derivatives predict."""

import tracemalloc

import numpy as np
import pytest
from scene import bead_centroid, blobs, oblique_bead, oblique_frame, random_camera

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.render import make_projector, pose_jacobian
from xvrcore.render.joseph import JosephProjector, _cast
from xvrcore.volume import Volume

BEAD_TOLERANCE_PX = 0.1
QUANTIZATION = 2e-4
"""Relative error of an integral that 16 bits may cost."""
DERIVATIVE_TOLERANCE = 0.03
"""Relative rms difference between derivatives and finite differences on a smooth phantom, whose interpolation
has kinks at every voxel."""


def ahead(sdd_mm: float = 1000.0) -> np.ndarray:
    """The target of the principal ray."""
    return np.array([[0, 0, sdd_mm]])


def pose_toward(source, target) -> np.ndarray:
    """A pose at ``source`` whose principal ray runs to ``target``."""
    z = np.asarray(target, float) - source
    z /= np.linalg.norm(z)
    x = np.cross(z, [0.3, 0.5, 0.8])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :4] = np.stack([x, np.cross(z, x), z, np.asarray(source, float)], axis=1)
    return pose


def integral_between(projector, start, end) -> float:
    length = np.linalg.norm(np.subtract(end, start))
    return float(projector.integrals(pose_toward(start, end)[None], ahead(length)).values[0, 0])


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_bead_renders_where_p_says(rng, flipped, backwards):
    """Oblique, anisotropic, with either handedness of the grid (as LPS-stored files have); 512 columns."""
    missed_px = []
    for _ in range(5):
        volume, bead = oblique_bead(rng)
        if backwards:   # the same voxels stored in the opposite order along j
            reverse = np.array([[1, 0, 0, 0], [0, -1, 0, volume.values.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1]])
            volume = Volume(volume.values[:, ::-1], volume.ras_from_ijk @ reverse, "attenuation")
        camera = random_camera(rng, bead, flipped=flipped, rows=400, cols=512)
        projector, targets = make_projector(volume, "joseph"), camera.intrinsics.pixel_grid().reshape(-1, 3)
        images = (projector.integrals(camera.ras_from_camera[None], targets, level=level).values.reshape(400, 512)
                  for level in range(2))
        missed_px.append([np.abs(bead_centroid(image) - camera.project(bead)[0]).max() for image in images])
    assert np.median(missed_px, axis=0).max() < BEAD_TOLERANCE_PX
    assert (np.max(missed_px, axis=0) < [BEAD_TOLERANCE_PX, 2 * BEAD_TOLERANCE_PX]).all()   # of twice the voxels


def test_halving_the_image_keeps_projections_in_mm(rng):
    volume, bead = oblique_bead(rng)
    camera = random_camera(rng, bead, rows=100, cols=130)
    half = Camera(camera.intrinsics.region(0.5, 0.5, 2, 50, 65), camera.ras_from_camera)
    full_uv, half_uv = (bead_centroid(
        make_projector(volume, "joseph").integrals(c.ras_from_camera[None], c.intrinsics.pixel_grid().reshape(-1, 3))
        .values.reshape(c.intrinsics.rows, c.intrinsics.cols)) for c in (camera, half))
    np.testing.assert_allclose(camera.intrinsics.detector_points(*full_uv), half.intrinsics.detector_points(*half_uv),
                               atol=BEAD_TOLERANCE_PX)


def test_a_box_integrates_to_its_chord_length(rng):
    """Exactly, for rays through opposite faces of a box that fills the grid; its edges are blurred by half a voxel."""
    frame = oblique_frame(rng)
    volume = Volume(np.full((20, 24, 30), 0.02, np.float32), frame, "attenuation")
    projector = JosephProjector(volume)
    ends_ijk = np.array([[-200, 11.3, 9.1], [250, 13.2, 10.4]])
    for axis in range(3):   # the same ray rolled so that it runs along i, j and k in turn
        size = np.array(volume.values.shape[::-1])
        start, end = (rigid.apply(frame, np.roll(p - [14.5, 11.5, 9.5], axis) + (size - 1) / 2) for p in ends_ijk)
        chord = np.linalg.norm(end - start) * size[axis] / 450
        assert integral_between(projector, start, end) == pytest.approx(0.02 * chord, rel=QUANTIZATION)
    camera = random_camera(rng, volume.center_ras)
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    found = projector.integrals(camera.ras_from_camera[None], targets).values[0] / 0.02
    one_step = np.linalg.norm(volume.spacing_mm)
    assert (found > exact_chords(volume, camera, targets, -0.5) - one_step).all()
    assert (found < exact_chords(volume, camera, targets, 0.5) + one_step).all()
    assert found.sum() == pytest.approx(exact_chords(volume, camera, targets).sum(), rel=0.01)


def exact_chords(volume: Volume, camera: Camera, targets: np.ndarray, grown_voxels: float = 0) -> np.ndarray:
    """Lengths (N,) in mm of the rays within the volume's box, grown by so much on every side."""
    ijk_from_camera = np.linalg.inv(volume.ras_from_ijk) @ camera.ras_from_camera
    source, along = ijk_from_camera[:3, 3], targets @ ijk_from_camera[:3, :3].T
    margin = 0.5 + grown_voxels
    first, second = (-margin - source) / along, (np.array(volume.values.shape[::-1]) - 1 + margin - source) / along
    enter, leave = np.minimum(first, second).max(axis=1), np.maximum(first, second).min(axis=1)
    return np.clip(np.minimum(leave, 1) - np.maximum(enter, 0), 0, None) * np.linalg.norm(targets, axis=1)


def test_integrals_are_linear_in_the_volume(rng):
    first = blobs(rng)
    second = blobs(rng, frame=first.ras_from_ijk)
    a, b = rng.uniform(0.5, 2, 2)
    both = first.with_values((a * first.values - b * second.values).astype(np.float32), "attenuation")
    camera = random_camera(rng, first.center_ras, rows=40, cols=50)
    images = [JosephProjector(v).integrals(camera.ras_from_camera[None], camera.intrinsics.pixel_grid().reshape(-1, 3))
              .values for v in (first, second, both)]
    np.testing.assert_allclose(a * images[0] - b * images[1], images[2], atol=2 * QUANTIZATION * images[0].max())


def test_a_ray_is_the_sum_of_its_parts(rng):
    """Sources and targets inside the volume, at any point of a voxel, and out of it again."""
    volume = blobs(rng)
    projector = JosephProjector(volume)
    for _ in range(20):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        middle = volume.center_ras + rng.uniform(-8, 8, 3)
        cuts = [middle + t * direction for t in (-300, *np.sort(rng.uniform(-15, 15, 3)), 300)]
        parts = [integral_between(projector, a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        whole = integral_between(projector, cuts[0], cuts[-1])
        assert sum(parts) == pytest.approx(whole, rel=1e-3, abs=1e-5)
        assert integral_between(projector, cuts[-1], cuts[0]) == pytest.approx(whole, rel=1e-4)


def test_rays_that_miss_or_stop_short_are_zero_with_zero_derivatives(rng):
    volume = blobs(rng)
    projector = JosephProjector(volume)
    outward = pose_toward(volume.center_ras + 300, volume.center_ras + 400)
    short = pose_toward(volume.center_ras + 300, volume.center_ras)
    for pose, length in ((outward, 500.0), (short, 100.0)):
        rays = projector.integrals(pose[None], ahead(length), gradient=True)
        assert not rays.values.any()
        assert not rays.by_source.any()
        assert not rays.by_target.any()


def test_rays_parallel_to_axes_and_diagonal_are_as_good_as_their_neighbors(rng):
    """Exactly axis-parallel and 45-degree rays are degenerate for a caster that picks axes and divides."""
    volume = blobs(rng, frame=np.diag([1.0, 1, 1, 1]))
    projector = JosephProjector(volume)
    scale = projector.integrals(pose_toward([-200, 28, 18], volume.center_ras)[None], ahead()).values.max()
    for direction in ([1, 0, 0], [0, -1, 0], [0, 0, 1], [1, 1, 0], [0, 1, -1], [1, 0, 1], [1, 1, 1], [-1, 1, 1]):
        for point in (volume.center_ras, np.round(volume.center_ras)):
            unit = np.array(direction) / np.linalg.norm(direction)
            exact = integral_between(projector, point - 200 * unit, point + 200 * unit)
            nudge = rng.normal(size=3) * 1e-3
            near = integral_between(projector, point - 200 * unit + nudge, point + 200 * unit - nudge)
            assert np.isfinite(exact)
            assert exact > 0
            assert abs(exact - near) < 2e-3 * max(scale, exact)


def test_derivatives_by_source_and_target_predict_finite_differences(rng):
    volume = blobs(rng, shape=(48, 60, 52), frame=oblique_frame(rng, (0.8, 0.7, 1.0)))
    projector = JosephProjector(volume)
    source = volume.center_ras + pose_toward([0, 0, 0], rng.normal(size=3))[:3, 2] * 400
    step = 0.3
    found, expected = [], []
    for _ in range(60):
        target = 2 * (volume.center_ras + rng.uniform(-10, 10, 3)) - source
        pose, length = pose_toward(source, target), np.linalg.norm(target - source)
        rays = projector.integrals(pose[None], ahead(length), gradient=True)
        found.append(np.r_[rays.by_source[0, 0], rays.by_target[0, 0]])
        expected.append([(integral_between(projector, source + d[:3], target + d[3:])
                          - integral_between(projector, source - d[:3], target - d[3:])) / (2 * step)
                         for d in np.eye(6) * step])
    found, expected = np.array(found), np.array(expected)
    assert np.linalg.norm(found - expected) < DERIVATIVE_TOLERANCE * np.linalg.norm(expected)


def test_a_target_inside_the_volume_is_differentiated_through_its_end(rng):
    """Lengthening a ray that ends in the volume adds the attenuation at its end."""
    volume = blobs(rng)
    projector = JosephProjector(volume)
    source = volume.center_ras + [300, 40, -50]
    # well within a voxel's cell, so that the short steps below cross no plane halfway between voxels
    middle = np.round((np.array(volume.values.shape[::-1]) - 1) / 2)
    end = rigid.apply(volume.ras_from_ijk, middle + rng.integers(-4, 5, 3) + rng.uniform(-0.3, 0.3, 3))
    length = np.linalg.norm(end - source)
    pose = pose_toward(source, end)
    rays = projector.integrals(pose[None], ahead(length), gradient=True)
    step = 0.1 * volume.spacing_mm.min()
    lengthened = [float(projector.integrals(pose[None], ahead(length + d)).values[0, 0]) for d in (-step, step)]
    assert rays.by_target[0, 0] @ pose[:3, 2] == pytest.approx((lengthened[1] - lengthened[0]) / (2 * step),
                                                               abs=0.01 * float(volume.values.max()))


def test_pose_jacobian_predicts_finite_differences(rng):
    volume = blobs(rng, shape=(48, 60, 52), frame=oblique_frame(rng, (0.8, 0.7, 1.0)))
    projector = JosephProjector(volume)
    poses = np.stack([random_camera(rng, volume.center_ras).ras_from_camera for _ in range(3)])
    targets = random_camera(rng, volume.center_ras, rows=24, cols=30).intrinsics.pixel_grid().reshape(-1, 3)
    center = volume.center_ras + rng.uniform(-50, 50, 3)
    jacobian = pose_jacobian(projector.integrals(poses, targets, gradient=True), poses, targets, center)
    assert jacobian.shape == (3, len(targets), 6)
    assert jacobian.dtype == np.float32
    expected = np.empty_like(jacobian)
    for column, step in enumerate((4e-3, 4e-3, 4e-3, 0.2, 0.2, 0.2)):
        twist = np.eye(6)[column] * step
        there, back = (projector.integrals(rigid.twist_motion(s * twist, center) @ poses, targets).values
                       for s in (1, -1))
        expected[..., column] = (there - back) / (2 * step)
    errors, sizes = (np.linalg.norm(d, axis=(0, 1)) for d in (jacobian - expected, expected))
    # some axis may hardly move the image: errors are judged against the axis that moves it most
    assert (errors[:3] < DERIVATIVE_TOLERANCE * sizes[:3].max()).all()
    assert (errors[3:] < DERIVATIVE_TOLERANCE * sizes[3:].max()).all()


def test_moving_patient_and_camera_together_changes_nothing(rng):
    volume = blobs(rng)
    camera = random_camera(rng, volume.center_ras, rows=40, cols=50)
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    motion = rigid.twist_motion(np.r_[rng.uniform(-2, 2, 3), rng.uniform(-500, 500, 3)], np.zeros(3))
    moved = Volume(volume.values, motion @ volume.ras_from_ijk, "attenuation")
    here = JosephProjector(volume).integrals(camera.ras_from_camera[None], targets, gradient=True)
    there = JosephProjector(moved).integrals((motion @ camera.ras_from_camera)[None], targets, gradient=True)
    np.testing.assert_allclose(there.values, here.values, atol=1e-5 * here.values.max())
    turned = here.by_target @ motion[:3, :3].T
    assert np.linalg.norm(there.by_target - turned) < 1e-2 * np.linalg.norm(turned)


def test_a_batch_is_its_members(rng):
    volume = blobs(rng)
    projector = JosephProjector(volume)
    poses = np.stack([random_camera(rng, volume.center_ras).ras_from_camera for _ in range(4)])
    targets = random_camera(rng, volume.center_ras, rows=17, cols=23).intrinsics.pixel_grid().reshape(-1, 3)
    together = projector.integrals(poses, targets, gradient=True)
    for i, pose in enumerate(poses):
        alone = projector.integrals(pose[None], targets, gradient=True)
        for name in ("values", "by_source", "by_target"):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name)[0])


def test_memory_stays_near_two_bytes_a_voxel_and_one_image(rng):
    volume = Volume(np.ones((60, 128, 128), np.float32), np.eye(4), "attenuation")
    projector = JosephProjector(volume)
    poses = np.stack([random_camera(rng, volume.center_ras).ras_from_camera])
    targets = Intrinsics(1000, (1, 1), (64, 64), 128, 128).pixel_grid().reshape(-1, 3)
    projector.integrals(poses, targets, gradient=True)
    tracemalloc.start()
    held = JosephProjector(volume)
    built, building = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    rays = held.integrals(poses, targets, gradient=True)
    rendering = tracemalloc.get_traced_memory()[1] - built
    tracemalloc.stop()
    assert building < volume.values.nbytes
    assert rendering < 1.2 * sum(a.nbytes for a in (rays.values, rays.by_source, rays.by_target)) + 50_000


@pytest.mark.slow
def test_more_than_2_to_the_31_voxels_are_addressed():
    """One ray through the far end of a volume of which only that row is ever touched."""
    shape = (516, 2050, 2048)
    volume = np.zeros(np.prod([n + 3 for n in shape]), np.int16)
    strides = np.cumprod([1, shape[2] + 3, shape[1] + 3])
    assert volume.size > 2**31
    volume[(np.array([0, 2049, 515]) + 1) @ strides + np.arange(2048)] = 1
    values, none = np.empty((1, 1), np.float32), np.empty((1, 1, 3), np.float32)
    pose = pose_toward([-100, 2049, 515], [5000, 2049, 515])
    _cast(volume, tuple(n + 3 for n in shape), shape, 1.0, pose[None, :3].copy(), pose[None, :3, :3].copy(),
          ahead(5000), np.eye(3), False, values, none, none)
    assert values[0, 0] == pytest.approx(2048, rel=1e-4)
