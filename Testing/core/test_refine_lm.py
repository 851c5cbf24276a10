"""Levenberg-Marquardt on the imaginary patient: what its last stages are worth."""

import imaginary_patient as imaginary
import numpy as np
from scipy import ndimage

from xvrcore.initialize.attempts import LAST_ROUND, WIDE_WINDOWS
from xvrcore.refine.lm import refine_lm

VIEWS = 8


def refined(objective, pose, stages):
    steps = refine_lm(objective, pose[None], stages)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value.poses[0]


def smooth(shape, rng):
    """What scatter and soft tissue add: nothing finer than a tenth of the image; its deviation is 1."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), min(shape) / 10)
    return field / field.std()


def depth_mm(pose, center_ras):
    return float((center_ras - pose[:3, 3]) @ pose[:3, 2])


def test_small_windows_at_the_end_keep_smooth_disturbances_from_moving_the_depth(rng):
    volume = imaginary.ct(rng)
    patient = imaginary.patient(volume)
    wide_alone, both = [], []
    for _ in range(VIEWS):
        view = imaginary.camera(volume.center_ras, rng)
        image = imaginary.picture(volume, view, rng)
        image = (image + 0.3 * image.std() * smooth(image.shape, rng)).astype(np.float32)
        objective = patient.full.objective(imaginary.radiograph(image, view).readings[0])
        for errors, stages in ((wide_alone, WIDE_WINDOWS[-1].stages), (both, LAST_ROUND.stages)):
            pose = refined(objective, view.ras_from_camera, stages)
            errors.append(abs(depth_mm(pose, volume.center_ras) - depth_mm(view.ras_from_camera, volume.center_ras)))
    assert np.mean(both) < np.mean(wide_alone)
    assert np.mean(both) < 1.0
