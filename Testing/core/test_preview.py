"""A law of the picture of a range."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.networks.preview import contact_sheet, sampled_views
from xvrcore.networks.ranges import PoseRange
from xvrcore.pictures import scaled_to
from xvrcore.render import make_projector
from xvrcore.volume import Volume


def test_the_picture_of_a_range_shows_what_an_xray_of_each_pose_would():
    """A ball far off the volume's middle lies in each tile where its pose projects it."""
    values = np.zeros((40, 40, 40), np.float32)
    values[8:14, 20:26, 26:32] = 0.05
    volume = Volume(values, np.diag([5.0, 5.0, 5.0, 1.0]), "attenuation")
    example = Intrinsics(1000.0, (1.0, 1.0), (255.5, 191.5), 384, 512)
    wanted = PoseRange((-30, 30), (-20, 20), (-10, 10), (-20, 20), (-20, 20), (650, 750))
    views = sampled_views(make_projector(volume, "joseph"), wanted, volume.center_ras, example, seed=5)
    poses = wanted.sample(len(views), volume.center_ras, np.random.default_rng(5))
    ball = rigid.apply(volume.ras_from_ijk, np.array([28.5, 22.5, 10.5]))
    for view, pose in zip(views, poses, strict=True):
        uv, _ = Camera(scaled_to(max(view.shape), example), pose).project(ball)
        found = np.array(ndimage.center_of_mass(view))[::-1]
        assert np.linalg.norm(found - uv) < 1.0
    with Image.open(io.BytesIO(contact_sheet(views))) as sheet:
        assert sheet.size == (6 * views.shape[2], 3 * views.shape[1])
