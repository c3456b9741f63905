"""The log of events, read inside a transaction."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from execledger_lifecycle.order import OrderKey
from execledger_recorder.store.connection import columns, moment
from execledger_recorder.store.statements import SQL

_EVENTS_AT_ONCE: Final = 200  # each of up to a megabyte, or more


class EventLog:
    """What was recorded of executions, event by event."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def digests(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """The digests of those events (execution id, event id) that the log has."""
        rows = await self._connection.fetch(SQL["find_events"], *columns(keys, 2))
        return {(str(row["execution_id"]), str(row["event_id"])): row["digest"] for row in rows}

    async def events(
        self, execution_ids: Sequence[str], behind: OrderKey | None = None
    ) -> AsyncIterator[tuple[str, str, str]]:
        """Every logged event of some executions, or each behind a place in the order: execution id, event id, text.

        In parts, so that neither the time of a statement nor that between two depends on how many there are.
        """
        if behind is None:
            cursor = self._connection.cursor(SQL["read_events"], execution_ids, prefetch=_EVENTS_AT_ONCE)
        else:
            place = (behind[0], moment(behind[1]), *behind[2:])
            cursor = self._connection.cursor(SQL["read_events_behind"], execution_ids, *place, prefetch=_EVENTS_AT_ONCE)
        async for row in cursor:
            yield str(row["execution_id"]), str(row["event_id"]), row["raw"]

    async def clocks(self, execution_ids: Sequence[str]) -> dict[str, tuple[datetime, datetime]]:
        """Of executions that the log knows: the newest Kafka timestamp, and when the first event was recorded."""
        rows = await self._connection.fetch(SQL["read_clocks"], execution_ids)
        return {str(row["execution_id"]): (row["heard_at"], row["recorded_at"]) for row in rows}
