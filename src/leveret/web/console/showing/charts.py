"""Small charts, drawn on the server as SVG. Pure.

No attribute ``style`` stands in them, because the Content Security Policy forbids it; colours come from the stylesheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 240
"""Width of a chart in its own units."""

HEIGHT: Final = 48
"""Height of a chart in its own units."""

Point = tuple[float, float]


def line_chart(values: Sequence[float | None], label: str) -> Markup:
    """Return a line with the area below it, from values at equal distances, the newest last.

    Args:
        values: what is drawn; None leaves a gap.
        label: what a person hears who cannot see it.
    """
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = WIDTH / max(len(values) - 1, 1)
    points = [
        None if value is None else (round(at * step, 1), round(HEIGHT - 2 - value / top * (HEIGHT - 6), 1))
        for at, value in enumerate(values)
    ]
    drawn = Markup("").join(_area(stretch) for stretch in _stretches(points))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, label, drawn)


def _stretches(points: Sequence[Point | None]) -> list[list[Point]]:
    """Split points at the gaps; a single point becomes a short line."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is None:
            found.append([])
        else:
            found[-1].append(point)
    return [[*each, (each[0][0] + 1, each[0][1])] if len(each) == 1 else each for each in found if each]


def _area(points: list[Point]) -> Markup:
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    area = f"{points[0][0]:g},{HEIGHT} {line} {points[-1][0]:g},{HEIGHT}"
    return Markup('<polygon points="{}"/><polyline points="{}"/>').format(area, line)
