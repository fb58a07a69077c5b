"""Which room imports which, what importing costs, and where an exception may be swallowed."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from importlib import import_module
from pathlib import Path

import pytest

import documents
import imports
import streaminstr
from streaminstr import types

PACKAGE = Path(streaminstr.__file__).parent
ROOT = Path(__file__).parents[2]
BACKENDS = ["streaminstr_opentelemetry", "streaminstr_ddtrace", "streaminstr_prometheus"]
FRAMEWORKS = {"anyio", "django", "fastapi", "starlette"}
VENDORS = {
    "ddtrace",
    "opentelemetry",
    "prometheus_client",
    "rich",
    "uvicorn",
    "asgiref",
    *FRAMEWORKS,
    *BACKENDS,
}
OPTIONAL = {"structlog": {"structured.py"}}
"""What is looked for and used where it is there, and the one module that may import it."""
LAYERS = (
    {"_calls", "_speedups", "attributes"},
    {"types"},
    {"_core"},
    {"_frames", "_gaps", "_install", "_mistakes", "_sifted", "_texts", "metrics"},
    {"_asgiref", "_begun", "_events", "_exchange", "_fields", "_push", "_registry", "_stopping"},
    {"_caches", "_farewell", "_http", "_inert", "_process", "_untaken", "log"},
    {"_handle"},
    {"_segments"},
    {"_options"},
    {"_environment"},
    {"_configure"},
    {"_wrap"},
    {"_response"},
    {"_nets", "_streamed"},
    {"_top"},
    {"_endpoint", "apps", "asgi", "django", "gunicorn", "wsgi"},
    {"starlette"},
    {"testing"},
    {"command", "demo"},
    {"__main__"},
)
"""Rooms, from the innermost. A room imports those before it, and none beside it."""
TOGETHER = {"command", "demo"}
"""The demo is a subcommand, and prints its tables as the others do."""
INNER = sorted(
    path
    for room in set().union(*LAYERS[:14])
    for path in (PACKAGE / f"{room}.py", *(PACKAGE / room).rglob("*.py"))
    if path.exists()
)
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
SIZES = {"_core": 950, "_calls": 200}
"""Lines of code in the rooms of the core: without comments, docstrings and blank lines."""
LIMIT = 30
"""Lines of a function below its `def`, with its docstring."""


def in_fresh_python(code):
    """The value of `result` after `code`, in an interpreter that has imported nothing more."""
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(repr(result))"]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603
    return ast.literal_eval(done.stdout)


def loaded_by(statement):
    """The top-level names of third-party modules that a statement brings."""
    new = in_fresh_python(
        f"before = set(sys.modules)\n{statement}\nresult = [*set(sys.modules) - before]"
    )
    tops = {name.partition(".")[0] for name in new}
    return tops - sys.stdlib_module_names - {"streaminstr", "streaminstr_speedups"}


def code_lines(path):
    """How many lines hold code."""
    source = path.read_text()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in {*skipped, tokenize.ENDMARKER}
        for line in range(token.start[0], token.end[0] + 1)
    }
    texts = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return len(lines - {line for one in texts for line in range(one.lineno, one.end_lineno + 1)})


def tree(path):
    return ast.parse(path.read_text())


def tops(path):
    """The top-level names of all that a file imports."""
    return {name.partition(".")[0] for name in imports.imported(path)}


def room_of(module):
    """The room of a module of ours; empty for the package itself."""
    return f"{module}..".split(".")[1]


def rooms_imported_by(room):
    found = {
        room_of(target)
        for module, targets in imports.graph(PACKAGE).items()
        if room_of(module) == room
        for target in targets
    }
    return found - {room}


def long_functions(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = node.end_lineno - node.lineno
            if size > LIMIT:
                yield node.name


def writes_to_a_life(path):
    """The attributes of a `Life` that a file assigns to or deletes."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if name.strip("_") == "life":
                yield node.attr


def swallowing(path):
    """The functions with a handler of everything that does not raise it again."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for function in (node for node in ast.walk(tree(path)) if isinstance(node, functions)):
        yield from (function.name for node in ast.walk(function) if swallows(node))


def swallows(node):
    if isinstance(node, ast.ExceptHandler):
        return is_broad(node.type) and not isinstance(node.body[-1], ast.Raise)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "suppress":
        return any(map(is_broad, node.args))
    return False


def is_broad(kind):
    names = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(getattr(name, "id", None) in {None, "Exception", "BaseException"} for name in names)


def test_importing_the_package_brings_no_third_party_module():
    assert loaded_by("import streaminstr") == set()


@pytest.mark.parametrize("room", sorted(set().union(*LAYERS[:11])))
def test_importing_an_inner_room_brings_no_third_party_module(room):
    assert loaded_by(f"import streaminstr.{room}") - {"streaminstr"} == set()


def test_using_the_core_brings_no_vendor():
    """Structlog is the one that may come: the default backend writes to it where it is there."""
    use = (
        "import streaminstr\n"
        "streaminstr.configure()\n"
        "with streaminstr.stream([1, 2]) as made: next(made)\n"
        "print('', file=sys.stderr)\n"
    )
    quiet = "import io; out, sys.stdout = sys.stdout, io.StringIO()\n"
    found = loaded_by(f"{quiet}{use}sys.stdout = out")
    assert found.isdisjoint(VENDORS - {"rich"})  # which structlog takes where it is there


def test_importing_the_package_takes_under_five_milliseconds():
    """Of the processor's time, on top of the interpreter; the least of a few tries counts."""
    clock = "time.process_time()"
    code = f"import time\nstart = {clock}\nimport streaminstr\nresult = {clock} - start"
    assert min(in_fresh_python(code) for _ in range(5)) < 0.005


def test_there_is_no_import_cycle():
    graph = imports.graph(PACKAGE)
    assert imports.cycle(graph) == []


def test_an_import_cycle_is_found(tmp_path):
    package = tmp_path / "shop"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "__init__.py").write_text("def f():\n    from shop import orders\n")
    (package / "orders.py").write_text("if TYPE_CHECKING:\n    import shop.rows\n")
    (package / "rows.py").write_text("from shop.inner import f\n")
    found = imports.cycle(imports.graph(package))
    assert set(found) == {"shop.inner", "shop.orders", "shop.rows"}


def test_every_room_has_its_layer():
    found = {room_of(module) for module in imports.graph(PACKAGE)} - {""}
    assert found == set().union(*LAYERS)


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_a_room_imports_those_before_it_and_none_beside_it(number):
    before = set().union(*LAYERS[:number])
    for room in LAYERS[number]:
        allowed = before | (TOGETHER if room in TOGETHER else set()) | {""}
        assert rooms_imported_by(room) <= allowed, room


@pytest.mark.parametrize("room", ["_calls", "_core", "_process", "log"])
def test_a_room_imports_what_its_docstring_says(room):
    text = import_module(f"streaminstr.{room}").__doc__
    said = re.search(r"Imports (.*?)\.\s", text, re.DOTALL)[1]
    allowed = {name.removeprefix("streaminstr.") for name in re.findall("`(.*?)`", said)}
    assert rooms_imported_by(room) == allowed


@pytest.mark.parametrize("room", ROOMS)
def test_the_docstring_of_a_room_has_at_most_eight_lines(room):
    text = ast.get_docstring(tree(PACKAGE / room / "__init__.py")) or ""
    assert len(text.splitlines()) <= 8


@pytest.mark.parametrize("path", INNER, ids=lambda path: path.stem)
def test_an_inner_room_imports_no_vendor(path):
    assert VENDORS.isdisjoint(tops(path))


def test_the_adapter_for_starlette_imports_no_fastapi_and_is_small():
    path = PACKAGE / "starlette.py"
    assert tops(path) & VENDORS == {"anyio", "starlette"}
    assert code_lines(path) <= 150


@pytest.mark.parametrize("room", SIZES)
def test_the_core_imports_nothing_but_the_standard_library(room):
    found = {top for path in (PACKAGE / room).rglob("*.py") for top in tops(path)}
    assert found <= {"streaminstr", *sys.stdlib_module_names}


@pytest.mark.parametrize("optional", OPTIONAL)
def test_what_is_optional_is_imported_in_one_place(optional):
    assert {path.name for path in INNER if optional in tops(path)} == OPTIONAL[optional]


@pytest.mark.parametrize("folder", ["backends", "docs", "tests/typing"])
def test_what_is_outside_of_the_package_imports_no_private_name(folder):
    found = {path: imports.imported(path) for path in (ROOT / folder).rglob("*.py")}
    assert not {path: names for path in found if (names := imports.private(found[path]))}


@pytest.mark.parametrize("page", documents.PAGES, ids=documents.name_of)
def test_a_page_imports_no_private_name(page):
    assert imports.private(imports.imported_in(documents.program(page.read_text())[0])) == []


def test_a_private_import_is_found():
    source = "from streaminstr import _core, stream, __version__\nimport streaminstr.log._x.y\n"
    found = imports.private(imports.imported_in(source))
    assert found == ["streaminstr._core", "streaminstr.log._x.y"]


def test_only_a_life_writes_to_a_life():
    found = {
        (path.name, attribute)
        for path in PACKAGE.rglob("*.py")
        if path.name != "life.py"
        for attribute in writes_to_a_life(path)
    }
    assert found == set()


@pytest.mark.parametrize(
    "statement",
    [
        *("life.closing = 1", "self._life.scopes, x = [], 1", "stream.life.started |= True"),
        *("del life.scopes", "for life.outcome in (): pass", "made._life.created: float = 0"),
    ],
)
def test_what_writes_to_a_life_is_found(tmp_path, statement):
    path = tmp_path / "module.py"
    path.write_text(f"{statement}\nlife.handle.facts = self.closing = life.started\n")
    assert len(list(writes_to_a_life(path))) == 1


def definitions():
    """All classes and functions of the package, each with the name of its file."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in PACKAGE.rglob("*.py"):
        yield from ((path.name, node) for node in ast.walk(tree(path)) if isinstance(node, kinds))


def test_a_report_is_the_numbers_of_a_stream_and_nothing_else():
    found = {ast.unparse(node.returns) for _, node in definitions() if node.name == "report"}
    assert found == {"StreamReport"}


def test_to_watch_is_to_look_out_for_sigterm_and_nothing_else():
    found = {(name, node.name) for name, node in definitions() if "watch" in node.name.lower()}
    assert found == {("shutdown.py", "watch"), ("_configure.py", "watch")}


@pytest.mark.parametrize("kind", [types.Stream, types.AsyncStream, types.StreamScope])
def test_what_is_public_is_closed_and_what_is_internal_ends(kind):
    assert hasattr(kind, "close")
    assert not hasattr(kind, "end")


def test_no_function_is_long():
    paths = [*PACKAGE.rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
    found = {name for path in paths for name in long_functions(path)}
    assert found == set()


def test_a_long_function_is_found(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def f():\n" + "    x = 1\n" * 31 + "async def g():\n" + "    x = 1\n" * 30)
    assert list(long_functions(path)) == ["f"]


@pytest.mark.parametrize("room", SIZES)
def test_no_file_of_the_core_is_long(room):
    lengths = {
        path.name: len(path.read_text().splitlines()) for path in PACKAGE.glob(f"{room}/*.py")
    }
    found = {name for name, length in lengths.items() if length > 200}
    assert found == set()


@pytest.mark.parametrize("room", SIZES)
def test_the_core_is_small(room):
    assert sum(map(code_lines, PACKAGE.glob(f"{room}/*.py"))) <= SIZES[room]


def test_there_is_one_place_that_swallows_exceptions():
    """`relay` swallows none: it throws what it catches into the body."""
    found = {
        (path.name, function)
        for path in PACKAGE.rglob("*.py")
        for function in swallowing(path)
        if {"testing", "command", "demo"}.isdisjoint(path.parts)  # which are in no response's way
    }
    assert found == {
        ("lifespan.py", "live"),
        ("guard.py", "call"),
        ("guard.py", "guarded"),
        ("guard.py", "guarded_await"),
        ("within.py", "relay"),
    }


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except BaseException: pass", ["f"]),
        ("except Exception as error: print(error)", ["f"]),
        ("except (ValueError, Exception): pass", ["f"]),
        ("except: pass", ["f"]),
        ("except Exception: raise", []),
        ("except Exception:\n  if known: raise\n  log()", ["f"]),
        ("except ValueError: pass", []),
        ("finally: suppress(Exception)", ["f"]),
        ("finally: suppress(ValueError)", []),
    ],
)
def test_what_swallows_is_found(tmp_path, handler, found):
    path = tmp_path / "module.py"
    path.write_text(f"def f():\n try: pass\n {handler}\n")
    assert list(swallowing(path)) == found


def test_the_package_offers_at_most_sixteen_names_and_has_them_all():
    assert len(streaminstr.__all__) <= 16
    assert all(hasattr(streaminstr, name) for name in streaminstr.__all__)


def test_a_name_that_the_package_does_not_have():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = streaminstr.no_such_name
