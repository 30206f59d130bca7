"""Curves on logarithmic scales as SVG."""

from __future__ import annotations

import math
from typing import Any

from bench.chart import LINE, OURS, document, text
from bench.columns import time

WIDTH, HEIGHT, PLOT_TOP, PLOT_LEFT, ACROSS, MARGIN = 350, 210, 40, 16, 3, 14
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - 2 * PLOT_LEFT, HEIGHT - PLOT_TOP - 40


def draw(title: str, curves: list[dict[str, Any]]) -> str:
    """A small plot for each curve."""
    drawn = []
    for position, curve in enumerate(curves):
        drawn += _plot(curve, MARGIN + position % ACROSS * WIDTH, 36 + position // ACROSS * HEIGHT)
    height = 36 + math.ceil(len(curves) / ACROSS) * HEIGHT
    return document(title, 2 * MARGIN + ACROSS * WIDTH, height, drawn)


def _plot(curve: dict[str, Any], left: int, top: int) -> list[str]:
    points = curve["points"]
    # All plots have one scale of four decades, so that a flat curve looks flat.
    low, high = 2, 6
    bottom = top + PLOT_TOP + PLOT_HEIGHT
    coordinates = []
    for index, (_, ns) in enumerate(points):
        x = left + PLOT_LEFT + 18 + (PLOT_WIDTH - 66) * index / max(len(points) - 1, 1)
        share = (math.log10(min(max(ns, 10**low), 10**high)) - low) / (high - low)
        coordinates.append((x, bottom - PLOT_HEIGHT * share))
    drawn = [text(left + PLOT_LEFT, top + 18, curve["title"], size=12, more=' font-weight="600"')]
    for power in range(low, high + 1):
        y = bottom - PLOT_HEIGHT * (power - low) / (high - low)
        drawn.append(f'<path d="M{left + PLOT_LEFT} {y:g}h{PLOT_WIDTH}" {LINE}/>')
        drawn.append(text(left + PLOT_LEFT + PLOT_WIDTH, y - 3, time(10**power), size=9, anchor="end"))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in coordinates)
    drawn.append(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>')
    for (x, y), (count, ns) in zip(coordinates, points, strict=True):
        drawn += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{OURS}"/>',
            text(x, y - 8, time(ns), size=10, anchor="middle"),
            text(x, bottom + 15, short(count), size=10, anchor="middle"),
        ]
    return drawn


def short(count: int) -> str:
    """1,000,000 as 1M."""
    for unit, factor in (("M", 1_000_000), ("k", 1000)):
        if count >= factor:
            return f"{count // factor}{unit}"
    return str(count)
