"""Messages that wait to be sent to Kafka."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import asyncpg

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL
from execledger_runtime.errors import StoreUnavailable

_RELAY_BYTES: Final = 32 * 1024 * 1024
_SHARE: Final = 20  # of 100,000 messages 5,000: seconds for the relay, and less than that is behind them


class OutboxRow(NamedTuple):
    """A message to be sent; headers as in a dead letter."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: str


async def append_outbox(connection: asyncpg.Connection, rows: Sequence[OutboxRow], most: int) -> None:
    """Messages to be sent once the transaction is committed. Raises StoreUnavailable while so many wait already."""
    if not rows:
        return
    if await connection.fetchval(SQL["is_outbox_full"], most):
        raise StoreUnavailable(
            f"the outbox is full: {most} messages (EXECLEDGER_OUTBOX_LIMIT) wait for Kafka to take them, see "
            "outbox_waits; what would add to them waits too"
        )
    await connection.copy_records_to_table("outbox", schema_name="execledger", columns=OutboxRow._fields, records=rows)


async def outbox_room(connection: asyncpg.Connection, topics: Sequence[str], most: int) -> dict[str, int]:
    """How many messages a duty may add now of each topic.

    A duty fills a twentieth of the outbox with those of one topic: the rest is left to what is recorded.
    """
    rows = await connection.fetch(SQL["outbox_room"], topics, max(1, most // _SHARE))
    return {row["topic"]: max(0, row["room"]) for row in rows}


class Outbox:
    """How much waits, and the right to send it."""

    def __init__(self, connect: Connect, idle_timeout_ms: int) -> None:
        self._connect = connect
        self._idle_timeout_ms = idle_timeout_ms

    async def state(self) -> tuple[int, float]:
        """How many messages wait, and the age of the oldest in seconds."""
        async with self._connect() as connection:
            row = await connection.fetchrow(SQL["outbox_state"])
            assert row is not None  # noqa: S101  # an aggregate without GROUP BY has one row
            return row["waiting"], row["oldest_seconds"]

    @asynccontextmanager
    async def relay(self) -> AsyncIterator["Relay | None"]:
        """The right to send what the outbox holds, while the block lasts; None when another recorder has it."""
        async with self._connect() as connection:
            is_ours = await connection.fetchval(SQL["try_relay_lock"])
            yield Relay(connection, self._idle_timeout_ms) if is_ours else None


class Relay:
    """The outbox, in the hands of the one relay that is active."""

    def __init__(self, connection: asyncpg.Connection, idle_timeout_ms: int) -> None:
        self._connection = connection
        self._idle_timeout_ms = idle_timeout_ms
        self._turn = asyncio.Lock()  # topics are sent side by side, and a connection does one thing at a time

    async def give_way_when_idle(self) -> None:
        """A relay that asks nothing for a while loses the right, or one that stands still kept it for ever."""
        async with self._turn:
            await self._connection.execute(f"SET idle_session_timeout = {self._idle_timeout_ms:d}")

    async def topics(self) -> list[str]:
        """The topics for which something waits."""
        async with self._turn:
            return [row["topic"] for row in await self._connection.fetch(SQL["outbox_topics"])]

    async def waiting(self, topic: str, limit: int, most_bytes: int = _RELAY_BYTES) -> list[tuple[int, OutboxRow]]:
        """The oldest messages to a topic, with their ids: so many at most, none behind so many bytes."""
        async with self._turn:
            rows = await self._connection.fetch(SQL["outbox_waiting"], topic, limit, most_bytes)
        return [(row["id"], OutboxRow(row["topic"], row["key"], row["value"], row["headers"])) for row in rows]

    async def sent(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has taken."""
        async with self._turn:
            await self._connection.execute(SQL["outbox_sent"], ids)


def pack_headers(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Kafka headers as JSON: a value may be any bytes, so it is written in base64; a name is text, without NUL."""
    return json.dumps(
        [[name.replace("\0", "\ufffd"), None if v is None else base64.b64encode(v).decode()] for name, v in headers]
    )


def unpack_headers(packed: str) -> list[tuple[str, bytes]]:
    """The headers that `pack_headers` wrote; a null value, which the client cannot send, as an empty one."""
    return [(name, b"" if value is None else base64.b64decode(value)) for name, value in json.loads(packed)]
