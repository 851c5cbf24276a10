"""What each segment of a label map does to an image: its share of the line integrals, and the rays that meet it."""

import numpy as np
from numba import njit, prange

from xvrcore.errors import InputError
from xvrcore.render.joseph import planes_crossed
from xvrcore.volume import Volume

RAYS_PER_JOB = 64


def segment_integrals(attenuation: Volume, labels: Volume, label_values, pose: np.ndarray,
                      targets: np.ndarray) -> np.ndarray:
    """What each segment contributes to the integrals, (L, N) float32, dimensionless.

    Joseph's samples, as :class:`xvrcore.render.joseph.JosephProjector` takes them, are each dealt to the label
    of the nearest voxel of ``labels`` (on its own grid; 0 outside it): over all labels, background included,
    the contributions add up to the image.

    :param label_values: L whole numbers >= 0; those that the map lacks give zeros.
    :param pose: (4, 4) ``ras_from_camera``.
    :param targets: (N, 3) detector points, camera frame, mm.
    """
    channels = _channels(labels, label_values)
    result = np.zeros((len(label_values), len(targets)), np.float32)
    ijk_from_ras = np.linalg.inv(attenuation.ras_from_ijk)
    _deal(np.ascontiguousarray(attenuation.values), np.ascontiguousarray(labels.values), channels,
          np.linalg.inv(labels.ras_from_ijk) @ attenuation.ras_from_ijk, ijk_from_ras @ pose,
          np.ascontiguousarray(targets, np.float64), result)
    return result


def segment_lengths(labels: Volume, label_values, poses: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each ray runs within each segment's voxels, (B, L, N) float32, mm, exactly.

    Voxel by voxel after J. Amanatides and A. Woo, "A fast voxel traversal algorithm for ray tracing",
    Eurographics 1987. Arguments as in :func:`segment_integrals`, with poses (B, 4, 4).
    """
    channels = _channels(labels, label_values)
    result = np.zeros((len(poses), len(label_values), len(targets)), np.float32)
    _traverse(np.ascontiguousarray(labels.values), channels, np.linalg.inv(labels.ras_from_ijk) @ poses,
              np.ascontiguousarray(targets, np.float64), result)
    return result


def segment_hits(labels: Volume, label_values, poses: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each ray meets each segment, (B, L, N) bool; arguments as in :func:`segment_lengths`."""
    return segment_lengths(labels, label_values, poses, targets) > 0


def _channels(labels: Volume, label_values) -> np.ndarray:
    """The channel of each label from 0 to the map's largest, -1 for those not asked for."""
    low, high = float(labels.values.min()), float(labels.values.max())
    if not (low >= 0 and high < 2**24):
        raise InputError(f"{labels.path or 'The segmentation'} holds labels from {low:g} to {high:g}; "
                         "whole numbers from 0 up to a few thousand are needed.")
    wanted = [int(v) for v in label_values]
    if len(set(wanted)) < len(wanted) or min(wanted, default=0) < 0:
        raise InputError(f"The segments {wanted} are not distinct labels from 0 on; name each of them once.")
    channels = np.full(int(high) + 1, -1, np.int64)
    for channel, value in enumerate(wanted):
        if value <= high:
            channels[value] = channel
    return channels


# not cached on disk: numba would not notice that planes_crossed, in another file, has changed
@njit(parallel=True, nogil=True, error_model="numpy")
def _deal(values, labels, channels, label_from_ijk, ijk_from_camera, targets, result):
    source = (ijk_from_camera[0, 3], ijk_from_camera[1, 3], ijk_from_camera[2, 3])
    m = ijk_from_camera
    for ray in prange(targets.shape[0]):
        x, y, z = targets[ray, 0], targets[ray, 1], targets[ray, 2]
        along = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
                 m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
                 m[2, 0] * x + m[2, 1] * y + m[2, 2] * z)
        a, b, c, first, last, start_b, start_c, slope_b, slope_c = planes_crossed(values.shape, source, along)
        near, far = min(source[a], source[a] + along[a]), max(source[a], source[a] + along[a])
        step = np.sqrt(x * x + y * y + z * z) / abs(along[a])
        point = np.empty(3)
        for plane in range(first, last + 1):
            steps = plane - first
            point[a], point[b], point[c] = plane, start_b + steps * slope_b, start_c + steps * slope_c
            channel = channels[_nearest(labels, label_from_ijk, point)]
            if channel >= 0:
                width = min(plane + 0.5, far) - max(plane - 0.5, near)
                result[channel, ray] += _interpolate(values, point, b, c) * width * step


@njit(cache=True, nogil=True)
def _nearest(labels, label_from_ijk, point):
    """The label of the voxel around a point of another grid, 0 outside."""
    m = label_from_ijk
    i = int(np.floor(m[0, 0] * point[0] + m[0, 1] * point[1] + m[0, 2] * point[2] + m[0, 3] + 0.5))
    j = int(np.floor(m[1, 0] * point[0] + m[1, 1] * point[1] + m[1, 2] * point[2] + m[1, 3] + 0.5))
    k = int(np.floor(m[2, 0] * point[0] + m[2, 1] * point[1] + m[2, 2] * point[2] + m[2, 3] + 0.5))
    if i < 0 or j < 0 or k < 0 or i >= labels.shape[2] or j >= labels.shape[1] or k >= labels.shape[0]:
        return 0
    return int(labels[k, j, i])


@njit(cache=True, nogil=True)
def _interpolate(values, point, b, c):
    """Bilinear value within a plane of voxels, along axes b and c, zero beyond the volume."""
    ijk = np.empty(3, np.int64)
    for axis in range(3):
        ijk[axis] = int(np.floor(point[axis]))
    part_b, part_c = point[b] - ijk[b], point[c] - ijk[c]
    total = 0.0
    for corner in range(4):
        high_b, high_c = corner & 1, corner >> 1
        i, j, k = ijk[0], ijk[1], ijk[2]
        i += high_b * (b == 0)
        j += high_b * (b == 1) + high_c * (c == 1)
        k += high_c * (c == 2)
        if i >= 0 and j >= 0 and k >= 0 and i < values.shape[2] and j < values.shape[1] and k < values.shape[0]:
            weight = (part_b if high_b else 1 - part_b) * (part_c if high_c else 1 - part_c)
            total += weight * values[k, j, i]
    return total


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def _traverse(labels, channels, ijk_from_camera, targets, result):
    count = targets.shape[0]
    jobs = (count + RAYS_PER_JOB - 1) // RAYS_PER_JOB
    for job in prange(ijk_from_camera.shape[0] * jobs):
        pose = job // jobs
        start = (job - pose * jobs) * RAYS_PER_JOB
        for ray in range(start, min(count, start + RAYS_PER_JOB)):
            _walk(labels, channels, ijk_from_camera[pose], targets[ray], result[pose, :, ray])


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(labels, channels, m, target, lengths):
    """Add a ray's way through each voxel to its label's channel."""
    full = np.sqrt(target[0] ** 2 + target[1] ** 2 + target[2] ** 2)
    along = np.array([m[axis, 0] * target[0] + m[axis, 1] * target[1] + m[axis, 2] * target[2] for axis in range(3)])
    enter, leave = 0.0, 1.0
    for axis in range(3):
        low, high = -0.5 - m[axis, 3], labels.shape[2 - axis] - 0.5 - m[axis, 3]
        if along[axis] != 0.0:
            first, second = low / along[axis], high / along[axis]
            enter, leave = max(enter, min(first, second)), min(leave, max(first, second))
        elif low > 0.0 or high < 0.0:
            return
    if leave <= enter:
        return
    voxel, forward = np.empty(3, np.int64), np.empty(3, np.int64)
    crossing, between = np.full(3, np.inf), np.full(3, np.inf)     # the next face of each axis, and from face to face
    for axis in range(3):
        position = m[axis, 3] + enter * along[axis]
        voxel[axis] = min(max(int(np.floor(position + 0.5)), 0), labels.shape[2 - axis] - 1)
        forward[axis] = 1 if along[axis] > 0 else -1
        if along[axis] != 0.0:
            crossing[axis] = (voxel[axis] + 0.5 * forward[axis] - m[axis, 3]) / along[axis]
            between[axis] = abs(1.0 / along[axis])
    at = enter
    while at < leave:
        axis = np.argmin(crossing)
        upto = min(crossing[axis], leave)
        channel = channels[int(labels[voxel[2], voxel[1], voxel[0]])]
        if channel >= 0 and upto > at:
            lengths[channel] += (upto - at) * full
        at = max(at, upto)
        crossing[axis] += between[axis]
        voxel[axis] += forward[axis]
        if voxel[axis] < 0 or voxel[axis] >= labels.shape[2 - axis]:
            return
