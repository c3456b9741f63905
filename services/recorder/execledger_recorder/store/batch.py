"""The transaction of one batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from execledger_contracts.events import IMPORT_SOURCE
from execledger_lifecycle import Caps, Outcome, StepKey, TryKey
from execledger_lifecycle.order import iteration_key
from execledger_recorder.rules.account import Accounts, Record, Tally
from execledger_recorder.rules.commands import PassedLimit
from execledger_recorder.rules.feed import FeedEntry
from execledger_recorder.rules.rows import (
    Alias,
    DeadLetterRow,
    DuplicateRow,
    EventCount,
    EventRow,
    HourMark,
    LimitKey,
    LockedExecution,
    Named,
    NamedOwner,
    TreeMarks,
    UsageMark,
)
from execledger_recorder.store.binary_copy import copy
from execledger_recorder.store.checkpoints import Checkpoints
from execledger_recorder.store.connection import columns, in_lock_order
from execledger_recorder.store.derived import Derived
from execledger_recorder.store.log import EventLog
from execledger_recorder.store.outbox import OutboxRow, append_outbox, outbox_room
from execledger_recorder.store.prices import Prices
from execledger_recorder.store.rebuild import Rebuild
from execledger_recorder.store.statements import SQL
from execledger_recorder.store.trees import Trees


class Batch:
    """Call in this order: ledger, aliases, executions, the rest, the feed; so nothing deadlocks.

    What workflows and owners are called is written at the end, in `finish`: nearly every batch says it of the same few,
    and so one lane waits for another's commit, not for its transaction.
    """

    def __init__(self, connection: asyncpg.Connection, outbox_limit: int, caps: Caps) -> None:
        self.connection = connection
        self.caps = caps
        self.checkpoints = Checkpoints(connection)
        self.log = EventLog(connection)
        self.prices = Prices(connection)
        self.derived = Derived(connection)
        self.trees = Trees(connection)
        self.rebuild = Rebuild(connection, self.derived)
        self._connection = connection
        self._outbox_limit = outbox_limit
        self.has_changes = False
        self._workflows: list[Named] = []
        self._owners: list[NamedOwner] = []

    async def lock_ledger(self, topic: str, partitions: Iterable[int]) -> Accounts:
        """Where each partition's account stands; nobody else moves it until this transaction ends."""
        rows = await self._connection.fetch(SQL["lock_ledger"], topic, sorted(partitions))
        positions = {row["partition"]: row["next_offset"] for row in rows}
        return Accounts(positions, {(row["partition"], offset) for row in rows for offset in row["skips"]})

    async def note_skipped(self, topic: str, skipped: Sequence[Record]) -> list[tuple[int, int, str]]:
        """Note that the account has passed records which an operator wanted skipped: partition, offset, reason."""
        places = [(record.partition, record.offset) for record in skipped]
        rows = await self._connection.fetch(SQL["note_skipped"], topic, *columns(places, 2))
        return [tuple(row) for row in rows]

    async def note_silent(self, silent: Sequence[Record]) -> None:
        """Note records that said nothing of any execution."""
        if silent:
            places = [(record.topic, record.partition, record.offset) for record in silent]
            await self._connection.execute(SQL["note_silent"], *columns(places, 3), Outcome.APPLIED)

    async def find_aliases(self, aliases: Sequence[Alias]) -> dict[Alias, str]:
        """The ids of the executions that are known."""
        rows = await self._connection.fetch(SQL["find_aliases"], *columns(aliases, 2))
        return {(row["tenant_id"], row["external_id"]): str(row["id"]) for row in rows}

    async def add_aliases(self, ids: Mapping[Alias, str]) -> dict[Alias, str]:
        """Give new executions these ids; those returned are added, the others were taken in the meantime."""
        rows = await self._connection.fetch(
            SQL["add_aliases"], *columns(in_lock_order((*alias, id_) for alias, id_ in ids.items()), 3)
        )
        return {(row["tenant_id"], row["external_id"]): str(row["id"]) for row in rows}

    async def lock_executions(self, ids: Sequence[str]) -> dict[str, LockedExecution]:
        """The current rows."""
        rows = await self._connection.fetch(SQL["lock_executions"], ids)
        return {str(row["id"]): LockedExecution(*row[1:]) for row in rows}

    async def find_steps(self, tries: Sequence[tuple[str, StepKey, int]]) -> list[tuple[str, str]]:
        """The folds of the greatest tries of steps that are known, so many of each: execution id, fold."""
        wanted = [(id_, step_id, iteration_key(loop), attempt, n) for id_, (step_id, loop, attempt), n in tries]
        rows = await self._connection.fetch(SQL["find_steps"], *columns(wanted, 5))
        return [(str(row["execution_id"]), row["fold"]) for row in rows]

    async def find_tries(self, keys: Sequence[tuple[str, TryKey]]) -> list[tuple[str, str]]:
        """The folds of those tries that are known: execution id, fold."""
        wanted = [(id_, step_id, iteration_key(loop), *key) for id_, (step_id, loop, *key) in keys]
        rows = await self._connection.fetch(SQL["find_tries"], *columns(wanted, 5))
        return [(str(row["execution_id"]), row["fold"]) for row in rows]

    async def step_keys(self, execution_id: str) -> set[TryKey]:
        """Which tries of steps are known of an execution."""
        return {tuple(row) for row in await self._connection.fetch(SQL["step_keys"], execution_id)}

    async def find_open_steps(self, execution_ids: Sequence[str]) -> list[tuple[str, str]]:
        """The folds of the steps without an end of their own: execution id, fold."""
        rows = await self._connection.fetch(SQL["find_open_steps"], execution_ids)
        return [(str(row["execution_id"]), row["fold"]) for row in rows]

    async def append_events(self, rows: Sequence[EventRow]) -> None:
        await self._copy("execution_events", EventRow._fields, rows)

    async def append_duplicates(self, rows: Sequence[DuplicateRow]) -> None:
        await self._copy("duplicates", DuplicateRow._fields, rows)

    async def append_dead_letters(self, rows: Sequence[DeadLetterRow]) -> None:
        await self._copy("dead_letters", DeadLetterRow._fields, rows)

    async def append_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Messages to be sent once this is committed. Raises StoreUnavailable while too many wait already."""
        await append_outbox(self._connection, rows, self._outbox_limit)

    async def outbox_room(self, topic: str) -> int:
        """How many messages a duty may add of that topic now."""
        return (await outbox_room(self._connection, [topic], self._outbox_limit))[topic]

    async def find_daily_halts(self, most: int) -> list[tuple[str, PassedLimit]]:
        """Open executions (by id) of days whose limit is passed, so many at most; none while another recorder looks
        after them."""
        if not await self._connection.fetchval(SQL["try_daily_limits_lock"]):
            return []
        rows = await self._connection.fetch(SQL["find_daily_halts"], IMPORT_SOURCE, most)
        return [(str(row["id"]), PassedLimit(*row[1:])) for row in rows]

    async def note_limit_commands(self, due: Sequence[LimitKey]) -> set[LimitKey]:
        """Note commands that are about to be sent for limits; those that were not noted before."""
        rows = await self._connection.fetch(SQL["note_limit_commands"], *columns(due, 7))
        return {(str(row["execution_id"]), *row[1:]) for row in rows}

    def name_workflows(self, said: Iterable[Named]) -> None:
        """What workflows are called; written at the end."""
        self._workflows += said

    def name_owners(self, said: Iterable[NamedOwner]) -> None:
        """What owners are called; written at the end."""
        self._owners += said

    async def mark(
        self,
        days: Iterable[UsageMark],
        trees: TreeMarks,
        hours: Iterable[HourMark] = (),
        events: Sequence[EventCount] = (),
    ) -> None:
        """Days of usage that changed, trees (of roots that may have none those that have one), and hours of roll-ups;
        and how many events are new."""
        marks = (
            *columns(sorted(days), 3),
            *columns(sorted(trees.roots), 2),
            *columns(sorted(trees.parts), 2),
            *columns(sorted(hours), 2),
            *columns(events, 4),
        )
        await self._connection.execute(SQL["mark"], *marks)

    async def append_changes(self, lane: str, entries: Sequence[FeedEntry]) -> None:
        """Tell those who follow the feed. Locks the lane, so it comes when all that others wait for is locked."""
        if not entries:
            return
        self.has_changes = True
        number, first = await self._take_positions(lane, len(entries))
        rows = [(number, position, *entry) for position, entry in enumerate(entries, first)]
        await self._copy("changes", ("lane", "position", *FeedEntry._fields), rows)

    async def _take_positions(self, lane: str, positions: int) -> tuple[int, int]:
        """The number of the lane, and the first of so many positions."""
        while (taken := await self._connection.fetchrow(SQL["take_positions"], lane, positions)) is None:
            await self._connection.execute(SQL["open_feed_lane"], lane)
        return taken["lane"], taken["first"]

    async def advance_ledger(self, topic: str, tallies: Mapping[int, Tally]) -> None:
        """Move the account over the batch."""
        rows = [
            (
                partition,
                tally.next_offset,
                tally.gaps,
                tally.missed,
                *(tally.outcomes[outcome] for outcome in Outcome),
                *((None, None) if tally.last is None else (tally.last.offset, tally.last.digest)),
            )
            for partition, tally in sorted(tallies.items())
        ]
        await self._connection.execute(SQL["advance_ledger"], topic, *columns(rows, 12))

    async def finish(self) -> None:
        """Write what many lanes write, last of all."""
        if self._workflows:
            await self._connection.execute(SQL["name_workflows"], *columns(self._workflows, 6))
        if self._owners:
            await self._connection.execute(SQL["name_owners"], *columns(self._owners, 7))

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        await copy(self._connection, table, columns, rows)
