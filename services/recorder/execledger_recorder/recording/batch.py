"""One batch of Kafka records into the store: fetch what is known, decide, write."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence, Set
from contextlib import asynccontextmanager
from typing import Any

import structlog

from execledger_contracts.decoding import Decoded, Reason, Undecodable
from execledger_lifecycle import Outcome
from execledger_recorder.recording import commands, dead_letters, decisions, known, write
from execledger_recorder.recording.dead_letters import Letters
from execledger_recorder.recording.report import Report, report_of
from execledger_recorder.rules import said
from execledger_recorder.rules.account import Record, account
from execledger_recorder.rules.arrivals import Arrivals, Found, Read, id_times, middle, sort
from execledger_recorder.rules.change import decide
from execledger_recorder.rules.commands import DEFAULT_POLICY, CommandPolicy
from execledger_recorder.rules.feed import lane_of
from execledger_recorder.rules.months import Month
from execledger_recorder.store import Batch, Store
from execledger_runtime.errors import SessionLost, StoreTooSlow, Unstorable

log = structlog.get_logger()

Committed = Callable[[Report, Sequence[Read]], None]
"""Told what a part of a batch came to, and that part."""


async def record(
    store: Store,
    batch: Sequence[Read],
    letters: Letters,
    policy: CommandPolicy = DEFAULT_POLICY,
    *,
    on_commit: Committed = lambda report, part: None,
) -> Report:
    """Record a batch of one topic, atomically unless it must be split to get past a record that Postgres refuses.

    Tells `on_commit` of each part once it is committed; returns what all of them came to.
    Raises MustWait when Postgres is away, Misplaced when the batch does not go on where the ledger stands;
    then what was not recorded is not counted either, and comes again.
    """
    try:
        report = await _record_whole(store, batch, letters, policy)
    except (StoreTooSlow, SessionLost):
        if not middle(batch):
            raise
        return await _record_halves(store, batch, letters, policy, on_commit)
    except Unstorable:
        if middle(batch):
            return await _record_halves(store, batch, letters, policy, on_commit)
        report = await _record_last(store, batch, letters, policy)
    on_commit(report, batch)
    return report


async def _record_halves(
    store: Store, batch: Sequence[Read], letters: Letters, policy: CommandPolicy, on_commit: Committed
) -> Report:
    at = middle(batch)
    report = await record(store, batch[:at], letters, policy, on_commit=on_commit)
    return report + await record(store, batch[at:], letters, policy, on_commit=on_commit)


async def _record_last(store: Store, refused: Sequence[Read], letters: Letters, policy: CommandPolicy) -> Report:
    """One record, once more, for it may have been a partition that was missing; then as a dead letter, whatever of its
    events it was, and at last without bytes."""
    try:
        return await _record_whole(store, refused, letters, policy)
    except Unstorable as error:
        read = (refused[0][0], Undecodable(Reason.UNSTORABLE, str(error), _tenant_of(refused[0][1])))
    try:
        return await _record_whole(store, [read], letters, policy)
    except Unstorable:  # whatever is in it: that it was there can always be kept
        return await _record_whole(store, [read], letters._replace(most_bytes=0), policy)


def _tenant_of(found: Found) -> str | None:
    if isinstance(found, Decoded):
        return found.event.tenantid
    return found.tenant_id if isinstance(found, Undecodable) else None


async def _record_whole(store: Store, batch: Sequence[Read], letters: Letters, policy: CommandPolicy) -> Report:
    topic = batch[0][0].topic
    arrivals = sort(batch)
    nowhere = await store.partitions.ensure(id_times(arrivals))
    async with store.batch() as tx:
        accounts = await tx.lock_ledger(topic, {record.partition for record, _ in batch})
        fresh, tallies = account(accounts, (record for record, _ in batch))
        skipped = [record for tally in tallies.values() for record in tally.skipped]
        if not fresh and not skipped:
            return Report()
        if len(fresh) < len(batch):
            arrivals = sort(_reads_of(fresh, batch))
        # Of a batch of several partitions, all of whose accounts are locked, the lane of one.
        report = await _record_fresh(tx, arrivals, letters, policy, lane_of(topic, min(accounts.positions)), nowhere)
        report.outcomes.update((record.partition, Outcome.SKIPPED) for record in skipped)
        for (partition, outcome), count in report.outcomes.items():
            tallies[partition].outcomes[outcome] += count
        passed = await tx.note_skipped(topic, skipped) if skipped else []
        await tx.advance_ledger(topic, tallies)
    for partition, offset, reason in passed:
        log.warning("record_skipped", topic=topic, partition=partition, offset=offset, reason=reason)
    return report


def _reads_of(fresh: Sequence[Record], batch: Sequence[Read]) -> Sequence[Read]:
    ahead = {(record.partition, record.offset) for record in fresh}
    return [pair for pair in batch if (pair[0].partition, pair[0].offset) in ahead]


async def _record_fresh(
    tx: Batch, arrivals: Arrivals, letters: Letters, policy: CommandPolicy, lane: str, nowhere: Set[Month]
) -> Report:
    executions = await known.lock(tx, arrivals.events, nowhere)
    deciding = [decide(each, arrivals.events[each.alias], policy.warning_share) for each in executions]
    judged = await decisions.judge(tx, deciding)
    async with _meanwhile(tx.append_events([row for each in judged for row in each.events])):
        changes = await decisions.settle(deciding)
    await write.save(tx, changes)
    sent = await commands.send(tx, commands.called_for(changes), policy.topic)
    await tx.append_duplicates([row for each in judged for row in each.duplicates])
    await dead_letters.add(tx, arrivals.bad, letters)
    await tx.note_silent(arrivals.silent)
    await tx.append_changes(lane, said.feed_entries(changes))
    return report_of(judged, changes, arrivals.bad, arrivals.silent, sent)


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let Postgres work while the block computes: nothing else may be asked of it before the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await task
