"""The statements against a real schema: each is valid."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from execledger_query.caller import EVERYTHING, Caller, Role
from execledger_query.sql import names, statement
from execledger_query.store import SORTS, Filters, Options, Store
from execledger_query.views import EXECUTION_FIELDS
from factories_query import ledger

TENANT = Caller("x", "tenant-0", frozenset({Role.READER}))
OWNER = Caller("owner-4", "tenant-0")
MIDDLE = (datetime(2026, 3, 7, tzinfo=UTC), UUID(int=2**127))


async def test_every_statement_is_valid(database: str) -> None:
    async with ledger(database) as rows:
        for name in names():
            await rows.connection.prepare(statement(name))


async def test_every_set_of_filters_is_valid(database: str) -> None:
    now = datetime.now(UTC)
    every = Filters(
        statuses=("failed", "running"), workflow_id="flow", owner_id="ann", external_id="run-1", started_after=now,
        started_before=now, tenant_id="acme", workflow_version="1", session_id="s", trigger="manual", mode="m",
        error_type="e", tags=("a", "b"), labels=(("k", "v"),), duration_ms_gte=1, duration_ms_lte=2,
        cost_usd_gte=Decimal("0.1"), parent="p", root="r", has_children=True, paused=True, waiting_for="w",
        killed_by_budget=True, q="words",
    )  # fmt: skip
    values: dict[type, Any] = {UUID: MIDDLE[1], datetime: now, int: 1}
    for who in (EVERYTHING, TENANT, OWNER):
        async with Store.open(Options(database)) as store, store.reading(who) as reader:
            for filters in (every, Filters()):
                for sort in SORTS.values():
                    for after in (None, tuple(values[kind] for kind in sort.key_kinds)):
                        assert await reader.executions(filters, after, 10, sort) == []
                        assert await reader.listed(filters, after, 10, sort, frozenset(EXECUTION_FIELDS)) == []
                assert await reader.total(filters) == (0, True)
            assert await reader.steps(MIDDLE[1], (now, "draft", 1, 1, 1), 10) == []
            assert await reader.events(MIDDLE[1], (now, -1, 0, MIDDLE[1]), 10, with_payloads=True) == []
            for kind in ("llm", "tool"):
                assert await reader.calls(kind, MIDDLE[1], MIDDLE, 10, 1) == []


@pytest.mark.parametrize("statuses", [(), ("failed",), ("failed", "running"), ("running", "failed", "failed")])
async def test_the_same_filters_in_any_order_are_the_same_list(statuses: tuple[str, ...]) -> None:
    assert Filters(statuses=statuses).scope() == Filters(statuses=tuple(reversed(statuses))).scope()
    assert Filters(statuses=statuses).scope() != Filters(statuses=statuses, owner_id="ann").scope()
