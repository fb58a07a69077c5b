"""Writes the parts of docs/explanation/architecture.md that are taken from the code.

    python tests/support/rooms.py

That is the picture of the rooms, drawn from the imports of their modules; the table of what lives
in each, from docstrings; the picture of a stream's states, drawn from the table of outcomes; and
the walk of one body, which is run. tests/docs/test_architecture.py compares them with the code.
"""

from __future__ import annotations

import ast
import re
import sys
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import documents
import imports
import outcome_table
import streaminstr
from streaminstr import _speedups

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(streaminstr.__file__).parent
PAGE = documents.ROOT / "docs/explanation/architecture.md"
ROOMS = documents.ROOT / "docs/images/rooms.svg"
STATES = documents.ROOT / "docs/images/states.svg"
PUBLIC, FOLDER, PRIVATE = "#4c78a8", "#72a35a", "#9a9a9a"
WIDTH, HEIGHT, ROW, LEFT = 900, 26, 62, 12
PART = "<!-- {}: written by tests/support/rooms.py -->\n"
END = "<!-- end -->\n"


def room_of(module: str) -> str:
    """The room of one of our modules; empty for the package itself."""
    return f"{module}..".split(".")[1]


def rooms() -> dict[str, set[str]]:
    """Each room with the rooms that it imports."""
    found: dict[str, set[str]] = {}
    for module, targets in imports.graph(PACKAGE).items():
        found.setdefault(room_of(module), set()).update(map(room_of, targets))
    del found[""]
    found["demo"] -= {"command"}  # whose tables it prints; it is a subcommand, which is drawn
    return {room: targets - {room, ""} for room, targets in sorted(found.items())}


def levels(graph: dict[str, set[str]]) -> dict[str, int]:
    """How far each room is from those that import nothing."""
    found: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        found[room] = 1 + max((found[one] for one in graph[room]), default=-1)
    return found


def arrows(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that do not follow from others: the picture would be black with all of them."""
    reached: dict[str, set[str]] = {}
    for room in TopologicalSorter(graph).static_order():
        reached[room] = graph[room].union(*(reached[one] for one in graph[room]))
    return [
        (room, target)
        for room in graph
        for target in sorted(graph[room])
        if not any(target in reached[other] for other in graph[room])
    ]


def picture_of_rooms() -> str:
    """Rooms as boxes, from the edges at the top to those that import nothing."""
    graph = rooms()
    rows: dict[int, list[str]] = {}
    for room, level in levels(graph).items():
        rows.setdefault(level, []).append(room)
    top = max(rows)
    places = {}
    for level, names in sorted(rows.items()):
        names.sort()
        widths = [8 * len(name) + 16 for name in names]
        gap = (WIDTH - 2 * LEFT - sum(widths)) / (len(names) + 1)
        x = LEFT + gap
        for name, width in zip(names, widths, strict=True):
            places[name] = (x, 14 + (top - level) * ROW, width)
            x += width + gap
    lines = [_arrow(places[one], places[other]) for one, other in arrows(graph)]
    boxes = [_box(name, *places[name]) for name in graph]
    return _svg(14 + top * ROW + HEIGHT + 14, [*lines, *boxes])


def _arrow(one: tuple[float, float, int], other: tuple[float, float, int]) -> str:
    x, y = one[0] + one[2] / 2, one[1] + HEIGHT
    to_x, to_y = other[0] + other[2] / 2, other[1]
    return f'<path class="a" d="M{x:.0f} {y:.0f}L{to_x:.0f} {to_y:.0f}"/>'


def _box(name: str, x: float, y: float, width: int) -> str:
    private = name.startswith("_") and not name.startswith("__")
    colour = FOLDER if (PACKAGE / name).is_dir() else PRIVATE if private else PUBLIC
    return (
        f'<rect x="{x:.0f}" y="{y}" width="{width}" height="{HEIGHT}" rx="4" fill="{colour}"/>'
        f'<text x="{x + width / 2:.0f}" y="{y + 17}" class="w">{escape(name)}</text>'
    )


def picture_of_states() -> str:
    """From a stream that was made to its outcome, by the rows of the table that decides."""
    endings = list(dict.fromkeys(ending for ending, _ in outcome_table.TABLE))
    outcomes = list(dict.fromkeys(str(row.outcome) for row in outcome_table.TABLE.values()))
    parts = [*_state("made", 20, 150), *_state("open", 140, 150), *_state("current", 140, 60)]
    parts += [
        *('<path class="a" d="M90 165L140 165"/>', '<path class="a" d="M165 150L165 90"/>'),
        *('<path class="a" d="M185 90L185 150"/>', _note(84, 140, "first step")),
        *(_note(92, 118, "step"), _note(192, 118, "chunk")),
    ]
    heights = {str(ending): 30 + 52 * number for number, ending in enumerate(endings)}
    ends = {outcome: 70 + 70 * number for number, outcome in enumerate(outcomes)}
    for ending in endings:
        y = heights[str(ending)]
        parts.append(f'<path class="a" d="M210 165L268 {y + 5}"/>')
        parts.append(f'<text x="274" y="{y + 9}">{escape(ending.value)}</text>')
    for (ending, cut), row in outcome_table.TABLE.items():
        if cut is not outcome_table.Cut.REPORTED:
            dashed = "" if cut is outcome_table.Cut.NOTHING else ' stroke-dasharray="4 4"'
            y, to = heights[str(ending)], ends[str(row.outcome)]
            parts.append(f'<path class="a"{dashed} d="M622 {y + 5}L740 {to + 15}"/>')
    for outcome, y in ends.items():
        parts += _state(outcome, 745, y, 110)
    parts.append(_note(274, 346, "dashed: with a second condition, such as a missing end marker"))
    return _svg(360, parts)


def _state(name: str, x: int, y: int, width: int = 70) -> list[str]:
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="30" rx="15" fill="{PUBLIC}"/>',
        f'<text x="{x + width / 2:.0f}" y="{y + 20}" class="w">{name}</text>',
    ]


def _note(x: int, y: int, words: str) -> str:
    return f'<text x="{x}" y="{y}" class="n">{words}</text>'


def _svg(height: int, parts: list[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="t" viewBox="0 0 8 8" refX="8" refY="4" orient="auto"',
        'markerWidth="7" markerHeight="7"><path d="M0 0L8 4L0 8z" fill="#888"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" rx="8" class="b"/>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


STYLE = """
text {font: 13px Helvetica, Arial, sans-serif; fill: #222}
.w {fill: #fff; text-anchor: middle}
.n {font-size: 12px; fill: #666}
.a {stroke: #888; fill: none; marker-end: url(#t)}
.b {fill: #fff}
@media (prefers-color-scheme: dark) {
  .b {fill: #1c1c1e}
  text {fill: #ddd}
  .n {fill: #999}
}
"""


def table_of_rooms() -> str:
    """What lives in each room: a folder's docstring, the first paragraph of a module's."""
    lines = ["| room | what is in it, and its rules |", "|---|---|"]
    by_level = sorted(levels(rooms()).items(), key=lambda pair: (-pair[1], pair[0]))
    for name, _ in by_level:
        folder = PACKAGE / name
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        text = ast.get_docstring(ast.parse(path.read_text())) or _WITHOUT[name]
        paragraphs = [re.sub(r"\s+", " ", one) for one in text.split("\n\n")]
        kept = [one for one in paragraphs if not one.startswith(" ")]
        words = " ".join(kept if folder.is_dir() else kept[:1])
        lines.append(f"| `{name}` | {words.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


_WITHOUT = {"django": "The adapter for Django: middleware, decorator, settings, checks, views."}
"""Rooms whose `__init__` is empty, as Django's own packages."""


def walk() -> list[str]:
    """Each call into the core that one body of two chunks causes, indented by depth."""
    streaminstr.configure(backend=None)
    list(streaminstr.stream([b"warm"], name="walk"))  # caches, imports
    from streaminstr.testing import RecordingBackend  # noqa: PLC0415

    streaminstr.configure(backend=RecordingBackend(), log_levels=dict.fromkeys(LEVELS))
    lines: list[str] = []

    def note(text: str) -> None:
        lines.append(text)

    def body():
        note(f"{'  ' * depth()}the body yields b'one'")
        yield b"one"
        note(f"{'  ' * depth()}the body yields b'two'")
        yield b"two"
        note(f"{'  ' * depth()}the body ends")

    def depth() -> int:
        return len(stack)

    stack: list[object] = []

    def profile(frame, event, _):
        place = frame.f_globals.get("__name__", "")
        code = frame.f_code
        if not place.startswith(SHOWN) or code.co_qualname.rpartition(".")[2] in HIDDEN:
            return
        if event == "call":
            if len(stack) < DEPTH or place == BACKEND:
                note(f"{'  ' * depth()}{place.removeprefix('streaminstr.')}  {code.co_qualname}")
            stack.append(code)
        elif event == "return" and stack and stack[-1] is code:
            stack.pop()

    sys.setprofile(profile)
    try:
        for _ in streaminstr.stream(body(), name="walk"):
            note("the server sends the chunk")
    finally:
        sys.setprofile(None)
    return lines


LEVELS = ("completed", "failed", "cancelled", "abandoned")
BACKEND = "streaminstr.testing._recording"
SHOWN = ("streaminstr._wrap", "streaminstr._core", BACKEND)
HIDDEN = {
    *("<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>"),
    *("is_open", "current", "RecordedStream.__init__", "__init__", "name_of"),
}
"""Calls that say nothing to a reader."""
DEPTH = 3
"""How deep calls are shown; those of the backend are shown wherever they are."""


def parts() -> dict[str, str]:
    """What the page has between its markers."""
    return {"rooms": table_of_rooms(), "walk": "```text\n" + "\n".join(walk()) + "\n```\n"}


def page() -> str:
    """The page as it should be."""
    text = PAGE.read_text()
    for name, part in parts().items():
        head, _, rest = text.partition(PART.format(name))
        text = f"{head}{PART.format(name)}\n{part}\n{END}{rest.partition(END)[2]}"
    return text


FILES: dict[Path, Callable[[], str]] = {
    ROOMS: picture_of_rooms,
    STATES: picture_of_states,
    PAGE: page,
}

if __name__ == "__main__":
    if _speedups.compiled is not None:
        sys.exit("A compiled step is in no walk: set STREAMINSTR_PURE=1.")
    for path, make in FILES.items():
        path.write_text(make())
