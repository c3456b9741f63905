"""Prices computed anew for calls that nobody reported the cost of: the only thing that changes a stored price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from execledger_recorder.recording import refold
from execledger_recorder.rules import pricing
from execledger_recorder.rules.feed import REPRICE
from execledger_recorder.rules.rows import UnreportedCall
from execledger_recorder.store import Batch, Store
from execledger_runtime.errors import LogDamaged

# Locked by one transaction, and so how long a recorder may wait: 0.5 s when all of them change, of which 0.14 s are
# ours (13 events an execution, measured on two busy cores); 0.015 s when none does.
_PAGE: Final = 200
_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls: those of these executions, of that tenant and workflow, made from `since` and before `until`."""

    ids: Sequence[str] | None = None
    tenant_id: str | None = None
    workflow_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Repriced:
    """What it came to: executions looked at, calls without a reported cost, what changed of them, and by how much."""

    looked_at: int = 0
    calls: int = 0
    unpriced: int = 0
    changed: int = 0
    executions: int = 0
    nanos: int = 0
    unreadable: list[str] = field(default_factory=list)  # executions that keep their prices: their log is damaged

    def add(self, page: "Repriced") -> None:
        """Take in what a page of executions came to."""
        self.looked_at += page.looked_at
        self.calls += page.calls
        self.unpriced += page.unpriced
        self.changed += page.changed
        self.executions += page.executions
        self.nanos += page.nanos
        self.unreadable += page.unreadable


async def reprice(
    store: Store, wanted: Wanted, *, dry_run: bool = False, on_progress: Callable[[Repriced], None] = lambda _: None
) -> Repriced:
    """Price with today's table, a page of executions in each transaction, while recorders work.

    A call that the table does not have keeps the price that it has, and one whose price is still the same its version:
    doing it again changes nothing. Raises MustWait; what was done until then is done.
    """
    report, after = Repriced(), _BEFORE_ALL
    while page := await store.executions.page(
        after, ids=wanted.ids, tenant_id=wanted.tenant_id, workflow_id=wanted.workflow_id, limit=_PAGE
    ):
        after = page[-1][0]
        report.looked_at += len(page)
        if ids := [id_ for id_, is_wanted in page if is_wanted]:
            report.add(await _reprice(store, ids, wanted, dry_run=dry_run))
        on_progress(report)
    return report


async def _reprice(store: Store, ids: Sequence[str], wanted: Wanted, *, dry_run: bool) -> Repriced:
    """One transaction, begun again without an execution that cannot be folded."""
    unreadable: list[str] = []
    while True:
        report = Repriced(unreadable=unreadable)
        try:
            async with store.batch() as tx:
                readable = [id_ for id_ in ids if id_ not in unreadable]
                calls = await tx.prices.unreported(readable, wanted.since, wanted.until)
                prices = _changed(calls, report)
                if prices and not dry_run:
                    await _store(tx, prices)
        except LogDamaged as found:
            unreadable.append(found.execution_id)
        else:
            return report


async def _store(tx: Batch, prices: Sequence[tuple[str, str, Decimal]]) -> None:
    """Nobody but another repricing changes a call that is recorded, so it was read before its execution is locked."""
    ids = sorted({execution_id for execution_id, _, _ in prices})
    await tx.lock_executions(ids)
    await tx.prices.store(prices, pricing.version())
    await refold(tx, ids, REPRICE)


def _changed(calls: Sequence[UnreportedCall], report: Repriced) -> list[tuple[str, str, Decimal]]:
    """The calls whose price is another now, with it."""
    prices = []
    for call in calls:
        nanos = pricing.price(call, call.occurred_at)
        report.calls += 1
        if nanos is None:
            report.unpriced += call.cost_nanos is None
        elif nanos != call.cost_nanos:
            report.changed += 1
            report.nanos += nanos - (call.cost_nanos or 0)
            prices.append((call.execution_id, call.event_id, Decimal(nanos).scaleb(-9)))
    report.executions += len({execution_id for execution_id, _, _ in prices})
    return prices
