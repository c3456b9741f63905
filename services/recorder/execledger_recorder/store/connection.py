"""A connection to Postgres, as the subjects of the store are handed it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Connect = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]
"""Lends a connection for as long as the block lasts; what Postgres raises is translated to the errors of `errors`."""


def moment(microseconds: int) -> datetime:
    """The time of an event, in microseconds since 1970, as Postgres is told it."""
    return _EPOCH + timedelta(microseconds=microseconds)


def columns(rows: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def in_lock_order(aliases: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """By external id, then tenant: an id is as unique as an alias, and where two tenants want the same one, it is that
    external id. By tenant first, each of two recorders could have the id that the other waits for."""
    return sorted(aliases, key=lambda alias: (alias[1], alias[0]))
