"""Joseph's ray caster on the CPU: the image and its derivatives in one pass over the volume.

P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE TMI 1(3), 1982: a ray
steps through the planes of the axis it is most parallel to, and interpolates linearly within each plane.
"""

import numpy as np
from numba import njit, prange

from xvrcore.render.projector import RayIntegrals
from xvrcore.render.pyramid import PAD_LOW, build_pyramid
from xvrcore.volume import Volume

FAST = {"nnan", "nsz", "arcp", "contract", "afn", "reassoc"}   # not ninf: slopes of axis-parallel rays are checked
RAYS_PER_JOB = 32


class JosephProjector:
    """Casts rays on the CPU with numba; see :class:`xvrcore.render.projector.Projector`."""

    name = "joseph"
    device = "cpu"

    def __init__(self, attenuation: Volume):
        self._levels = build_pyramid(attenuation)
        self.level_pitch_mm = tuple(level.pitch_mm for level in self._levels)

    def integrals(self, poses: np.ndarray, targets: np.ndarray, *, level: int = 0,
                  gradient: bool = False) -> RayIntegrals:
        """See :meth:`xvrcore.render.projector.Projector.integrals`."""
        chosen = self._levels[level]
        poses = np.asarray(poses, np.float64)
        targets = np.ascontiguousarray(targets, np.float64)
        ijk_from_ras = np.linalg.inv(chosen.ras_from_ijk)
        ijk_from_camera = np.ascontiguousarray((ijk_from_ras @ poses)[:, :3])
        shape = (len(poses), len(targets))
        values = np.empty(shape, np.float32)
        derivative_shape = (*shape, 3) if gradient else (1, 1, 3)
        by_source, by_target = np.empty(derivative_shape, np.float32), np.empty(derivative_shape, np.float32)
        _cast(chosen.padded.ravel(), chosen.padded.shape, chosen.shape, chosen.scale, ijk_from_camera,
              np.ascontiguousarray(poses[:, :3, :3]), targets, np.ascontiguousarray(ijk_from_ras[:3, :3]), gradient,
              values, by_source, by_target)
        return RayIntegrals(values, by_source, by_target) if gradient else RayIntegrals(values)


@njit(parallel=True, fastmath=FAST, cache=True, nogil=True, error_model="numpy")
def _cast(volume, padded_shape, shape, scale, ijk_from_camera, ras_from_camera, targets, ijk_from_ras, gradient,
          values, by_source, by_target):
    """Fill ``values`` and, with ``gradient``, the derivatives (RAS) for all poses and targets."""
    count = targets.shape[0]
    jobs = (count + RAYS_PER_JOB - 1) // RAYS_PER_JOB
    strides = (1, padded_shape[2], padded_shape[1] * padded_shape[2])
    for job in prange(ijk_from_camera.shape[0] * jobs):
        pose = job // jobs
        first = (job - pose * jobs) * RAYS_PER_JOB
        m, rotation = ijk_from_camera[pose], ras_from_camera[pose]
        for ray in range(first, min(count, first + RAYS_PER_JOB)):
            x, y, z = targets[ray, 0], targets[ray, 1], targets[ray, 2]
            length = np.sqrt(x * x + y * y + z * z)
            along = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
                     m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
                     m[2, 0] * x + m[2, 1] * y + m[2, 2] * z)
            value, si, sj, sk, ti, tj, tk = _integrate(volume, strides, shape, (m[0, 3], m[1, 3], m[2, 3]), along,
                                                       gradient)
            step = length * scale
            values[pose, ray] = value * step
            if gradient:
                for axis in range(3):
                    i, j, k = ijk_from_ras[0, axis], ijk_from_ras[1, axis], ijk_from_ras[2, axis]
                    # the ray itself grows with its target and shrinks with its source
                    direction = rotation[axis, 0] * x + rotation[axis, 1] * y + rotation[axis, 2] * z
                    grows = value * scale * direction / length
                    by_source[pose, ray, axis] = (i * si + j * sj + k * sk) * step - grows
                    by_target[pose, ray, axis] = (i * ti + j * tj + k * tk) * step + grows


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def planes_crossed(shape, source, along):
    """The planes of voxels that the ray from ``source`` to ``source + along`` (ijk) crosses.

    Returns the axis a that the ray is most parallel to, the two others b and c, the first and the last plane
    (none if last < first), where the ray meets the first one (b, c), and its slopes by plane.
    """
    ai, aj, ak = abs(along[0]), abs(along[1]), abs(along[2])
    a, b, c = (0, 1, 2) if ai >= aj and ai >= ak else (1, 0, 2) if aj >= ak else (2, 0, 1)
    slope_b, slope_c = along[b] / along[a], along[c] / along[a]
    start_b, start_c = source[b] - source[a] * slope_b, source[c] - source[a] * slope_c   # at plane 0
    end = source[a] + along[a]
    low, high = max(0.0, min(source[a], end) - 0.5), min(shape[2 - a] - 1.0, max(source[a], end) + 0.5)
    low, high = _clip(low, high, start_b, slope_b, shape[2 - b])
    low, high = _clip(low, high, start_c, slope_c, shape[2 - c])
    if high < low:
        return a, b, c, 0, -1, 0.0, 0.0, 0.0, 0.0
    first, last = np.int64(np.ceil(low)), np.int64(np.floor(high))
    return a, b, c, first, last, start_b + first * slope_b, start_c + first * slope_c, slope_b, slope_c


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def _clip(low, high, start, slope, size):
    """The planes between ``low`` and ``high`` in which ``start + plane * slope`` is within a voxel of the volume."""
    if slope != 0.0:
        enter, leave = (-1.0 - start) / slope, (size - start) / slope
        return max(low, min(enter, leave)), min(high, max(enter, leave))
    if start < -1.0 or start > size:
        return low, low - 1.0
    return low, high


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def _integrate(volume, strides, shape, source, along, gradient):
    """Sum over the ray from ``source`` to ``source + along`` (ijk), as if the ray were 1 mm long.

    Returns the sum and, with ``gradient``, its derivatives by the source and by the target (ijk).
    """
    a, b, c, first, last, at_b, at_c, slope_b, slope_c = planes_crossed(shape, source, along)
    if last < first:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    stride_a, stride_b, stride_c = strides[a], strides[b], strides[c]
    pa, da, db, dc = source[a], along[a], along[b], along[c]
    at_b, at_c = at_b + PAD_LOW, at_c + PAD_LOW
    base, steps = (first + PAD_LOW) * stride_a, last - first
    t0, t1 = (first - pa) / da, (last - pa) / da
    gb = gc = hb = hc = 0.0
    if gradient:
        total, gb, gc, hb, hc = _march_gradient(volume, base, steps + 1, stride_a, stride_b, stride_c, np.float32(at_b),
                                                np.float32(at_c), np.float32(slope_b), np.float32(slope_c))
        hb, hc = t0 * gb + hb / da, t0 * gc + hc / da
    else:
        total = _march(volume, base, steps + 1, stride_a, stride_b, stride_c, np.float32(at_b),
                       np.float32(at_c), np.float32(slope_b), np.float32(slope_c))
    # a ray that begins or ends inside the volume takes only its part of the first and last plane's cell
    at_near = at_far = 0.0
    missing = min(pa, pa + da) - (first - 0.5)
    if missing > 0.0:
        at_near, sb, sc = _sample(volume, base, stride_b, stride_c, at_b, at_c)
        total -= missing * at_near
        gb, gc, hb, hc = gb - missing * sb, gc - missing * sc, hb - missing * t0 * sb, hc - missing * t0 * sc
    missing = (last + 0.5) - max(pa, pa + da)
    if missing > 0.0:
        at_far, sb, sc = _sample(volume, base + steps * stride_a, stride_b, stride_c,
                                 at_b + steps * slope_b, at_c + steps * slope_c)
        total -= missing * at_far
        gb, gc, hb, hc = gb - missing * sb, gc - missing * sc, hb - missing * t1 * sb, hc - missing * t1 * sc
    weight = abs(1.0 / da)
    value = total * weight
    tb, tc = hb * weight, hc * weight
    sb, sc = gb * weight - tb, gc * weight - tc
    at_source, at_target = (at_near, at_far) if da > 0 else (at_far, at_near)
    sa = -(db * sb + dc * sc - value + at_source) / da
    ta = -(db * tb + dc * tc + value - at_target) / da
    if a == 0:
        return value, sa, sb, sc, ta, tb, tc
    if a == 1:
        return value, sb, sa, sc, tb, ta, tc
    return value, sb, sc, sa, tb, tc, ta


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def _sample(volume, base, stride_b, stride_c, b, c):
    """Value and derivatives by b and c within one plane."""
    ib, ic = np.int64(b), np.int64(c)
    fb, fc = b - ib, c - ic
    at = np.uint64(base + ib * stride_b + ic * stride_c)
    ub, uc = np.uint64(stride_b), np.uint64(stride_c)
    v00, v01 = np.float64(volume[at]), np.float64(volume[at + ub])
    v10, v11 = np.float64(volume[at + uc]), np.float64(volume[at + ub + uc])
    low, high = v00 + fb * (v01 - v00), v10 + fb * (v11 - v10)
    return low + fc * (high - low), (v01 - v00) * (1 - fc) + (v11 - v10) * fc, high - low


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def _march(volume, base, count, stride_a, stride_b, stride_c, b, c, slope_b, slope_c):
    """Sum of bilinear samples over ``count`` planes."""
    ua, ub, uc, ubase = np.uint64(stride_a), np.uint64(stride_b), np.uint64(stride_c), np.uint64(base)
    total = np.float32(0)
    for step in range(count):
        s = np.float32(np.int32(step))
        at_b, at_c = b + s * slope_b, c + s * slope_c
        ib, ic = np.int32(at_b), np.int32(at_c)
        fb, fc = at_b - np.float32(ib), at_c - np.float32(ic)
        at = ubase + np.uint64(step) * ua + np.uint64(ib) * ub + np.uint64(ic) * uc
        v00, v01 = np.float32(volume[at]), np.float32(volume[at + ub])
        v10, v11 = np.float32(volume[at + uc]), np.float32(volume[at + ub + uc])
        low = v00 + fb * (v01 - v00)
        high = v10 + fb * (v11 - v10)
        total += low + fc * (high - low)
    return total


@njit(fastmath=FAST, nogil=True, error_model="numpy")
def _march_gradient(volume, base, count, stride_a, stride_b, stride_c, b, c, slope_b, slope_c):
    """As :func:`_march`, and the sums of the derivatives by b and c, plain and weighted by the step's number."""
    ua, ub, uc, ubase = np.uint64(stride_a), np.uint64(stride_b), np.uint64(stride_c), np.uint64(base)
    total = np.float32(0)
    gb, gc, hb, hc = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for step in range(count):
        s = np.float32(np.int32(step))
        at_b, at_c = b + s * slope_b, c + s * slope_c
        ib, ic = np.int32(at_b), np.int32(at_c)
        fb, fc = at_b - np.float32(ib), at_c - np.float32(ic)
        at = ubase + np.uint64(step) * ua + np.uint64(ib) * ub + np.uint64(ic) * uc
        v00, v01 = np.float32(volume[at]), np.float32(volume[at + ub])
        v10, v11 = np.float32(volume[at + uc]), np.float32(volume[at + ub + uc])
        e0, e1 = v01 - v00, v11 - v10
        low = v00 + fb * e0
        slope = v10 + fb * e1 - low
        total += low + fc * slope
        across = e0 + fc * (e1 - e0)
        gb += across
        gc += slope
        hb += s * across
        hc += s * slope
    return total, gb, gc, hb, hc
