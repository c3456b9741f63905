"""Roll-ups, summed anew where batches marked them."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from execledger_lifecycle.rollups import ROLLUPS
from execledger_recorder.store.connection import Connect, columns
from execledger_recorder.store.statements import SQL, about_rollup

HOURS_AT_ONCE: Final = 10
EVENT_COUNTS_AT_ONCE: Final = 10_000
SLICE_EVENTS: Final = 100_000
"""With so many events an hour is summed in slices, each of as many: a second of work."""
_REST_SECONDS: Final = 60.0  # a day is summed a minute after the last change in it, or ten after the first

_HOUR: Final = timedelta(hours=1)
_NO_ID: Final = UUID(int=0)

Start = tuple[str, datetime]
"""Tenant, start of the hour, day or month."""


class Rollups:
    """Hours are sums of rows, days of hours, months of days."""

    def __init__(self, connect: Connect, rest_seconds: float = _REST_SECONDS) -> None:
        self._connect = connect
        self._rest_seconds = rest_seconds

    async def is_at_rest(self) -> bool:
        """Whether it is not time yet for another pass, by whomever."""
        async with self._connect() as connection:
            return bool(await connection.fetchval(SQL["is_at_rest"]))

    async def rest(self, seconds: float) -> None:
        """Let nobody begin another pass for so long."""
        async with self._connect() as connection:
            await connection.execute(SQL["rest"], seconds)

    async def settle_hours(self, quiet_seconds: float = 0) -> int:
        """Sum some marked hours anew, HOURS_AT_ONCE at most; how many. 0 while another recorder does.

        Those that were quiet for so long, or have waited ten times as long. One that holds much is left to
        `settle_slice`.
        """
        async with self._connect() as connection, connection.transaction():
            if not (hours := await self._take(connection, HOURS_AT_ONCE, "hour", quiet_seconds)):
                return 0
            settled = [hour for hour in hours if await self._settle_hour(connection, hour)]
            await connection.execute(SQL["mark_spans"], *columns(settled, 2), "day")
            return len(hours)

    async def settle_slice(self) -> bool:
        """Sum a slice of an hour that holds much, and the hour with its last one; whether there was any.

        Each slice is a transaction of its own: a recorder that takes over goes on behind the last one.
        """
        async with self._connect() as connection, connection.transaction():
            if not await connection.fetchval(SQL["try_rollups_lock"]):
                return False
            if (begun := await connection.fetchrow(SQL["next_slice"])) is None:
                return False
            tenant_id, hour_at, *place = begun
            end = await connection.fetchrow(SQL["end_of_slice"], tenant_id, hour_at, *place, SLICE_EVENTS)
            upper = end or (hour_at + _HOUR, _NO_ID)
            for rollup in ROLLUPS:
                await connection.execute(about_rollup("settle_slice", rollup), tenant_id, hour_at, *place, *upper)
            if end is None:
                await self._settle_sliced(connection, (tenant_id, hour_at))
            else:
                await connection.execute(SQL["go_on_behind"], tenant_id, hour_at, *end)
            return True

    async def settle_spans(self, span: str, finer: str) -> int:
        """Sum some days (of hours) or months (of days) that are at rest, HOURS_AT_ONCE at most; how many."""
        async with self._connect() as connection, connection.transaction():
            if not (found := await self._take(connection, HOURS_AT_ONCE, span, self._rest_seconds)):
                return 0
            for start in found:
                for rollup in ROLLUPS:
                    await connection.execute(about_rollup("settle_span", rollup), *start, span, finer)
            if span == "day":
                await connection.execute(SQL["mark_spans"], *columns(found, 2), "month")
            return len(found)

    async def add_events(self) -> int:
        """Add what batches counted of events; how many counts were taken, EVENT_COUNTS_AT_ONCE at most."""
        async with self._connect() as connection, connection.transaction():
            if not await connection.fetchval(SQL["try_rollups_lock"]):
                return 0
            taken: int = await connection.fetchval(SQL["add_events"], EVENT_COUNTS_AT_ONCE)
            return taken

    async def _settle_hour(self, connection: asyncpg.Connection, hour: Start) -> bool:
        """Whether it is summed now, rather than in slices."""
        begin = (hour[1], _NO_ID)
        if await connection.fetchrow(SQL["end_of_slice"], *hour, *begin, SLICE_EVENTS) is not None:
            await connection.execute(SQL["begin_slices"], *hour)
            return False
        for rollup in ROLLUPS:
            await connection.execute(about_rollup("settle_hour", rollup), *hour)
        return True

    async def _settle_sliced(self, connection: asyncpg.Connection, hour: Start) -> None:
        for rollup in ROLLUPS:
            await connection.execute(about_rollup("settle_span", rollup), *hour, "hour", "slice")
            await connection.execute(about_rollup("drop_slices", rollup), *hour)
        await connection.execute(SQL["end_slices"], *hour)
        await connection.execute(SQL["mark_spans"], *columns([hour], 2), "day")

    async def _take(self, connection: asyncpg.Connection, *arguments: object) -> list[Start]:
        if not await connection.fetchval(SQL["try_rollups_lock"]):
            return []
        marks = await connection.fetch(SQL["take_span_marks"], *arguments)
        return sorted({(row["tenant_id"], row["start_at"]) for row in marks})
