"""How asgiref is found: loaded or not, known or changed."""

import sys
import threading
from contextvars import Context, ContextVar, copy_context
from types import SimpleNamespace

import pytest
from asgiref.local import Local
from asgiref.sync import AsyncToSync, SyncToAsync

from streaminstr import Outcome, _asgiref, stream


def test_where_asgiref_is_not_loaded_a_stream_is_entered_by_its_context_alone(backend, monkeypatch):
    monkeypatch.delitem(sys.modules, "asgiref.sync")
    life = stream([])._life
    assert life.run == life.context.run
    assert dict(life.copy()) == dict(life.copy_for_task()) == dict(life.context)


def test_so_it_is_while_asgiref_is_being_imported(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, "asgiref.sync", SimpleNamespace(Local=Local))
    life = stream([])._life
    assert life.run == life.context.run


def test_an_empty_store_of_executors_is_a_new_one_each_time():
    """Version 3.8 changes it in place, in each Context that has it."""
    held = ContextVar("held", default=None)
    unset = ContextVar("unset")
    found = []
    for _ in range(2):
        context = copy_context()
        context.run(held.set, {"current": "gone"})
        asgiref = _asgiref.Names(held, unset, unset, None)
        context.run(_asgiref._settle, context, asgiref, 1, 1, None, None, None)
        found.append(context[held])
    assert found == [{}, {}]
    assert found[0] is not found[1]


class Other:
    """The store of a Local as some later asgiref may have it: its tag cannot be changed."""

    def __init__(self, *given):
        self.thread_id = 1
        self.data = {"current": None}


def fake(*, executors=None, sync_to_async=SyncToAsync):
    """An `asgiref.sync` whose executors are kept in `executors`."""
    made = SimpleNamespace(SyncToAsync=sync_to_async, sync_to_async=sync_to_async)
    if executors is not None:
        made.AsyncToSync = SimpleNamespace(executors=executors)
    return Module(made)


class Module:
    """A module that can be a key."""

    def __init__(self, made):
        vars(self).update(vars(made))


def kept(value, *, variable=None):
    """A Local that keeps `value`, whatever is set."""
    variable = variable or ContextVar("kept")

    class Kept:
        def __setattr__(self, name, given):
            variable.set(value)

    return Kept()


CHANGED = {
    "no AsyncToSync": fake(),
    "executors in a thread": fake(executors=threading.local()),
    "a store without a tag": fake(executors=kept(object())),
    "a store that is made otherwise": fake(executors=kept(Other())),
    "a store of the same look": fake(
        executors=kept(SimpleNamespace(thread_id=1, data={"current": None}))
    ),
    "no guard and no pool": fake(executors=AsyncToSync.executors, sync_to_async=object()),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_changed_asgiref_is_told_of_once_and_left_alone(changed, backend, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "asgiref.sync", changed)
    for _ in range(2):
        assert list(stream([b"a", b"b"])) == [b"a", b"b"]
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("streaminstr", "WARNING")
    ]
    assert "installed asgiref" in caplog.text
    assert [one.outcome for one in backend.closed] == [Outcome.COMPLETED] * 2


def test_a_store_that_is_a_dict_needs_no_tag_and_no_warning(caplog):
    """As in the versions before 3.12."""
    assert _asgiref._look_into(fake(executors=kept({}))).stored is None
    assert caplog.records == []


def test_the_installed_asgiref_is_known(caplog):
    _asgiref._look_into.__wrapped__(sys.modules["asgiref.sync"])
    assert caplog.records == []
    assert Context().run(lambda: _asgiref._names().here())[1:] == (None, None, None)
