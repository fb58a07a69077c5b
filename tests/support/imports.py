"""Which module imports which, also in functions and for type checkers alone."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter


def imported(path):
    """All that a file imports, as dotted names: `from a.b import c` is `a.b.c`."""
    return imported_in(path.read_text())


def imported_in(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def graph(package):
    """The modules of the package in folder `package`, each with those that it imports."""
    files = {_name(path, package.parent): path for path in package.rglob("*.py")}
    return {
        name: {_module(one, files) for one in imported(path)} & files.keys()
        for name, path in files.items()
    }


def private(names):
    """Those of the dotted names that are streaminstr's and not public."""
    ours = [name for name in names if name.partition(".")[0] == "streaminstr"]
    return [name for name in ours if re.search(r"\._(?!_)", name)]


def cycle(edges):
    """The modules of one import cycle, or nothing."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def _name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(dotted, known):
    """The module that an import of `dotted` loads: itself, or the one that has it as a name."""
    return dotted if dotted in known else dotted.rpartition(".")[0]
