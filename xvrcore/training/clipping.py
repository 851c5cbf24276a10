"""Adaptive gradient clipping."""

import torch

LEAST_NORM = 1e-3


@torch.no_grad()
def clip_adaptively(parameters, ratio: float) -> None:
    """Shrink each unit's gradient to at most ``ratio`` of its weights' norm, without leaving the device.

    Brock et al., "High-performance large-scale image recognition without normalization", ICML 2021, section 4.
    """
    for parameter in parameters:
        if parameter.grad is None:
            continue
        most = ratio * _unit_norm(parameter).clamp_min(LEAST_NORM)
        parameter.grad.mul_((most / _unit_norm(parameter.grad).clamp_min(1e-6)).clamp(max=1))


def _unit_norm(tensor: torch.Tensor) -> torch.Tensor:
    """Norms over all but the first dimension, in a shape that broadcasts; of vectors, over all."""
    if tensor.ndim <= 1:
        return tensor.norm()
    return tensor.flatten(1).norm(dim=1).reshape(-1, *[1] * (tensor.ndim - 1))
