"""Dead letters: listed, read, and handed to whoever sends them once more."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class KeptDeadLetter(NamedTuple):
    """A dead letter, whole, as the table has it."""

    id: int
    redriven_at: datetime | None
    row: DeadLetterRow


class DeadLetter(NamedTuple):
    """A dead letter without its bytes, of which it says how many there are."""

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    reason: str
    detail: str
    fingerprint: str
    redriven_at: datetime | None
    value_bytes: int


class DeadLetterGroup(NamedTuple):
    """Dead letters that are bad in the same way; the detail is that of the first."""

    fingerprint: str
    reason: str
    detail: str
    letters: int
    redriven: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters: those that are one of each list that is given, with a Kafka timestamp since then."""

    ids: Sequence[int] | None = None
    reasons: Sequence[str] | None = None
    fingerprints: Sequence[str] | None = None
    since: datetime | None = None


class DeadLetters:
    """What is kept of bad records."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def groups(self, wanted: DeadLetterFilter) -> list[DeadLetterGroup]:
        """Dead letters by the way in which they are bad, the most frequent first; ids narrow nothing here."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["dead_letter_groups"], wanted.reasons, wanted.fingerprints, wanted.since)
        return [DeadLetterGroup(*row) for row in rows]

    async def page(
        self, wanted: DeadLetterFilter, *, redriven: bool, after: int = 0, limit: int = 1000
    ) -> list[DeadLetter]:
        """Dead letters behind the id `after`, in the order in which they came; with `redriven`, those that were too."""
        arguments = (wanted.ids, wanted.reasons, wanted.fingerprints, wanted.since, redriven, after, limit)
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["list_dead_letters"], *arguments)
        return [DeadLetter(*row) for row in rows]

    async def read(self, ids: Sequence[int]) -> list[KeptDeadLetter]:
        """Some dead letters, whole, in the order in which they came."""
        async with self._connect() as connection:
            return [_kept(row) for row in await connection.fetch(SQL["read_dead_letters"], ids)]

    @asynccontextmanager
    async def redriving(self, ids: Sequence[int], *, again: bool) -> AsyncIterator["Redriving"]:
        """Dead letters that nobody else redrives while the block lasts; with `again`, those that were already too."""
        async with self._connect() as connection, connection.transaction():
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it waits for Kafka
            rows = await connection.fetch(SQL["take_dead_letters"], ids, again)
            yield Redriving(connection, [_kept(row) for row in rows])


class Redriving:
    """Dead letters in the hands of whoever sends them once more."""

    def __init__(self, connection: asyncpg.Connection, letters: Sequence[KeptDeadLetter]) -> None:
        self._connection = connection
        self.letters = letters

    async def sent(self, ids: Sequence[int]) -> None:
        """Note what the broker has taken."""
        await self._connection.execute(SQL["mark_redriven"], ids)


def _kept(row: asyncpg.Record) -> KeptDeadLetter:
    return KeptDeadLetter(row["id"], row["redriven_at"], DeadLetterRow(*row[2:]))
