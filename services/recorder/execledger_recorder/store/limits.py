"""Limits that an operator sets: on silence, and on what may be consumed in a day."""

from decimal import Decimal
from typing import NamedTuple

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class DailyLimit(NamedTuple):
    """What a tenant, or one of its owners (empty: the tenant as a whole), may consume in a UTC day, and has today."""

    tenant_id: str
    owner_id: str
    token_limit: int | None
    cost_limit_usd: Decimal | None
    tokens_today: Decimal
    cost_usd_today: Decimal

    def document(self) -> dict[str, object]:
        """As JSON shows it: money is text."""
        money = {name: getattr(self, name) for name in ("cost_limit_usd", "cost_usd_today")}
        texts = {name: None if amount is None else f"{amount.normalize():f}" for name, amount in money.items()}
        return {**self._asdict(), **texts, "tokens_today": int(self.tokens_today)}


class Limits:
    """The two tables of limits."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def set_daily(
        self, tenant_id: str, owner_id: str, token_limit: int | None, cost_limit_usd: Decimal | None
    ) -> None:
        """Limit what a tenant, or one of its owners, may consume in a UTC day; a limit that is there is replaced."""
        async with self._connect() as connection:
            await connection.execute(SQL["set_daily_limit"], tenant_id, owner_id, token_limit, cost_limit_usd)

    async def remove_daily(self, tenant_id: str, owner_id: str) -> bool:
        """Whether there was a limit."""
        async with self._connect() as connection:
            done: str = await connection.execute(SQL["remove_daily_limit"], tenant_id, owner_id)
        return done != "DELETE 0"

    async def daily(self) -> list[DailyLimit]:
        """Every daily limit."""
        async with self._connect() as connection:
            return [DailyLimit(*row) for row in await connection.fetch(SQL["list_daily_limits"])]

    async def silence(self) -> list[tuple[str, str, float]]:
        """Tenant, workflow, and for how many seconds its executions may be silent."""
        async with self._connect() as connection:
            return [tuple(row) for row in await connection.fetch(SQL["silence_limits"])]

    async def limit_silence(self, tenant_id: str, workflow_id: str, seconds: float) -> None:
        """Set for how long the executions of a workflow may be silent."""
        async with self._connect() as connection:
            await connection.execute(SQL["limit_silence"], tenant_id, workflow_id, seconds)

    async def allow_silence(self, tenant_id: str, workflow_id: str) -> bool:
        """Remove the limit of a workflow; whether there was one."""
        async with self._connect() as connection:
            return await connection.fetchval(SQL["allow_silence"], tenant_id, workflow_id) is not None
