"""Closed contours of an image, to a fraction of a pixel."""

import numpy as np

TOP, RIGHT, BOTTOM, LEFT = range(4)
JOINED = 16
STEPS = {
    1: [(TOP, LEFT)], 2: [(RIGHT, TOP)], 4: [(BOTTOM, RIGHT)], 8: [(LEFT, BOTTOM)],
    3: [(RIGHT, LEFT)], 6: [(BOTTOM, TOP)], 12: [(LEFT, RIGHT)], 9: [(TOP, BOTTOM)],
    14: [(LEFT, TOP)], 13: [(TOP, RIGHT)], 11: [(RIGHT, BOTTOM)], 7: [(BOTTOM, LEFT)],
    5: [(TOP, LEFT), (BOTTOM, RIGHT)], 10: [(RIGHT, TOP), (LEFT, BOTTOM)],
    5 + JOINED: [(TOP, RIGHT), (BOTTOM, LEFT)], 10 + JOINED: [(LEFT, TOP), (RIGHT, BOTTOM)],
}
"""Per square, keyed by which corners are above the level (1 top left, 2 top right, 4 bottom right, 8 bottom left):
the sides through which the contour enters and leaves, the corners above on its right."""


def trace_contours(image: np.ndarray) -> tuple[np.ndarray, ...]:
    """Closed contours of an image at the level 0.5 by marching squares: tuples of (N, 2) arrays of (u, v).

    Larger values lie on the right as displayed. All is 0 beyond the image's edge. Where only the diagonal
    corners of a square are above the level, their being joined or not is decided by the mean of all four.
    (After Lorensen and Cline, SIGGRAPH 1987, in two dimensions; own code to spare a plotting library.)
    """
    padded = np.pad(np.asarray(image, np.float64), 1)
    above = padded > 0.5
    corners = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    means = (padded[:-1, :-1] + padded[:-1, 1:] + padded[1:, 1:] + padded[1:, :-1]) / 4
    row, col = np.nonzero((corners > 0) & (corners < 15))
    kind = corners[row, col]
    kind = np.where(np.isin(kind, (5, 10)) & (means[row, col] > 0.5), kind + JOINED, kind)
    width, size = padded.shape[1], padded.size
    edge_ids = np.stack([row * width + col, size + row * width + col + 1, (row + 1) * width + col,
                         size + row * width + col])          # of the square's sides: top, right, bottom, left
    following = {}
    for case, steps in STEPS.items():
        squares = np.flatnonzero(kind == case)
        for start, end in steps:
            following.update(zip(edge_ids[start, squares].tolist(), edge_ids[end, squares].tolist(), strict=True))
    return tuple(_crossings(np.array(loop), padded) - 1 for loop in _loops(following))


def _loops(following: dict[int, int]):
    """The cycles of a map from each edge to the next one; empties it."""
    while following:
        edge, after = following.popitem()
        loop = [edge]
        while after != edge:
            loop.append(after)
            after = following.pop(after)
        yield loop


def _crossings(edges: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Where the level 0.5 is crossed on edges: those right of pixels first, then those below."""
    downwards, (row, col) = edges >= image.size, np.divmod(edges % image.size, image.shape[1])
    near, far = image[row, col], image[row + downwards, col + ~downwards]
    part = (0.5 - near) / (far - near)
    return np.stack([col + part * ~downwards, row + part * downwards], axis=1)
