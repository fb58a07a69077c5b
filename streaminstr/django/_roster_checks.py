"""System checks of ROSTER: what it names can be shared by the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

from streaminstr import StreaminstrError, _configure
from streaminstr._process.directory import Directory
from streaminstr.django import conf
from streaminstr.django._cached import CacheStore

if TYPE_CHECKING:
    from django.core.cache.backends.base import BaseCache


def check_roster(**_: Any) -> list[checks.CheckMessage]:
    """W011 a cache that one process has alone, W012 a directory that must not be used."""
    try:
        setting = conf.loaded()
    except StreaminstrError:
        return []  # check_settings reports it
    roster = None if setting is None else _configure.roster_of(setting.config)
    store = None if roster is None else roster.store
    if isinstance(store, CacheStore):
        cache = caches[store.alias]
        return [_alone(cache)] if isinstance(cache, LocMemCache | DummyCache) else []
    if isinstance(store, Directory):
        try:
            store.check()
        except StreaminstrError as error:
            return [_refused(error)]
    return []


def _alone(cache: BaseCache) -> checks.CheckMessage:
    return checks.Warning(
        f"ROSTER is kept in a {type(cache).__name__}, which no two processes share.",
        hint=(
            'Name a cache in Redis, Valkey, memcached or a database; or write "ROSTER": True '
            "for the workers of one host."
        ),
        id="streaminstr.W011",
    )


def _refused(error: StreaminstrError) -> checks.CheckMessage:
    return checks.Warning(str(error), hint="No worker is seen until then.", id="streaminstr.W012")
