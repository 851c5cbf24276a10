"""CTs for tests: what a scanner shows of a trunk with arms, of its table, and of simple bodies."""

import numpy as np

from xvrcore.volume import Volume


def ct(values, spacing=(1, 1, 1)) -> Volume:
    return Volume(np.asarray(values, np.float32), np.diag([*spacing, 1.0]), "HU")


def cylinder(shape, radius, center=None) -> np.ndarray:
    """A disk in every slice, [k, j, i]."""
    j, i = np.indices(shape[1:])
    cj, ci = center or ((shape[1] - 1) / 2, (shape[2] - 1) / 2)
    return np.broadcast_to((j - cj) ** 2 + (i - ci) ** 2 <= radius ** 2, shape)


def scan(rng, slices=40, size=140, pitch=3.0):
    """A trunk with arms beside it and a hand on it, air between, [k, j, i] HU; anterior at low j."""
    values = np.full((slices, size, size), -1000.0)
    k = np.arange(slices)[:, None, None]
    j, i = np.indices((size, size))
    trunk = ((i - 70) / (45 + 3 * np.sin(k / 5))) ** 2 + ((j - 60) / (28 + 2 * np.cos(k / 4))) ** 2 <= 1
    arms = ((np.abs(i - 70) - 58 - np.sin(k / 6)) ** 2 + (j - 66 + k / 20) ** 2 <= 7 ** 2)
    fingers = ((np.abs(i - 70) % 8 - 4) ** 2 + (j - 24 - k / 20) ** 2 <= 2.2 ** 2) & (np.abs(i - 70) < 16) & (k < 36)
    patient = trunk | arms | fingers
    values[patient] = 40
    return values + rng.normal(0, 15, values.shape), patient, np.diag([-pitch, -pitch, 3.0, 1])


def shell_table(values, row=100, thickness=2, bend=6e-3):
    """A curved shell on which a thin foam lies, the same in each slice."""
    size = values.shape[1]
    j, i = np.indices((size, size))
    surface = row - bend * (i - 70) ** 2
    shell = (j >= surface) & (j < surface + thickness) & (np.abs(i - 70) < 55)
    core = (j >= surface + thickness) & (j < surface + 3 * thickness) & (np.abs(i - 70) < 50)
    values[:, core] = -900
    values[:, shell] = 120
    return shell | core
