"""The roster in a cache of Django's: slots, signatures, requests. Two stores are two processes."""

import json
import os
import time

import pytest
from django.core import signing
from django.core.cache import caches
from django.test import override_settings

from roster_fakes import MemoryStore, id_of, opened, page, row
from streaminstr import _configure
from streaminstr._core.life import open_lives
from streaminstr._process import requests
from streaminstr._process.others import read_others
from streaminstr._process.page import encode
from streaminstr._process.roster import Roster
from streaminstr._process.rows import CloseResult
from streaminstr.django import _cached
from streaminstr.django._cached import CacheStore
from streaminstr.django.checks import check_roster, check_settings
from streaminstr.testing import RecordingBackend
from streaminstr.types import StreaminstrError

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
TEXT = encode(page(row(1)))


@pytest.fixture(autouse=True)
def cache():
    with override_settings(
        CACHES={
            "default": {"BACKEND": LOCMEM, "LOCATION": "roster"},
            "dummy": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
            "database": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "cache",
            },
        }
    ):
        caches["default"].clear()
        yield caches["default"]


@pytest.fixture
def one():
    return CacheStore("default")


@pytest.fixture
def other():
    return CacheStore("default")


def keys(cache):
    return sorted(key.rpartition("streaminstr:")[2] for key in cache._cache)


def again(cache, monkeypatch, seconds):
    """Write what is in the cache once more, that much later."""
    values = {f"streaminstr:{key}": cache.get(f"streaminstr:{key}") for key in keys(cache)}
    later = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: later)
    cache.set_many(values)


# Pages


def test_what_one_process_writes_another_reads(one, other):
    one.write(TEXT)
    other.write("{}")
    assert dict(other.read()) == {one.own: TEXT, other.own: "{}"}
    assert list(read_others(other).pages) == [one.own]


def test_each_has_one_slot_that_it_keeps(one, other, cache):
    for _ in range(3):
        one.write(TEXT)
        other.write(TEXT)
    assert len(keys(cache)) == 2


def test_two_never_have_the_same_slot(one, other, monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size))
    one.write(TEXT)
    other.write(TEXT)
    assert (one.own, other.own) == ("0-00000000", "1-00000000")


def test_where_all_slots_are_taken_that_is_an_error(one, monkeypatch):
    monkeypatch.setattr(_cached, "SLOTS", 2)
    for _ in range(2):
        CacheStore("default").write(TEXT)
    with pytest.raises(StreaminstrError, match="there are 2"):
        one.write(TEXT)


def test_a_process_that_claims_its_slot_while_it_reads_does_not_see_itself(one, monkeypatch):
    read = one.read

    def late():
        one.write(TEXT)
        return read()

    monkeypatch.setattr(one, "read", late)
    assert (list(read_others(one).pages), len(dict(read()))) == ([], 1)


def test_a_process_does_not_see_itself_before_it_knows_that_the_slot_is_its_own(
    one, cache, monkeypatch
):
    add, seen = cache.add, []

    def slow(*given):
        is_added = add(*given)
        seen.extend(read_others(one).pages)
        return is_added

    monkeypatch.setattr(cache, "add", slow)
    one.write(TEXT)
    assert (seen, len(dict(one.read()))) == ([], 1)


def test_a_claim_that_fails_leaves_no_slot(one, cache, monkeypatch):
    monkeypatch.setattr(cache, "add", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        one.write(TEXT)
    assert one.own == ""


def test_a_slot_expires_with_its_process(one, cache, monkeypatch):
    one.write(TEXT)
    later = time.time() + 16
    monkeypatch.setattr(time, "time", lambda: later)
    assert list(one.read()) == []


@pytest.mark.parametrize("taken", [True, False])
def test_a_process_that_has_lost_its_slot_claims_another(one, other, cache, taken):
    one.write(TEXT)
    before = one.own
    cache.clear()
    if taken:
        other._slot, other._pid = int(before.partition("-")[0]), os.getpid()
        other.write(TEXT)
    assert list(one.asked()) == []
    one.write(TEXT)
    assert one.own not in ("", before)
    assert len(keys(cache)) == 1 + taken


def test_a_forked_child_claims_its_own(one, monkeypatch, cache):
    one.write(TEXT)
    monkeypatch.setattr(os, "getpid", lambda: 7)
    assert one.own == ""
    one.write(TEXT)
    assert len(keys(cache)) == 2


# What a hostile process may have written


def forged(value, one, cache):
    one.write(TEXT)
    slot = int(one.own.partition("-")[0])
    cache.set(f"streaminstr:roster:{slot}", value)
    return [text for _, text in one.read()]


def signed(content, salt):
    return signing.dumps(content, salt=salt)


@pytest.mark.parametrize("value", [7, b"x", None, "x", "a:b:c", ["page"]])
def test_what_is_not_signed_is_no_page(one, cache, value):
    assert forged(value, one, cache) == [""]
    assert read_others(one).pages == {}


@pytest.mark.parametrize("content", [7, [], {}, {"by": 7, "text": ""}, {"by": "a", "text": None}])
def test_what_is_signed_and_no_page_is_none(one, cache, content):
    one.write(TEXT)
    slot = one.own.partition("-")[0]
    assert forged(signed(content, f"streaminstr.roster.{slot}"), one, cache) == [""]


def test_a_page_is_valid_in_its_own_slot_alone(one, cache):
    one.write(TEXT)
    (key,) = keys(cache)
    slot = int(key.rpartition(":")[2])
    cache.set(f"streaminstr:roster:{(slot + 1) % 256}", cache.get(f"streaminstr:{key}"))
    assert sorted(text for _, text in one.read()) == ["", TEXT]


def test_a_site_with_another_key_is_counted_and_not_read(one, other):
    one.write(TEXT)
    with override_settings(SECRET_KEY="another"):  # noqa: S106
        assert read_others(other).unreadable == 1


def test_an_old_page_that_is_written_again_is_none(one, cache, monkeypatch):
    one.write(TEXT)
    again(cache, monkeypatch, 16)
    assert list(one.read()) == []


# Requests


def ask(store, address, **fields):
    text, nonce = requests.make("close", {"id": id_of(1), **fields})
    store.ask(address, nonce, text)
    return text


def test_a_request_is_taken_by_its_process_and_once(one, other):
    one.write(TEXT)
    other.write(TEXT)
    texts = [ask(other, one.own), ask(other, one.own)]
    assert list(other.asked()) == []
    assert sorted(one.asked()) == sorted(texts)
    assert list(one.asked()) == []


def test_a_request_that_is_written_again_is_ignored(one, other, cache):
    one.write(TEXT)
    ask(other, one.own)
    copied = {key: cache.get(key) for key in _cached._ask_keys(int(one.own.partition("-")[0]))}
    assert [requests.answer(text) is None for text in one.asked()] == [False]
    cache.set_many({key: value for key, value in copied.items() if value})
    assert [requests.answer(text) for text in one.asked()] == [None]


def test_a_request_is_for_one_process_alone(one, other, cache):
    one.write(TEXT)
    other.write(TEXT)
    ask(one, one.own)
    mine, its = (_cached._ask_keys(int(store.own.partition("-")[0])) for store in (one, other))
    cache.set(its[0], cache.get(mine[0]))
    assert list(other.asked()) == []


def test_an_old_request_is_none(one, cache, monkeypatch):
    one.write(TEXT)
    ask(one, one.own)
    again(cache, monkeypatch, 11)
    assert list(one.asked()) == []
    assert one.own


def test_a_slot_with_an_old_page_is_lost(one, cache, monkeypatch):
    one.write(TEXT)
    again(cache, monkeypatch, 16)
    assert list(one.asked()) == []
    assert one.own == ""


def test_one_that_is_not_signed_is_thrown_away(one, cache):
    one.write(TEXT)
    cache.set(_cached._ask_keys(int(one.own.partition("-")[0]))[0], json.dumps({"do": "close"}))
    assert list(one.asked()) == []
    assert len(keys(cache)) == 1


def test_there_are_no_more_of_them_than_there_is_room_for(one, other):
    one.write(TEXT)
    for _ in range(8):
        ask(other, one.own)
    with pytest.raises(StreaminstrError, match="too many"):
        ask(other, one.own)


def test_a_process_without_a_slot_is_asked_nothing(one):
    assert list(one.asked()) == []


def test_a_stream_of_another_process_is_closed(one):
    """Its thread looks as the request is made."""

    class Looks(CacheStore):
        def ask(self, *request):
            super().ask(*request)
            theirs._asked_due = 0.0
            theirs.look(open_lives())
            theirs._write_due = 0.0
            theirs.look(open_lives())

    theirs, ours = Roster(one), Roster(Looks("default"))
    with _configure.forced(_configure.Config(backends=(RecordingBackend(),))):
        made = opened()
    theirs.look(open_lives())
    (address,) = read_others(ours.store).pages
    answers = ours._ask([address], "close", {"id": made._life.handle.id}, 0.0)
    assert answers == {address: CloseResult.ASKED}
    assert list(made) == []


# The setting


def found(check, given):
    with override_settings(STREAMINSTR={"ROSTER": given}):
        return [one.id.removeprefix("streaminstr.") for one in check()]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (None, []),
        ({"CACHE": "database"}, []),
        ({"CACHE": "default"}, ["W011"]),
        ({"CACHE": "dummy"}, ["W011"]),
        ({"CACHE": "nope"}, []),
        ("yes", []),
        (MemoryStore(), []),
    ],
)
def test_a_cache_that_is_not_shared_is_told(given, ids):
    assert found(check_roster, given) == ids


@pytest.mark.parametrize(
    "given",
    [{"CACHE": "nope"}, {"CACHE": []}, {"CACHE": "default", "DIR": "/x"}, "yes", {"DIR": "x"}],
)
def test_what_names_no_place_is_an_error(given):
    assert found(check_settings, given) == ["E003"]


@pytest.mark.parametrize(("mode", "ids"), [(0o700, []), (0o755, ["W012"])])
def test_a_directory_that_is_refused_is_told(tmp_path, mode, ids):
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)
    assert found(check_roster, {"DIR": str(tmp_path / "run")}) == ids


def test_the_setting_names_the_cache():
    with override_settings(STREAMINSTR={"BACKEND": "log", "ROSTER": {"CACHE": "dummy"}}):
        roster = _configure.roster()
    assert (type(roster.store), roster.store.alias) == (CacheStore, "dummy")


def test_the_connections_of_the_thread_are_closed(one, monkeypatch):
    closed = []
    monkeypatch.setattr(_cached.connections, "close_all", lambda: closed.append(True))
    Roster(one).look(())
    assert closed == [True]
