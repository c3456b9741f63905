"""The stored prices of model calls, read and changed inside a transaction."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import asyncpg

from execledger_contracts.decoding import EARLIEST
from execledger_lifecycle.order import OrderKey
from execledger_recorder.rules.rows import UnreportedCall
from execledger_recorder.store.connection import columns, moment
from execledger_recorder.store.statements import SQL


class Prices:
    """Prices that were computed for calls whose cost nobody reported."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def stored(
        self, execution_ids: Sequence[str], behind: OrderKey | None = None
    ) -> dict[tuple[str, str], int | None]:
        """The prices in nano-dollars that were computed for calls (execution id, event id) of some executions.

        With `behind`, of those at least that lie behind that place in the order of events.
        """
        place = (0, EARLIEST) if behind is None else (behind[0], moment(behind[1]))
        rows = await self._connection.fetch(SQL["read_prices"], execution_ids, *place)
        return {(str(row["execution_id"]), str(row["event_id"])): _nanos(row["cost_usd"]) for row in rows}

    async def unreported(
        self, execution_ids: Sequence[str], since: datetime | None, until: datetime | None
    ) -> list[UnreportedCall]:
        """The calls of some executions, made from `since` and before `until`, whose cost nobody reported."""
        rows = await self._connection.fetch(SQL["read_unreported_calls"], execution_ids, since, until)
        return [UnreportedCall._make((str(row[0]), str(row[1]), *row[2:-1], _nanos(row["cost_usd"]))) for row in rows]

    async def store(self, prices: Sequence[tuple[str, str, Decimal]], version: str) -> None:
        """Write computed prices: execution id, event id, dollars. The executions are locked, and folded again after."""
        await self._connection.execute(SQL["store_prices"], *columns(prices, 3), version)


def _nanos(money: Decimal | None) -> int | None:
    return None if money is None else int(money.scaleb(9))
