"""Line plots as SVG: panels side by side over the same logarithmic x axis, each with its own y axis that begins at 0.
White lies beneath all of it, so that it is readable on a dark page too."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

PANEL_WIDTH, PANEL_HEIGHT = 380, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 76, 52  # room around a panel, for its labels
LEGEND_COLUMN = 190
FONT = "font-family='system-ui, sans-serif'"
INK, GRID = "#24292f", "#d8dee4"


@dataclass(frozen=True)
class Line:
    title: str
    values: list[float]  # one for each x
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    title: str
    lines: list[Line]


def draw(x_title: str, x_axis: list[tuple[float, str]], panels: list[Panel]) -> str:
    """`x_axis` is where the values of the lines stand, each above 0, and how that is labelled. The legend is that of
    the first panel."""
    width = len(panels) * (LEFT + PANEL_WIDTH + RIGHT)
    height = TOP + PANEL_HEIGHT + BOTTOM
    parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
             f"viewBox='0 0 {width} {height}' {FONT} font-size='12' fill='{INK}'>",
             f"<rect width='{width}' height='{height}' fill='#ffffff'/>"]
    for index, line in enumerate(panels[0].lines):
        x = LEFT + index * LEGEND_COLUMN
        parts += [_stroke([(x, 20), (x + 28, 20)], line), _text(x + 34, 24, line.title, "start")]
    for index, panel in enumerate(panels):
        left = index * (LEFT + PANEL_WIDTH + RIGHT) + LEFT
        parts += _panel(left, panel, x_axis)
        parts.append(_text(left + PANEL_WIDTH / 2, height - 12, x_title, "middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(highest: float) -> list[float]:
    """0 and round steps of it, four to eight, to the first that isn't below `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    magnitude = 10 ** math.floor(math.log10(highest))
    step = next(step for step in (magnitude / 5, magnitude / 2, magnitude, magnitude * 2) if highest <= step * 7)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def positions(values: list[float]) -> list[float]:
    """Where the values stand on a logarithmic axis: 0 for the lowest, 1 for the highest."""
    logs = [math.log(value) for value in values]
    low, high = min(logs), max(logs)
    return [(log - low) / (high - low) if high > low else 0.5 for log in logs]


def _panel(left: float, panel: Panel, x_axis: list[tuple[float, str]]) -> list[str]:
    bottom = TOP + PANEL_HEIGHT
    marks = ticks(max(value for line in panel.lines for value in line.values))
    xs = [left + 10 + position * (PANEL_WIDTH - 20) for position in positions([value for value, _ in x_axis])]
    parts = [_text(left, TOP - 16, panel.title, "start", bold=True)]
    for mark in marks:
        y = bottom - mark / marks[-1] * PANEL_HEIGHT
        parts += [f"<path d='M{left} {y:.1f}h{PANEL_WIDTH}' stroke='{GRID if mark else INK}'/>",
                  _text(left - 8, y + 4, f"{mark:,.10g}", "end")]
    for x, (_, label) in zip(xs, x_axis, strict=True):
        parts += [f"<path d='M{x:.1f} {bottom}v5' stroke='{INK}'/>", _text(x, bottom + 20, label, "middle")]
    for line in panel.lines:
        points = [(x, bottom - value / marks[-1] * PANEL_HEIGHT) for x, value in zip(xs, line.values, strict=True)]
        parts.append(_stroke(points, line))
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{line.colour}'/>" for x, y in points]
    return parts


def _stroke(points: list[tuple[float, float]], line: Line) -> str:
    dashes = " stroke-dasharray='6 4'" if line.dashed else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"<polyline points='{path}' fill='none' stroke='{line.colour}' stroke-width='2'{dashes}/>"


def _text(x: float, y: float, text: str, anchor: str, bold: bool = False) -> str:
    weight = " font-weight='600'" if bold else ""
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{weight}>{escape(text)}</text>"
