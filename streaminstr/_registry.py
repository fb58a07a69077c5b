"""Finds the backends that a user names, by a name, a dotted path or an object."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NamedTuple

from streaminstr._mistakes import Mistakes, did_you_mean
from streaminstr._sifted import TAKES_RATIO, Sifted, filter_of, is_ratio
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streaminstr.types import Backend

GROUP = "streaminstr.backends"
KEYS = ("BACKEND", "OPTIONS", "FILTER", "RATIO")
"""Of a backend that is written as a dict."""
_OFF = {"none", "null", "off", "false", "no"}
"""What is written for None in other languages."""
_ALIASES = {"datadog": "ddtrace", "otel": "opentelemetry", "structlog": "log"}
"""Other words for a vendor. They name no backend, and it is clear which one is meant."""


class Entry(NamedTuple):
    """What was written about one backend."""

    backend: Any
    options: Any
    filter: Any = None
    ratio: Any = None


def resolve(choice: Any, options: Mapping[str, Any]) -> tuple[Backend, ...]:
    """The backends that `choice` names, made with `options`; none for None.

    `choice` is a name, a dotted path, a backend, a class or factory of one, a dict with the keys
    `BACKEND`, `OPTIONS`, `FILTER` and `RATIO`, or a list of these. Raises StreaminstrError, of all
    that is wrong.
    """
    mistakes = Mistakes()
    seen: list[tuple[Any, Any]] = []
    backends = [
        mistakes.collect("BACKEND", _make, entry, seen)
        for entry in _entries(mistakes, choice, options)
    ]
    mistakes.tell()
    return tuple(backend for backend in backends if backend is not None)


def _entries(mistakes: Mistakes, choice: Any, options: Any) -> Iterator[Entry]:
    """An entry for each backend of `choice`."""
    if isinstance(choice, list | tuple):
        mistakes.collect("BACKEND", _check_list, choice, options)
        for one in choice:
            yield from _entries(mistakes, one, {})
    elif isinstance(choice, dict):
        mistakes.collect("BACKEND", _check_dict, choice, options)
        for entry in _entries(mistakes, choice.get("BACKEND"), choice.get("OPTIONS", {})):
            yield entry._replace(
                filter=choice.get("FILTER", entry.filter), ratio=choice.get("RATIO", entry.ratio)
            )
    elif choice is not None:
        yield Entry(choice, options)


def installed() -> list[EntryPoint]:
    """All entry points of the group, by name; a name may be there twice."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _check_list(choice: Sequence[Any], options: Any) -> None:
    if not choice:
        msg = f"The list {choice!r} names no backend. Write None to turn everything off."
        raise StreaminstrError(msg)
    _refuse_options(options)


def _refuse_options(options: Any) -> None:
    if options:
        msg = (
            "Options beside a list or dict of backends belong to none of them. Write "
            '[{"BACKEND": ..., "OPTIONS": {...}}, ...].'
        )
        raise StreaminstrError(msg)


def _check_dict(choice: dict[str, Any], options: Any) -> None:
    mistakes = Mistakes()
    mistakes.collect("BACKEND", _refuse_options, options)
    for key in choice:
        if key not in KEYS:
            text = f"A backend has the keys {', '.join(KEYS)}, and not {key!r}."
            mistakes.add("BACKEND", text + did_you_mean(key, KEYS))
    if "BACKEND" not in choice:
        mistakes.add("BACKEND", "A backend that is written as a dict has the key BACKEND.")
    mistakes.tell()


def _check_options(options: Any) -> None:
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        msg = f"The options of a backend are a dict of names to values, not {options!r:.80}."
        raise StreaminstrError(msg)


def _make(entry: Entry, seen: list[tuple[Any, Any]]) -> Backend:
    """The backend of an entry. `seen` has the backends of before, and their options."""
    choice, options = entry.backend, entry.options
    _check_options(options)
    _check_choice(choice)
    factory = _load(choice) if isinstance(choice, str) else choice
    if any(factory is one and options == others for one, others in seen):
        msg = f"{_shown(choice)} is there twice: each stream would have two spans. Keep one."
        raise StreaminstrError(msg)
    seen.append((factory, options))
    backend = _made_by(factory, choice, options)
    if not _is_backend(backend):
        result = "" if backend is choice else f"makes {backend!r:.80}, which "
        msg = f"{_shown(choice)} {result}is no backend: a backend has a method open(info)."
        raise StreaminstrError(msg)
    return _sifted(backend, entry)


def _made_by(factory: Any, choice: Any, options: Mapping[str, Any]) -> Any:
    if callable(factory) and (inspect.isclass(factory) or not _is_backend(factory)):
        return _call(factory, choice, options)
    if options:
        msg = f"Options {sorted(options)} for {factory!r}, which is made already: drop them."
        raise StreaminstrError(msg)
    return factory


def _sifted(backend: Backend, entry: Entry) -> Backend:
    """The backend, with what chooses its streams where that is written."""
    name, mistakes = _shown(entry.backend), Mistakes()
    if entry.ratio is not None and not is_ratio(entry.ratio):
        text = f"The RATIO of {name} is {entry.ratio!r:.80}. It takes {TAKES_RATIO}."
        mistakes.add("BACKEND", text)
    chosen = mistakes.collect("BACKEND", filter_of, f"The FILTER of {name}", entry.filter)
    mistakes.tell()
    if entry.ratio is None and chosen is None:
        return backend
    return Sifted(backend, entry.ratio, chosen)


def _check_choice(choice: Any) -> None:
    """Raise StreaminstrError for a bool, which is written where None is meant."""
    if isinstance(choice, bool):
        msg = (
            f"{choice} is no backend. Write None to turn everything off, or the name of a backend, "
            'such as "opentelemetry".'
        )
        raise StreaminstrError(msg)


def _is_backend(candidate: Any) -> bool:
    return callable(getattr(candidate, "open", None))


def _load(choice: str) -> Any:
    return _load_path(choice) if "." in choice and "," not in choice else _load_name(choice)


def _load_name(name: str) -> Any:
    points = [point for point in installed() if point.name == name]
    if not points:
        raise StreaminstrError(_unknown(name))
    if len({(point.value, _owner(point)) for point in points}) > 1:
        owners = " and ".join(f"{_owner(point)} ({point.value})" for point in points)
        msg = (
            f"Two owners of the backend name {name!r}: {owners}. "
            "Uninstall one, or name yours by its dotted path."
        )
        raise StreaminstrError(msg)
    try:
        return points[0].load()
    except (ImportError, AttributeError) as error:
        raise StreaminstrError(_not_loaded(points[0], error)) from error


def _not_loaded(point: EntryPoint, error: Exception) -> str:
    """Why a backend cannot be imported, and what to do about it where that is known."""
    extra = extra_of(point)
    if extra is None or not isinstance(error, ImportError):
        return f"The backend {point.name!r} of {_owner(point)} cannot be imported: {error}."
    from streaminstr._install import install_line  # noqa: PLC0415 - only an error needs it

    return (
        f"The backend {point.name!r} needs a library that cannot be imported ({error}). "
        f"Install it: {install_line(extra)}"
    )


def extra_of(point: EntryPoint) -> str | None:
    """What installs the libraries of a backend, such as `streaminstr[ddtrace]`.

    None where its distribution has no extra of that name: what is missing is not known then.
    """
    own = point.name.replace("_", "-")
    extras = [] if point.dist is None else point.dist.metadata.get_all("Provides-Extra") or []
    return f"{_owner(point)}[{own}]" if own in extras else None


def _unknown(name: str) -> str:
    """What to write in place of a name that is not installed."""
    if not name.strip():
        return "An empty text names no backend. Write None to turn everything off."
    if name.strip().casefold() in _OFF:
        return f"{name!r} is text. Write None, without quotation marks, to turn everything off."
    if "," in name:
        several = [one.strip() for one in name.split(",")]
        return f"{name!r} is one text. Write a list: {several}."
    names = sorted({point.name for point in installed()})
    return (
        f"No backend is called {name!r}.{did_you_mean(_ALIASES.get(name.casefold(), name), names)} "
        f"Installed are: {', '.join(names) or 'none'}. "
        "A backend of your own is named by its dotted path."
    )


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
        raise StreaminstrError(_odd_options(choice, options, signature)) from error
    return factory(**options)


def _odd_options(choice: Any, options: Mapping[str, Any], signature: inspect.Signature) -> str:
    """What is wrong with options that a factory of this signature does not take."""
    parameters = signature.parameters.values()
    kinds = inspect.Parameter
    by_name = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    names = [one.name for one in parameters if one.kind in by_name]
    takes_any = any(one.kind is kinds.VAR_KEYWORD for one in parameters)
    unknown = [] if takes_any else [name for name in sorted(options) if name not in names]
    if unknown:
        meant = "".join(did_you_mean(name, names) for name in unknown)
        problem = f"has no option {', '.join(map(repr, unknown))}.{meant}"
    else:
        needed = [name for name in _required(signature) if name not in options]
        problem = f"needs the option {', '.join(map(repr, needed))}."
    return f"Backend {_shown(choice)} {problem} Its options are: {', '.join(names) or 'none'}."


def _required(signature: inspect.Signature) -> list[str]:
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        one.name
        for one in signature.parameters.values()
        if one.default is one.empty and one.kind not in several
    ]


def _shown(choice: Any) -> str:
    return repr(choice) if isinstance(choice, str) else f"{choice!r:.80}"
