"""What a segment looks like from the source: which rays meet it, sharp to a fraction of a pixel."""

import numpy as np
from numba import njit, prange

ALMOST = np.float32(0.9999)


def silhouette(inside: np.ndarray, ijk_from_camera: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far into a segment each ray gets: the largest value, 1 inside, 0 outside, linear between voxels.

    Its level 0.5 outlines the surface halfway between the segment's voxels and their neighbors.

    :param inside: [k, j, i] bool, the segment's voxels; none on any face of the box.
    :param ijk_from_camera: 4x4, voxel indices from camera coordinates in mm.
    :param targets: (N, 3) detector points, camera frame, mm.
    :return: (N,) float32 in 0..1.
    """
    sizes = np.array(inside.shape[::-1])
    strides = np.array([1, sizes[0], sizes[0] * sizes[1]])
    return _largest(np.ascontiguousarray(inside).view(np.uint8).ravel(), sizes, strides,
                    np.ascontiguousarray(ijk_from_camera[:3], np.float64), np.ascontiguousarray(targets, np.float64))


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def _largest(inside, sizes, strides, ijk_from_camera, targets):
    found = np.zeros(targets.shape[0], np.float32)
    source = ijk_from_camera[:, 3]
    for ray in prange(targets.shape[0]):
        direction = np.empty(3)
        for axis in range(3):
            direction[axis] = (ijk_from_camera[axis, 0] * targets[ray, 0] + ijk_from_camera[axis, 1] * targets[ray, 1]
                               + ijk_from_camera[axis, 2] * targets[ray, 2])
        found[ray] = _along_ray(inside, sizes, strides, source, direction)
    return found


@njit(cache=True)
def _along_ray(inside, sizes, strides, source, direction):
    """Visit the planes of the axis that the ray is most parallel to, interpolating within each (Joseph 1982)."""
    main = np.argmax(np.abs(direction))
    first, second = (main + 1) % 3, (main + 2) % 3
    slope_a, slope_b = direction[first] / direction[main], direction[second] / direction[main]
    offset_a, offset_b = source[first] - slope_a * source[main], source[second] - slope_b * source[main]
    end = source[main] + direction[main]
    low, high = max(0.0, min(source[main], end)), min(sizes[main] - 1.0, max(source[main], end))
    low, high = _clip(low, high, offset_a, slope_a, sizes[first] - 1.0)
    low, high = _clip(low, high, offset_b, slope_b, sizes[second] - 1.0)
    largest = np.float32(0)
    for plane in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        a, b = offset_a + slope_a * plane, offset_b + slope_b * plane
        n, m = min(max(int(a), 0), sizes[first] - 2), min(max(int(b), 0), sizes[second] - 2)
        fa, fb = np.float32(a - n), np.float32(b - m)
        corner = plane * strides[main] + n * strides[first] + m * strides[second]
        beside, below = corner + strides[first], corner + strides[second]
        value = ((inside[corner] * (1 - fa) + inside[beside] * fa) * (1 - fb)
                 + (inside[below] * (1 - fa) + inside[below + strides[first]] * fa) * fb)
        largest = max(largest, value)
        if largest > ALMOST:
            return np.float32(1)
    return largest


@njit(cache=True)
def _clip(low, high, offset, slope, last):
    """The part of low..high where offset + slope * t lies within 0..last; low > high where there is none."""
    if slope == 0:
        return (low, high) if 0 <= offset <= last else (1.0, 0.0)
    near, far = -offset / slope, (last - offset) / slope
    return max(low, min(near, far)), min(high, max(near, far))
