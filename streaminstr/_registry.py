"""From what a user writes, a name or a dotted path or an object, to backends."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr.types import Backend

GROUP = "streaminstr.backends"


def resolve(choice: Any, options: Mapping[str, Any]) -> tuple[Backend, ...]:
    """The backends that `wanted` names, made with `options`; none for None.

    `wanted` is a name, a dotted path, a backend, a class or factory of one, a dict with the keys
    `BACKEND` and `OPTIONS`, or a list of these. Raises StreaminstrError.
    """
    if choice is None:
        return ()
    if isinstance(choice, list | tuple):
        if not choice:
            msg = f"The list {choice!r} names no backend. Write None to turn everything off."
            raise StreaminstrError(msg)
        if options:
            msg = (
                "Options beside a list of backends belong to none of them. Write "
                '[{"BACKEND": ..., "OPTIONS": {...}}, ...].'
            )
            raise StreaminstrError(msg)
        return tuple(backend for one in choice for backend in resolve(one, {}))
    if isinstance(choice, dict):
        _check_keys(choice)
        return resolve(choice["BACKEND"], choice.get("OPTIONS", {}))
    return (_make(choice, options),)


def installed() -> list[EntryPoint]:
    """All entry points of the group, by name; a name may be there twice."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _check_keys(choice: dict[str, Any]) -> None:
    if unknown := set(choice) - {"BACKEND", "OPTIONS"}:
        msg = f"A backend in a list has the keys BACKEND and OPTIONS, not {sorted(unknown)}."
        raise StreaminstrError(msg)
    if "BACKEND" not in choice:
        msg = "A backend in a list has the key BACKEND."
        raise StreaminstrError(msg)


def _check_options(options: Any) -> None:
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        msg = f"The options of a backend are a dict of names to values, not {options!r:.80}."
        raise StreaminstrError(msg)


def _make(choice: Any, options: Mapping[str, Any]) -> Backend:
    _check_options(options)
    factory = _load(choice) if isinstance(choice, str) else choice
    if not callable(factory) or (not inspect.isclass(factory) and _is_backend(factory)):
        backend = factory
        if options:
            msg = f"Options {sorted(options)} for {factory!r}, which is made already: drop them."
            raise StreaminstrError(msg)
    else:
        backend = _call(factory, choice, options)
    if not _is_backend(backend):
        msg = (
            f"{_shown(choice)} makes {backend!r:.80}, which is no backend: "
            "a backend has a method open(info)."
        )
        raise StreaminstrError(msg)
    return backend  # type: ignore[no-any-return]


def _is_backend(candidate: Any) -> bool:
    return callable(getattr(candidate, "open", None))


def _load(choice: str) -> Any:
    return _load_path(choice) if "." in choice else _load_name(choice)


def _load_name(name: str) -> Any:
    points = [point for point in installed() if point.name == name]
    if not points:
        names = sorted({point.name for point in installed()})
        msg = (
            f"No backend is called {name!r}. Installed are: {', '.join(names) or 'none'}. "
            "A backend of your own is named by its dotted path."
        )
        raise StreaminstrError(msg)
    if len({(point.value, _owner(point)) for point in points}) > 1:
        owners = " and ".join(f"{_owner(point)} ({point.value})" for point in points)
        msg = (
            f"Two owners of the backend name {name!r}: {owners}. "
            "Uninstall one, or name yours by its dotted path."
        )
        raise StreaminstrError(msg)
    try:
        return points[0].load()
    except ImportError as error:
        msg = (
            f"The backend {name!r} needs a library that cannot be imported ({error}). "
            f'Install it: python -m pip install "{_owner(points[0])}[{name}]"'
        )
        raise StreaminstrError(msg) from error


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def _load_path(path: str) -> Any:
    module_name, _, attribute = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, TypeError, ValueError) as error:  # the latter for odd dots
        msg = f"The backend {path!r} cannot be imported: {error}."
        raise StreaminstrError(msg) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        msg = f"The backend {path!r} is not there: {module_name!r} has no {attribute!r}."
        raise StreaminstrError(msg) from None


def _call(factory: Any, choice: Any, options: Mapping[str, Any]) -> Any:
    try:
        signature = inspect.signature(factory)
    except ValueError:  # some types that are written in C have none
        return factory(**options)
    try:
        signature.bind(**options)
    except TypeError as error:
        msg = (
            f"Backend {_shown(choice)} does not take the options {sorted(options)}: {error}. "
            f"It takes {signature}."
        )
        raise StreaminstrError(msg) from error
    return factory(**options)


def _shown(choice: Any) -> str:
    return repr(choice) if isinstance(choice, str) else f"{choice!r:.80}"
