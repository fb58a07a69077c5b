"""The peers as a picture: what a chunk costs with each, and how much it isolates."""

from __future__ import annotations

from html import escape
from math import log2
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, LEFT, RIGHT, LINE, HEAD = 920, 330, 110, 24, 64
COLOURS = {"everything": "#2b7a5d", "something": "#c58b1b", "nothing": "#8a8f98"}
HIGHEST = 64
STYLE = (
    "text{font:13px sans-serif;fill:#1f2328}.small{font-size:11px;fill:#57606a}"
    ".title{font-size:15px;font-weight:bold}"
)


def colour(isolates: str) -> str:
    if isolates.startswith("nothing"):
        return COLOURS["nothing"]
    return COLOURS["everything" if isolates.startswith("span and all") else "something"]


def reach(ratio: float) -> float:
    """How far a bar goes, on a logarithmic scale from 1 to the highest."""
    return (WIDTH - LEFT - RIGHT) * log2(max(ratio, 1.01)) / log2(HIGHEST)


def panel(title: str, rows: Sequence[dict[str, Any]], top: int) -> Iterator[str]:
    yield f'<text class="title" x="16" y="{top}">{escape(title)}</text>'
    bottom = top + 10 + LINE * len(rows)
    for power in range(int(log2(HIGHEST)) + 1):
        x = LEFT + reach(2**power)
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{top + 8}" y2="{bottom}" stroke="#d8dee4"/>'
        yield f'<text class="small" x="{x - 6:.0f}" y="{bottom + 14}">{2**power}x</text>'
    for number, row in enumerate(rows):
        y = top + 14 + LINE * number
        width, fill = max(reach(row["ratio"]), 2), colour(row["against"])
        label = f"{row['ratio']:.1f}x"
        yield f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(row["what"])}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{LINE - 7}" fill="{fill}"/>'
        yield f'<text x="{LEFT + width + 6:.0f}" y="{y + 13}">{label}</text>'


def legend(y: int) -> Iterator[str]:
    texts = {
        "everything": "isolates the span and all context variables",
        "something": "isolates only its own state",
        "nothing": "isolates nothing, or has no span in the body",
    }
    for number, (name, text) in enumerate(texts.items()):
        x = 16 + 300 * number
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{COLOURS[name]}"/>'
        yield f'<text class="small" x="{x + 18}" y="{y}">{text}</text>'


def draw(figures: Sequence[dict[str, Any]]) -> str:
    """An SVG of the ratios per chunk in Django's two handlers."""
    parts: list[str] = list(legend(24))
    top = HEAD
    for kind in ("WSGI", "ASGI"):
        rows = sorted((f for f in figures if f["group"] == kind), key=lambda f: float(f["ratio"]))
        parts += panel(f"Django {kind} handler: time of a chunk, 1x = without", rows, top)
        top += LINE * len(rows) + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top - 20}">'
        f"<style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{top - 20}" fill="white"/>\n'
        + "\n".join(part.replace("`", "") for part in parts)
        + "\n</svg>\n"
    )
