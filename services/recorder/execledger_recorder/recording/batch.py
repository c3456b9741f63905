"""One batch of Kafka records into the store: fetch what is known, decide, save."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

import structlog

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode, reread
from execledger_contracts.events import (
    CANONICAL_TYPES,
    Event,
    ExecutionCreated,
    ExecutionStarted,
    LlmCalled,
    OtherEvent,
    StepEvent,
    ToolCalled,
)
from execledger_lifecycle import (
    Entry,
    Execution,
    ExecutionRecord,
    Judge,
    Outcome,
    Step,
    StepKey,
    StepRecord,
    Verdict,
    endings,
    enter,
    execution_record,
    fold,
    step_record,
)
from execledger_lifecycle.folding import step_key
from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.errors import StoreTooSlow, Unreadable, Unstorable
from execledger_recorder.recording import dead_letters
from execledger_recorder.recording.commands import send as send_commands
from execledger_recorder.rules import pricing
from execledger_recorder.rules.account import Record, account
from execledger_recorder.rules.commands import DEFAULT_POLICY, CommandPolicy, commands
from execledger_recorder.rules.feed import FeedEntry, lane_of, what_changed
from execledger_recorder.rules.ids import foreign_uuid, id_milliseconds, new_id, own_id
from execledger_recorder.store import (
    Alias,
    Batch,
    DuplicateRow,
    EventRow,
    ExecutionRow,
    Foreign,
    LabelRow,
    LlmCallRow,
    LockedExecution,
    Named,
    Store,
    ToolCallRow,
    UsageMark,
)

log = structlog.get_logger()

Read = tuple[Record, Decoded | Undecodable]
Beginning = ExecutionCreated | ExecutionStarted


@dataclass(slots=True)
class Report:
    """What recording a batch came to, for metrics and the log."""

    outcomes: Counter[tuple[int, Outcome]] = field(default_factory=Counter)  # by partition
    types: Counter[tuple[str, Outcome]] = field(default_factory=Counter)  # by canonical type, `other` for the rest
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)  # of executions' status; from `none` if new
    rejections: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    conflicts: int = 0  # among the duplicates
    dead_letters: Counter[Reason] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)  # to orchestrators, by type
    executions: int = 0
    refolded: int = 0
    oldest_occurred_at: datetime | None = None

    def add(self, other: "Report") -> None:
        """Take in the report of another part of the same batch."""
        for counter in ("outcomes", "types", "transitions", "rejections", "dead_letters", "commands"):
            getattr(self, counter).update(getattr(other, counter))
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts
        self.executions += other.executions
        self.refolded += other.refolded
        times = [at for at in (self.oldest_occurred_at, other.oldest_occurred_at) if at is not None]
        self.oldest_occurred_at = min(times, default=None)


Committed = Callable[[Report, Sequence[Read]], None]
"""Told what a part of a batch came to, and that part."""


def read(records: Sequence[Record], limits: Limits) -> list[Read]:
    """Decode each record by itself: a bad one does not hold up its neighbours."""
    return [_read_one(record, limits) for record in records]


async def read_in_turns(records: Sequence[Record], limits: Limits) -> list[Read]:
    """The same, in turns with other work: the transaction of the batch before goes on, and so does the group."""
    reads: list[Read] = []
    weight = 0
    for record in records:
        size = len(record.value or b"")
        reads.append(await asyncio.to_thread(_read_one, record, limits) if size >= _TURN else _read_one(record, limits))
        weight += _RECORD_WEIGHT + size
        if weight >= _TURN:
            weight = 0
            await asyncio.sleep(0)
    return reads


def _read_one(record: Record, limits: Limits) -> Read:
    return record, decode(record.value, record.headers, record.timestamp_ms, limits)


async def record(
    store: Store,
    batch: Sequence[Read],
    dead_letter_topic: str,
    policy: CommandPolicy = DEFAULT_POLICY,
    *,
    on_commit: Committed = lambda report, part: None,
) -> Report:
    """Record a batch of one topic, atomically unless it must be split to get past a record that Postgres refuses.

    Tells `on_commit` of each part once it is committed; returns what all of them came to.
    Raises StoreUnavailable when Postgres is away, Misplaced when the batch does not go on where the ledger stands;
    then what was not recorded is not counted either, and comes again.
    """
    try:
        report = await _record_whole(store, batch, dead_letter_topic, policy)
    except StoreTooSlow:
        if len(batch) == 1:
            raise
        return await _record_halves(store, batch, dead_letter_topic, policy, on_commit)
    except Unstorable:
        if len(batch) > 1:
            return await _record_halves(store, batch, dead_letter_topic, policy, on_commit)
        report = await _record_last(store, batch[0], dead_letter_topic, policy)
    on_commit(report, batch)
    return report


async def _record_halves(
    store: Store, batch: Sequence[Read], dead_letter_topic: str, policy: CommandPolicy, on_commit: Committed
) -> Report:
    middle = len(batch) // 2
    report = await record(store, batch[:middle], dead_letter_topic, policy, on_commit=on_commit)
    report.add(await record(store, batch[middle:], dead_letter_topic, policy, on_commit=on_commit))
    return report


async def refold(tx: Batch, ids: Sequence[str], lane: str) -> int:
    """Fold executions again from the log, with the prices that are stored, and save them; how many there were.

    Sends no commands, and moves no account. Those who follow the feed are told in that lane.
    """
    locked = await tx.lock_executions(sorted(ids))
    cases = [_Case(id_, (row.tenant_id, row.external_id), (), must_refold=True) for id_, row in locked.items()]
    for case in cases:
        _resume(case, locked[case.id])
    await _refold(tx, cases)
    records = [(case, execution_record(case.execution, case.alias[1])) for case in cases]
    await _save(tx, records)
    await tx.append_changes(lane, _feed_entries(records))
    return len(cases)


async def _record_last(store: Store, refused: Read, dead_letter_topic: str, policy: CommandPolicy) -> Report:
    """Once more, for it may have been a partition that was missing; then it is the record itself."""
    try:
        return await _record_whole(store, [refused], dead_letter_topic, policy)
    except Unstorable as error:
        letter = Undecodable(Reason.UNSTORABLE, str(error))
        return await _record_whole(store, [(refused[0], letter)], dead_letter_topic, policy)


async def _record_whole(store: Store, batch: Sequence[Read], dead_letter_topic: str, policy: CommandPolicy) -> Report:
    topic = batch[0][0].topic
    await store.partitions.ensure(_partition_times(batch))
    async with store.batch() as tx:
        positions = await tx.lock_ledger(topic, {record.partition for record, _ in batch})
        fresh, tallies = account(positions, (record for record, _ in batch))
        if not fresh:
            return Report()
        report = await _record_fresh(tx, _reads_of(fresh, batch), dead_letter_topic, policy)
        for (partition, outcome), count in report.outcomes.items():
            tallies[partition].outcomes[outcome] += count
        await tx.advance_ledger(topic, tallies)
    return report


class Folded(NamedTuple):
    """The rows that the log of an execution gives, whatever the tables hold."""

    execution: ExecutionRow
    recorded_at: datetime
    steps: Sequence[tuple[str, str, StepRecord]]
    labels: Sequence[LabelRow]
    llm_calls: Sequence[LlmCallRow]  # of a price that was computed, its row holds what there is to know
    tool_calls: Sequence[ToolCallRow]
    workflows: Sequence[Named]
    owners: Sequence[Named]


async def fold_log(tx: Batch, execution_ids: Sequence[str]) -> dict[str, Folded]:
    """The executions with these ids folded from their first events; those without any are left out."""
    clocks = await tx.log.clocks(execution_ids)
    folded: dict[str, Folded] = {}
    for execution_id, entries in (await _read_log(tx, list(clocks))).items():
        first = entries[0].event
        case = _Case(execution_id, (first.tenantid, first.subject), (), entries=entries)
        await _fold_whole(case, entries)  # the loop turns: a recorder that audits itself records meanwhile
        folded[execution_id] = _folded(case, *clocks[execution_id])
    return folded


def _reads_of(fresh: Sequence[Record], batch: Sequence[Read]) -> Sequence[Read]:
    if len(fresh) == len(batch):
        return batch
    ahead = {(record.partition, record.offset) for record in fresh}
    return [pair for pair in batch if (pair[0].partition, pair[0].offset) in ahead]


def _partition_times(batch: Sequence[Read]) -> Iterator[datetime]:
    """The times in the ids that new executions of this batch may get."""
    seen: set[Alias] = set()
    for record, decoded in batch:
        if isinstance(decoded, Decoded) and (decoded.event.tenantid, decoded.event.subject) not in seen:
            seen.add((decoded.event.tenantid, decoded.event.subject))
            yield decoded.event.time.astimezone(UTC)
            if own := own_id(decoded.event.subject, record.timestamp_ms):
                yield datetime.fromtimestamp(id_milliseconds(own) / 1000, UTC)


class _Arrival(NamedTuple):
    """One decoded record that brought a new event, and what became of it."""

    record: Record
    decoded: Decoded
    entry: Entry
    verdict: Verdict


@dataclass(slots=True)
class _Case:
    """One execution and what a batch brings for it."""

    id: str
    alias: Alias
    arrivals: Sequence[tuple[Record, Decoded]]
    fresh: list[tuple[Record, Decoded]] = field(default_factory=list)  # the arrivals that are no duplicates
    entries: list[Entry] = field(default_factory=list)  # of those
    new: list[_Arrival] = field(default_factory=list)  # those, judged
    before: LockedExecution | None = None
    execution: Execution = field(default_factory=Execution)
    steps: dict[StepKey, Step] = field(default_factory=dict)
    touched: set[StepKey] = field(default_factory=set)
    must_refold: bool = False
    labels_before: Any = None

    def labels(self) -> tuple[dict[str, str] | None, list[str] | None]:
        return self.execution.labels, self.execution.tags


async def _record_fresh(tx: Batch, reads: Sequence[Read], dead_letter_topic: str, policy: CommandPolicy) -> Report:
    report = Report()
    good = [(record, decoded) for record, decoded in reads if isinstance(decoded, Decoded)]
    bad = [(record, why) for record, why in reads if isinstance(why, Undecodable)]
    cases = await _open_cases(tx, good)
    await _refold(tx, [case for case in cases if case.must_refold])  # rows in which the fold cannot go on
    duplicates = await _sift(tx, cases)
    await _load_steps(tx, cases)
    for case in cases:
        _judge(case)
    changed = [case for case in cases if case.new]
    endings_before = {case.id: endings(case.execution) for case in changed}
    await _refold(tx, [case for case in changed if case.must_refold], with_new=True)
    async with _meanwhile(_append(tx, changed)):
        records = [(case, record) async for case, record in _fold_on(changed)]
    await _load_open_steps(tx, [case for case in changed if _endings_changed(case, endings_before[case.id])])
    await _save(tx, records)
    report.commands = await _command(tx, records, policy)
    await tx.append_duplicates(duplicates)
    await dead_letters.add(tx, bad, dead_letter_topic)
    await tx.append_changes(_lane(reads), _feed_entries(records))
    _report(report, records, duplicates, bad)
    return report


async def _open_cases(tx: Batch, good: Sequence[tuple[Record, Decoded]]) -> list[_Case]:
    """The executions of a batch, in id order, each locked and as it was recorded."""
    arrivals: dict[Alias, list[tuple[Record, Decoded]]] = {}
    for pair in good:
        event = pair[1].event
        arrivals.setdefault((event.tenantid, event.subject), []).append(pair)
    known = await tx.find_aliases(list(arrivals))
    firsts = {alias: pairs[0] for alias, pairs in arrivals.items() if alias not in known}
    added = await _add_aliases(tx, firsts, known)
    cases = {alias: _Case(id_, alias, arrivals[alias]) for alias, id_ in (known | added).items()}
    locked = await tx.lock_executions(sorted(known.values()))
    if lost := sorted(set(known.values()) - locked.keys()):
        locked |= await _restore(tx, lost)
    for case in cases.values():
        if before := locked.get(case.id):
            _resume(case, before)
            case.must_refold = case.must_refold or case.id in lost
    return sorted(cases.values(), key=lambda case: case.id)


async def _restore(tx: Batch, lost: Sequence[str]) -> dict[str, LockedExecution]:
    """Write the rows that somebody deleted anew from the log. Nobody held them so far: fold them again once locked."""
    folded = await fold_log(tx, lost)
    await tx.rebuild.restore_executions([(each.execution, each.recorded_at) for each in folded.values()])
    return await tx.lock_executions(lost)


def _resume(case: _Case, before: LockedExecution) -> None:
    case.before = before
    if (execution := Execution.load(before.fold)) is None:
        case.must_refold = True
        if not is_of_another_format(before.fold):
            _warn_of_damage("executions", case)
    else:
        case.execution = execution
        case.labels_before = case.labels()


async def _add_aliases(
    tx: Batch, firsts: dict[Alias, tuple[Record, Decoded]], known: dict[Alias, str]
) -> dict[Alias, str]:
    """Ids for executions that are new; what another recorder adds meanwhile goes to `known`."""
    added: dict[Alias, str] = {}
    wanted = {
        alias: own_id(alias[1], record.timestamp_ms) or new_id(decoded.event.time)
        for alias, (record, decoded) in firsts.items()
    }
    while wanted:
        added |= await tx.add_aliases(wanted)
        wanted = {alias: id_ for alias, id_ in wanted.items() if alias not in added}
        if wanted:
            known |= await tx.find_aliases(list(wanted))
            # What is neither added nor known has an id that another execution took: it gets one of our own making.
            wanted = {alias: new_id(firsts[alias][1].event.time) for alias in wanted if alias not in known}
    return added


async def _sift(tx: Batch, cases: Sequence[_Case]) -> list[DuplicateRow]:
    """Leave each case with the events that are new, and say which were not."""
    keys = [(case.id, decoded.event_id) for case in cases if case.before for _, decoded in case.arrivals]
    logged = await tx.log.digests(keys) if keys else {}
    duplicates: list[DuplicateRow] = []
    for case in cases:
        first: dict[str, Decoded] = {}
        for record, decoded in case.arrivals:
            key = (case.id, decoded.event_id)
            if key in logged or decoded.event_id in first:
                same = await _is_same(tx, key, decoded, logged, first)
                reason = "repeated" if same else "conflict"
                duplicates.append(DuplicateRow(record.topic, record.partition, record.offset, *key, reason))
                continue
            first[decoded.event_id] = decoded
            case.fresh.append((record, decoded))
        case.entries = [enter(decoded.event, decoded.event_id, _price(decoded.event)) for _, decoded in case.fresh]
    return duplicates


def _price(event: Event) -> int | None:
    """What a call cost when nobody says so. From here on it is what is stored, until somebody reprices."""
    return (
        pricing.price(event.data, event.time) if isinstance(event, LlmCalled) and event.data.cost_usd is None else None
    )


async def _is_same(
    tx: Batch, key: tuple[str, str], decoded: Decoded, logged: dict[tuple[str, str], bytes], first: dict[str, Decoded]
) -> bool:
    """Whether a repeated event says what the first one said; its bytes may differ all the same."""
    if key in logged:
        return logged[key] == decoded.digest or _content(await tx.log.event(*key)) == _content(decoded.text)
    earlier = first[decoded.event_id]
    return earlier.digest == decoded.digest or _content(earlier.text) == _content(decoded.text)


def _content(text: str) -> tuple[Any, ...]:
    """What makes two events with the same id the same event."""
    event = reread(text)
    data = json.dumps(json.loads(text).get("data"), sort_keys=True)
    return (event.type, event.time, event.attempt, event.sequence, data)


async def _load_steps(tx: Batch, cases: Sequence[_Case]) -> None:
    by_id = {case.id: case for case in cases}
    for case in cases:
        case.touched = {step_key(entry.event) for entry in case.entries if isinstance(entry.event, StepEvent)}
    keys = [(case.id, key) for case in cases if case.before and not case.must_refold for key in case.touched]
    for case, step in await _read_steps(tx, by_id, await tx.find_steps(keys) if keys else ()):
        case.steps[step.key] = step


async def _read_steps(
    tx: Batch, cases: Mapping[str, _Case], stored: Iterable[tuple[str, str]]
) -> list[tuple[_Case, Step]]:
    """Steps as they are stored; an execution of which one cannot be read is folded again instead, with all of them."""
    loaded = [(cases[execution_id], Step.load(text)) for execution_id, text in stored]
    damaged = {case.id: case for case, step in loaded if step is None}
    for case in damaged.values():
        case.must_refold = True
        _warn_of_damage("steps", case)
    await _refold(tx, list(damaged.values()))
    return [(case, step) for case, step in loaded if step is not None and case.id not in damaged]


def _warn_of_damage(table: str, case: _Case) -> None:
    log.warning("fold_damaged", table=table, execution_id=case.id, instead="folded again from the log")


def _judge(case: _Case) -> None:
    judge = Judge.after(case.execution, case.steps)
    head = case.execution.head
    judged = zip(case.fresh, case.entries, strict=True)
    case.new = [_Arrival(record, decoded, entry, judge.judge(entry)) for (record, decoded), entry in judged]
    case.must_refold = case.must_refold or any(entry.key < head for entry in case.entries)


async def _refold(tx: Batch, cases: Sequence[_Case], *, with_new: bool = False) -> None:
    """Fold from the first event what the log has; with what is new, which lies behind the head of the row."""
    if not cases:
        return
    logged = await _read_log(tx, [case.id for case in cases])
    for case in cases:
        await _fold_whole(case, [*(case.entries if with_new else ()), *logged[case.id]])


async def _read_log(tx: Batch, execution_ids: Sequence[str]) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {execution_id: [] for execution_id in execution_ids}
    prices = await tx.prices.stored(execution_ids)
    weight = 0
    async for execution_id, event_id, text in tx.log.events(execution_ids):
        weight += _RECORD_WEIGHT + len(text)
        if weight >= _TURN:
            weight = 0
            await asyncio.sleep(0)
        try:
            event = reread(text)
        except Exception as error:
            raise Unreadable(execution_id, event_id) from error
        if len(text) > _LARGE:
            event = _without_payloads(event)
        is_reported = isinstance(event, LlmCalled) and event.data.cost_usd is not None
        computed_nanos = None if is_reported else prices.get((execution_id, event_id))
        entries[execution_id].append(enter(event, event_id, computed_nanos))
    return entries


def _without_payloads(event: Event) -> Event:
    """Of its payloads only that there are some: a fold asks for no more, and all of a log may not fit into memory."""
    data: Any = event.data
    if isinstance(event, OtherEvent):
        return event.model_copy(update={"data": None})
    said = {name: "" for name in ("input", "output", "result") if getattr(data, name, None) is not None}
    return event.model_copy(update={"data": data.model_copy(update=said)})


async def _fold_whole(case: _Case, entries: Iterable[Entry]) -> None:
    case.execution, case.steps = Execution(), {}
    ordered = sorted(entries, key=_by_key)
    for start in range(0, len(ordered), _EVENTS_SLICE):
        fold(case.execution, case.steps, ordered[start : start + _EVENTS_SLICE])
        await asyncio.sleep(0)  # so that the consumer stays in its group while it folds very many
    case.touched = set(case.steps)


def _folded(case: _Case, heard_at: datetime, recorded_at: datetime) -> Folded:
    record = execution_record(case.execution, case.alias[1])
    foreign = _foreign(case.alias[0], record, case.execution.labels)
    beginnings = list(_beginnings([case]))
    return Folded(
        ExecutionRow(case.id, *case.alias, record, foreign, heard_at),
        recorded_at,
        list(_step_rows(case)),
        list(_label_rows(case)),
        list(_llm_call_rows(case)),
        list(_tool_call_rows(case)),
        list(_workflows_said(beginnings)),
        list(_owners_said(beginnings)),
    )


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let Postgres work while the block computes: nothing else may be asked of it before the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await task


async def _fold_on(cases: Sequence[_Case]) -> AsyncIterator[tuple[_Case, ExecutionRecord]]:
    """The record of each execution; those not folded again go on from their rows."""
    for number, case in enumerate(cases):
        if not case.must_refold:
            fold(case.execution, case.steps, sorted(case.entries, key=_by_key))
        yield case, execution_record(case.execution, case.alias[1])
        if number % _SLICE == 0:
            await asyncio.sleep(0)  # what Postgres takes meanwhile goes on its way


def _endings_changed(case: _Case, before: Any) -> bool:
    return case.before is not None and not case.must_refold and endings(case.execution) != before


async def _load_open_steps(tx: Batch, cases: Sequence[_Case]) -> None:
    """Open steps read anew when the ending of their execution changes; those in hand are newer than their rows."""
    if not cases:
        return
    by_id = {case.id: case for case in cases}
    for case, step in await _read_steps(tx, by_id, await tx.find_open_steps(list(by_id))):
        case.steps.setdefault(step.key, step)
        case.touched.add(step.key)


async def _append(tx: Batch, cases: Sequence[_Case]) -> None:
    """What is only ever added: the log, and the facts in it."""
    await tx.append_events([row for case in cases for row in _event_rows(case)])
    await tx.append_llm_calls([row for case in cases for row in _llm_call_rows(case)])
    await tx.append_tool_calls([row for case in cases for row in _tool_call_rows(case)])


async def _save(tx: Batch, records: Sequence[tuple[_Case, ExecutionRecord]]) -> None:
    cases = [case for case, _ in records]
    await tx.save_executions([_execution_row(case, record) for case, record in records])
    await tx.save_steps([row for case in cases for row in _step_rows(case)])
    relabelled = [case for case in cases if case.labels() != (case.labels_before or (None, None))]
    await tx.replace_labels(
        [case.id for case in relabelled if case.before], [row for case in relabelled for row in _label_rows(case)]
    )
    beginnings = list(_beginnings(cases))
    tx.name_workflows(latest(_workflows_said(beginnings)))
    tx.name_owners(latest(_owners_said(beginnings)))
    await tx.mark_usage({mark for case, record in records for mark in _usage_marks(case, record)})


async def _command(tx: Batch, records: Sequence[tuple[_Case, ExecutionRecord]], policy: CommandPolicy) -> Counter[str]:
    called_for = [
        (case.id, command)
        for case, after in records
        for command in commands(case.alias, case.before, after, case.entries, policy.warning_share)
    ]
    return await send_commands(tx, called_for, policy.topic) if called_for else Counter()


def _event_rows(case: _Case) -> Iterator[EventRow]:
    tenant_id = case.alias[0]
    for record, decoded, entry, verdict in case.new:
        event = decoded.event
        yield EventRow(
            case.id,
            decoded.event_id,
            tenant_id,
            event.type,
            event.attempt,
            event.time,
            event.sequence,
            entry.key[3],
            _kafka_time(record.timestamp_ms),
            verdict.outcome,
            verdict.reason,
            record.topic,
            record.partition,
            record.offset,
            decoded.digest,
            decoded.text,
        )


def _execution_row(case: _Case, record: ExecutionRecord) -> ExecutionRow:
    heard_at = _kafka_time(max((arrival.record.timestamp_ms for arrival in case.new), default=0))  # none: as it is
    return ExecutionRow(case.id, *case.alias, record, _foreign(case.alias[0], record, case.execution.labels), heard_at)


def _foreign(tenant_id: str, record: ExecutionRecord, labels: dict[str, str] | None) -> Foreign:
    link = (labels or {}).get
    return Foreign(
        foreign_uuid("tenant", tenant_id) or "",
        foreign_uuid("owner", record.owner_id),
        foreign_uuid("workflow", record.workflow_id),
        link("venture_id"),
        foreign_uuid("venture", link("venture_id")),
        link("prd_id"),
        foreign_uuid("prd", link("prd_id")),
        link("sd_id"),
        link("board_meeting_id"),
        foreign_uuid("board_meeting", link("board_meeting_id")),
        link("message_id"),
        link("graph_id"),
    )


def _step_rows(case: _Case) -> Iterator[tuple[str, str, StepRecord]]:
    for key in case.touched:
        yield case.id, case.alias[0], step_record(case.steps[key], case.execution)


def _llm_call_rows(case: _Case) -> Iterator[LlmCallRow]:
    for entry in case.entries:
        if isinstance(event := entry.event, LlmCalled):
            data, computed = event.data, entry.computed_nanos
            yield LlmCallRow(
                case.id,
                entry.event_id,
                case.alias[0],
                event.time,
                event.attempt,
                data.provider,
                data.model,
                data.prompt_tokens,
                data.completion_tokens,
                data.cached_tokens,
                data.reasoning_tokens,
                data.cost_usd if computed is None else Decimal(computed).scaleb(-9),
                "computed" if computed is not None else None if data.cost_usd is None else "reported",
                None if computed is None else pricing.version(),
                data.duration_ms,
                data.agent_id,
                data.step_id,
                data.cache_hit,
            )


def _tool_call_rows(case: _Case) -> Iterator[ToolCallRow]:
    for entry in case.entries:
        if isinstance(event := entry.event, ToolCalled):
            data = event.data
            yield ToolCallRow(
                case.id,
                entry.event_id,
                case.alias[0],
                event.time,
                event.attempt,
                data.tool_name,
                data.success,
                data.duration_ms,
                data.error,
                data.agent_id,
                data.step_id,
                data.cache_hit,
            )


def _label_rows(case: _Case) -> Iterator[LabelRow]:
    labels, tags = case.labels()
    for key, value in (labels or {}).items():
        yield LabelRow(case.id, "label", key, value, case.alias[0])
    for tag in dict.fromkeys(tags or ()):
        yield LabelRow(case.id, "tag", "", tag, case.alias[0])


def _workflows_said(beginnings: Iterable[tuple[str, Beginning, str]]) -> Iterator[Named]:
    for tenant_id, event, event_id in beginnings:
        workflow = event.data.workflow
        if workflow is not None and workflow.id is not None:
            yield (tenant_id, workflow.id, workflow.name, workflow.version, event.time, event_id)


def _owners_said(beginnings: Iterable[tuple[str, Beginning, str]]) -> Iterator[Named]:
    for tenant_id, event, event_id in beginnings:
        owner = event.data.owner
        if owner is not None and owner.id is not None:
            yield (tenant_id, owner.id, owner.email, owner.name, event.time, event_id)


def _beginnings(cases: Iterable[_Case]) -> Iterator[tuple[str, Beginning, str]]:
    """The events that say what ran and for whom."""
    for case in cases:
        for entry in case.entries:
            if isinstance(event := entry.event, Beginning):
                yield case.alias[0], event, entry.event_id


def latest(said: Iterable[Named]) -> list[Named]:
    """One row for each, in key order: that of the greatest time and event id."""
    latest: dict[tuple[str, str], Named] = {}
    for named in sorted(said, key=lambda named: (named[4], named[5])):
        latest[named[:2]] = named
    return [latest[key] for key in sorted(latest)]


def _usage_marks(case: _Case, record: ExecutionRecord) -> Iterator[UsageMark]:
    yield (case.alias[0], record.owner_id or "", record.usage_day)
    if case.before is not None:
        yield (case.alias[0], case.before.owner_id or "", case.before.usage_day)


def _lane(reads: Sequence[Read]) -> str:
    """Of a batch of several partitions, all of whose accounts are locked, that of one."""
    return lane_of(reads[0][0].topic, min(record.partition for record, _ in reads))


def _feed_entries(records: Sequence[tuple[_Case, ExecutionRecord]]) -> list[FeedEntry]:
    return [
        FeedEntry(
            case.alias[0],
            case.id,
            after.version,
            what_changed(case.before.status if case.before else None, after.status),
        )
        for case, after in records
    ]


def _report(
    report: Report,
    records: Sequence[tuple[_Case, ExecutionRecord]],
    duplicates: Sequence[DuplicateRow],
    bad: Sequence[tuple[Record, Undecodable]],
) -> None:
    for case, after in records:
        report.executions += 1
        report.refolded += case.must_refold
        status_before = case.before.status if case.before else "none"
        if status_before != after.status:
            report.transitions[(status_before, after.status)] += 1
    arrivals = [arrival for case, _ in records for arrival in case.new]
    report.outcomes.update([(arrival.record.partition, arrival.verdict.outcome) for arrival in arrivals])
    report.types.update(
        [(CANONICAL_TYPES.get(arrival.decoded.event.type, "other"), arrival.verdict.outcome) for arrival in arrivals]
    )
    report.rejections.update([arrival.verdict.reason for arrival in arrivals if arrival.verdict.reason])
    report.oldest_occurred_at = min((arrival.decoded.event.time for arrival in arrivals), default=None)
    for duplicate in duplicates:
        report.outcomes[(duplicate.partition, Outcome.DUPLICATE)] += 1
        report.duplicates += 1
        report.conflicts += duplicate.reason == "conflict"
    for record, why in bad:
        report.outcomes[(record.partition, Outcome.DEAD_LETTERED)] += 1
        report.dead_letters[why.reason] += 1


@lru_cache(maxsize=4096)
def _kafka_time(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(max(timestamp_ms, 0) / 1000, UTC)


_by_key = attrgetter("key")
_EVENTS_SLICE: Final = 1000
# Bytes decoded before the loop turns, about 1 ms, and what a record counts beside them; a larger one goes to a thread.
# The group waits 10 s for a sign of life: 50 records of a megabyte took 20 s, and one of nothing but brackets took 4 s.
_TURN: Final = 100_000
_RECORD_WEIGHT: Final = 1000
_LARGE: Final = 4096  # characters of an event from the log: of a smaller one the payloads are no burden
_SLICE: Final = 10  # executions folded before the loop turns: less than a millisecond
