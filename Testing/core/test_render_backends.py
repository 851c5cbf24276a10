"""All rendering backends give the same images and the same pose derivatives, and say so when they cannot run."""

import sys

import numpy as np
import pytest
from scene import bead_centroid, blobs, oblique_bead, oblique_frame, random_camera

from xvrcore.errors import InputError
from xvrcore.render import make_projector, pose_jacobian
from xvrcore.render.tensor_projector import available_device

BACKENDS = ("joseph", "torch", "nanodrr", "diffdrr")
VALUE_TOLERANCES = (1e-3, 1e-2)
"""Largest relative rms difference of two images at level 0 and at level 1, where voxels are three times as large:
trilinear samples blur along the ray too, Joseph's do not."""
ROTATION_TOLERANCE, TRANSLATION_TOLERANCE = 0.12, 0.05
"""Largest relative rms differences of pose derivatives: interpolation has a kink at each voxel, which every backend
samples elsewhere, and rotations add up large parts of opposite signs at the source and at the target."""
TWIN_TOLERANCE = 1e-4
"""The same between our torch rays and nanodrr, which sample the same points."""


pytestmark = pytest.mark.usefixtures("two_threads")


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_backends_agree_on_values_and_pose_gradients(rng):
    """On an oblique anisotropic volume, with oblong pixels, a flipped image and an off-center principal point."""
    volume = blobs(rng, shape=(66, 90, 80), frame=oblique_frame(rng, (0.6, 0.5, 0.8)))
    cameras = [random_camera(rng, volume.center_ras, flipped=True, rows=30, cols=40) for _ in range(3)]
    poses = np.stack([c.ras_from_camera for c in cameras])
    targets = cameras[0].intrinsics.pixel_grid().reshape(-1, 3)
    images, jacobians = {}, {}
    for backend in BACKENDS:
        projector = make_projector(volume, backend)
        for level in (0, 1):
            rays = projector.integrals(poses, targets, level=level, gradient=True)
            plain = projector.integrals(poses, targets, level=level)
            assert plain.by_source is None
            assert rays.values.shape == (3, len(targets))
            assert relative(plain.values, rays.values) < 1e-5
            images[backend, level] = rays.values
            jacobians[backend, level] = pose_jacobian(rays, poses, targets, volume.center_ras)
    for backend, level in images:
        assert relative(images[backend, level], images["joseph", level]) < VALUE_TOLERANCES[level], (backend, level)
    for backend in BACKENDS:
        for kind, tolerance in ((slice(0, 3), ROTATION_TOLERANCE), (slice(3, 6), TRANSLATION_TOLERANCE)):
            error = relative(jacobians[backend, 0][..., kind], jacobians["joseph", 0][..., kind])
            assert error < tolerance, (backend, kind, error)
    assert relative(images["torch", 0], images["nanodrr", 0]) < TWIN_TOLERANCE
    assert relative(jacobians["torch", 0], jacobians["nanodrr", 0]) < 100 * TWIN_TOLERANCE


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_draws_a_bead_where_p_says(rng, backend):
    volume, bead = oblique_bead(rng)
    camera = random_camera(rng, bead)
    rays = make_projector(volume, backend).integrals(camera.ras_from_camera[None],
                                                     camera.intrinsics.pixel_grid().reshape(-1, 3))
    image = rays.values.reshape(camera.intrinsics.rows, camera.intrinsics.cols)
    np.testing.assert_allclose(bead_centroid(image), camera.project(bead)[0], atol=0.1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_zero_where_rays_miss(rng, backend):
    volume = blobs(rng)
    camera = random_camera(rng, volume.center_ras + 5000, rows=8, cols=9)
    rays = make_projector(volume, backend).integrals(camera.ras_from_camera[None],
                                                     camera.intrinsics.pixel_grid().reshape(-1, 3), gradient=True)
    for array in (rays.values, rays.by_source, rays.by_target):
        assert np.abs(array).max() < 1e-9


def test_rays_are_laid_in_whole_rows_and_those_of_usual_images_in_rows_that_fill_tiles(rng):
    from xvrcore.render.nanodrr_backend import ROW_PX, TILE_PX, row_length
    for rays in rng.integers(1, 10**7, 50).tolist():
        assert rays % row_length(rays) == 0
        assert TILE_PX <= row_length(TILE_PX * rays) <= ROW_PX


def test_passes_do_not_change_the_image(rng):
    """Rays are split to bound memory; where they are split must not show."""
    volume = blobs(rng)
    camera = random_camera(rng, volume.center_ras, rows=21, cols=19)
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    projector = make_projector(volume, "torch")
    whole = projector.integrals(camera.ras_from_camera[None], targets, gradient=True)
    projector.samples_per_pass = 60 * max(volume.values.shape)
    split = projector.integrals(camera.ras_from_camera[None], targets, gradient=True)
    for name in ("values", "by_source", "by_target"):
        np.testing.assert_allclose(getattr(split, name), getattr(whole, name), rtol=1e-3, atol=1e-6)


def test_auto_is_joseph_without_a_gpu_and_needs_no_nanodrr(rng, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    volume = blobs(rng)
    assert make_projector(volume).name == "joseph"
    monkeypatch.setattr("xvrcore.render.backends.find_spec", lambda name: None)
    assert make_projector(volume).name == "joseph"
    assert make_projector(volume, device="cpu").name == "joseph"


def test_the_fastest_device_is_taken(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert available_device() == "mps"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert available_device() == "cuda"
    assert available_device("cuda:1") == "cuda:1"
    assert available_device("cpu") == "cpu"


def test_what_cannot_run_is_refused_by_name(rng, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    volume = blobs(rng)
    with pytest.raises(InputError, match="'opengl'"):
        make_projector(volume, "opengl")
    with pytest.raises(InputError, match="'cuda'.*cpu"):
        make_projector(volume, "torch", "cuda")
    with pytest.raises(InputError, match="'cuda'"):
        make_projector(volume, device="cuda")
    with pytest.raises(InputError, match="joseph runs on the CPU"):
        make_projector(volume, "joseph", "cuda")
    monkeypatch.setitem(sys.modules, "nanodrr.data", None)
    monkeypatch.delitem(sys.modules, "xvrcore.render.nanodrr_backend", raising=False)
    with pytest.raises(InputError, match="nanodrr needs a package"):
        make_projector(volume, "nanodrr")
