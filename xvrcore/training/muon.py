"""Muon, an optimizer for the weights of hidden layers: momentum, then the nearest orthogonal update.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. For the small network it reaches in
half the time what Adam reaches.
"""

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For parameters of two or more dimensions, each taken as a matrix (outputs, all the rest)."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(state["mean"], group["momentum"]).flatten(1)
                scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                parameter.add_(orthogonalized(ahead).reshape(parameter.shape), alpha=-scale * group["lr"])


def orthogonalized(matrix: torch.Tensor) -> torch.Tensor:
    """A matrix (m, n) of the same singular vectors, its singular values between about 0.7 and 1.2.

    A Newton-Schulz iteration, whose coefficients trade exactness for speed; it runs on the Gram matrix, which is
    smaller than the matrix itself.
    """
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    gram = wide @ wide.T
    unit = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    factor = None
    for left in reversed(range(ITERATIONS)):
        step = a * unit + b * gram + c * gram @ gram
        factor = step if factor is None else step @ factor
        if left:
            gram = step @ gram @ step
    found = factor @ wide
    return found if matrix.shape[0] <= matrix.shape[1] else found.T
