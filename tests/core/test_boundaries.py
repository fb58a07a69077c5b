"""What the core imports, what it costs to import, and where an exception may be swallowed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import streaminstr

PACKAGE = Path(streaminstr.__file__).parent
CORE = sorted(PACKAGE.glob("_*.py"))
BACKENDS = ["streaminstr_opentelemetry", "streaminstr_ddtrace"]
VENDORS = {"ddtrace", "django", "opentelemetry", "rich", "uvicorn", "asgiref", *BACKENDS}
OPTIONAL = {"structlog": {"structlog.py"}}
"""What is looked for and used where it is there, and the one module that may import it."""


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
    return tops - sys.stdlib_module_names - {"streaminstr"}


def tree(path):
    return ast.parse(path.read_text())


def imports(path):
    """The top-level names of all that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


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


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_importing_any_module_of_the_core_brings_no_third_party_module(path):
    name = "streaminstr" if path.stem == "__init__" else f"streaminstr.{path.stem}"
    assert loaded_by(f"import {name}" if path.stem != "__main__" else "result = 0") == set()


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


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_dependencies_point_to_the_core_and_never_from_it(path):
    assert VENDORS.isdisjoint(imports(path))


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_the_core_imports_none_of_its_adapters(path):
    froms = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
    adapters = ("streaminstr.django", "streaminstr.demo", "streaminstr.asgi", "streaminstr.wsgi")
    assert not [node.module for node in froms if node.module.startswith(adapters)]


@pytest.mark.parametrize("optional", OPTIONAL)
def test_what_is_optional_is_imported_in_one_place(optional):
    found = {path.name for path in PACKAGE.glob("*.py") if optional in set(imports(path))}
    assert found <= OPTIONAL[optional]


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


def test_the_package_offers_at_most_twelve_names_and_has_them_all():
    assert len(streaminstr.__all__) <= 12
    assert all(hasattr(streaminstr, name) for name in streaminstr.__all__)


def test_a_name_that_the_package_does_not_have():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = streaminstr.no_such_name
