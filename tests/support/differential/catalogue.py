"""All kinds of bodies. Each of these files registers some."""

from differential import (
    async_generators,
    async_objects,
    awaitables,
    begun,
    generators,
    held,
    iterators,
    objects,
)
from differential.kinds import ASYNC_KINDS, KINDS

FILES = (
    generators,
    iterators,
    objects,
    begun,
    async_generators,
    held,
    async_objects,
    awaitables,
)

__all__ = ["ASYNC_KINDS", "FILES", "KINDS"]
