"""Small charts as inline SVG."""

from html import escape
from itertools import groupby

import numpy as np

from xvrcore.result import TracePoint

WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 26, 22


def convergence(trace: tuple[TracePoint, ...]) -> str:
    """Similarity after each accepted step, one line per phase and resolution (their figures do not compare)."""
    points = [point for point in trace if np.isfinite(point.score)]
    if not points:
        return ""
    scores = np.array([point.score for point in points])
    low, high = np.floor(10 * scores.min()) / 10, np.ceil(10 * scores.max() + 1e-9) / 10

    def x(index: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / len(points)

    def y(score: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - score) / max(high - low, 0.1)

    drawn = [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(s):.1f}" y2="{y(s):.1f}" stroke="var(--line)"/>'
             f'<text x="{LEFT - 6}" y="{y(s) + 4:.1f}" text-anchor="end">{s:.2f}</text>'
             for s in np.linspace(low, high, 5)]
    first = 0
    for (phase, cols), group in groupby(points, key=lambda point: (point.phase, point.cols)):
        stage = [point.score for point in group]
        end = first + len(stage)
        corners = " ".join(f"{x(first + i):.1f},{y(score):.1f}" for i, score in enumerate(stage))
        drawn.append(f'<polyline points="{corners}" fill="none" stroke="var(--accent)" stroke-width="2"/>')
        drawn += [f'<circle cx="{x(first + i):.1f}" cy="{y(score):.1f}" r="2.5" fill="var(--accent)">'
                  f"<title>{escape(phase)}, {cols} px: {score:.4f}</title></circle>" for i, score in enumerate(stage)]
        if first:
            edge = x(first - 0.5)
            drawn.append(f'<line x1="{edge:.1f}" x2="{edge:.1f}" y1="{TOP - 12}" y2="{HEIGHT - BOTTOM}" '
                         'stroke="var(--line)" stroke-dasharray="3 3"/>')
        if x(end - 0.5) - x(first - 0.5) > 44:
            middle = x((first + end - 1) / 2)
            drawn.append(f'<text x="{middle:.1f}" y="{TOP - 12}" text-anchor="middle">{cols} px</text>')
        first = end
    drawn.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}" text-anchor="middle">accepted steps</text>')
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Similarity after each accepted step">'
            + "".join(drawn) + "</svg>")
