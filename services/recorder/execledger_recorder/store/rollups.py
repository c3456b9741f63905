"""Roll-ups, summed anew where batches marked them."""

from datetime import datetime
from typing import Final

import asyncpg

from execledger_lifecycle.rollups import ROLLUPS
from execledger_recorder.store.connection import Connect, columns
from execledger_recorder.store.statements import SQL, about_rollup

HOURS_AT_ONCE: Final = 10
EVENT_COUNTS_AT_ONCE: Final = 10_000
_REST_SECONDS: Final = 60.0  # a day is summed a minute after the last change in it, or ten after the first

Starts = list[tuple[str, datetime]]
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

    async def settle_hours(self) -> int:
        """Sum some marked hours anew, HOURS_AT_ONCE at most; how many. 0 while another recorder does."""
        async with self._connect() as connection, connection.transaction():
            if not (hours := await self._take(connection, "take_hour_marks", HOURS_AT_ONCE)):
                return 0
            for hour in hours:
                for rollup in ROLLUPS:
                    await connection.execute(about_rollup("settle_hour", rollup), *hour)
            await connection.execute(SQL["mark_spans"], *columns(hours, 2), "day")
            return len(hours)

    async def settle_spans(self, span: str, finer: str) -> int:
        """Sum some days (of hours) or months (of days) that are at rest, HOURS_AT_ONCE at most; how many."""
        async with self._connect() as connection, connection.transaction():
            if not (found := await self._take(connection, "take_span_marks", HOURS_AT_ONCE, span, self._rest_seconds)):
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

    async def _take(self, connection: asyncpg.Connection, name: str, *arguments: object) -> Starts:
        if not await connection.fetchval(SQL["try_rollups_lock"]):
            return []
        return sorted({(row["tenant_id"], row["start_at"]) for row in await connection.fetch(SQL[name], *arguments)})
