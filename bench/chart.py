"""Bars on a logarithmic scale as SVG, readable on a light and on a dark background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT, OURS, THEIRS = "#7d8590", "#e8590c", "#4c8dd6"
LINE = f'stroke="{TEXT}" stroke-opacity="0.3"'
FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
LABELS, BARS, VALUES, STEP, HEAD, GAP, MARGIN = 262, 220, 78, 16, 50, 22, 14
WIDTH = LABELS + BARS + VALUES


@dataclass(frozen=True)
class Bar:
    """One bar: its label, how long it is, and what stands at its end."""

    label: str
    value: float
    text: str
    ours: bool


@dataclass(frozen=True)
class Panel:
    """The bars of one column."""

    title: str
    bars: list[Bar]
    scale: Callable[[float], str]
    """How a number on the scale is written."""

    def height(self) -> int:
        """The size of the panel."""
        return HEAD + STEP * len(self.bars) + GAP


def text(x: float, y: float, words: str, *, size: int = 11, anchor: str = "start", more: str = "") -> str:
    """Text at a position."""
    fill = "" if "fill=" in more else f' fill="{TEXT}"'
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{fill}{more}>{escape(words)}</text>'


def draw(title: str, panels: list[Panel]) -> str:
    """Return the panels under a title, in two columns if there are several."""
    across = min(2, len(panels))
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    width, top = across * WIDTH + (across + 1) * MARGIN, 40
    drawn = []
    for row in rows:
        for position, panel in enumerate(row):
            drawn += _panel(panel, MARGIN + position * (WIDTH + MARGIN), top)
        top += max(panel.height() for panel in row)
    return document(title, width, top, drawn)


def document(title: str, width: int, height: int, drawn: list[str]) -> str:
    """An SVG file."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="{escape(FONT)}" role="img">',
            f"<title>{escape(title)}</title>",
            text(MARGIN, 24, title, size=14, more=' font-weight="600"'),
            *drawn,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, left: int, top: int) -> list[str]:
    values = [bar.value for bar in panel.bars if bar.value > 0]
    low = math.floor(math.log10(min(values, default=1)))
    high = max(math.ceil(math.log10(max(values, default=10))), low + 1)
    start, bottom = left + LABELS, top + HEAD + STEP * len(panel.bars) - 8
    drawn = [text(left, top + 14, panel.title, size=12, more=' font-weight="600"')]
    for power in range(low, high + 1):
        x = start + BARS * (power - low) / (high - low)
        drawn += [
            f'<path d="M{x:g} {top + 36}V{bottom}" {LINE}/>',
            text(x, top + 31, panel.scale(10**power), size=9, anchor="middle"),
        ]
    for position, bar in enumerate(panel.bars):
        y = top + HEAD + STEP * position
        # A bar at the low end is still visible.
        length = max(BARS * (math.log10(max(bar.value, 10**low)) - low) / (high - low), 2)
        weight = ' font-weight="600"' if bar.ours else ""
        drawn += [
            text(start - 6, y, bar.label, anchor="end", more=weight),
            f'<rect x="{start}" y="{y - 9}" width="{length:.1f}" height="10" rx="2" '
            f'fill="{OURS if bar.ours else THEIRS}"/>',
            text(start + length + 5, y, bar.text, more=weight),
        ]
    return drawn
