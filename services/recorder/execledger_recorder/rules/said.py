"""What a change says beside the rows of its execution: names of workflows and owners, days of usage, the feed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from execledger_contracts.events import ExecutionCreated, ExecutionStarted
from execledger_lifecycle.foreign_ids import foreign_uuid
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.feed import FeedEntry, what_changed
from execledger_recorder.rules.rows import EventCount, HourMark, Named, NamedOwner, TreeMarks, UsageMark

# What a tree shows of its parts, and what its root says of limits. An attempt that begins anew may be halted once more.
_IN_TREES: Final = (
    "root_execution_id",
    "status",
    "attempt",
    "total_tokens",
    "cost_nanos",
    "token_limit",
    "cost_limit_usd",
    "budget_scope",
)


def workflows(changes: Iterable[Change]) -> Iterator[Named]:
    """What workflows are called."""
    for event, event_id in _beginnings(changes):
        if (workflow := event.data.workflow) is not None and workflow.id is not None:
            yield (event.tenantid, workflow.id, workflow.name, workflow.version, event.time, event_id)


def owners(changes: Iterable[Change]) -> Iterator[NamedOwner]:
    """What owners are called."""
    for event, event_id in _beginnings(changes):
        if (owner := event.data.owner) is not None and owner.id is not None:
            uuid = foreign_uuid("owner", owner.id)
            yield (event.tenantid, owner.id, owner.email, owner.name, event.time, event_id, uuid)


def usage_marks(changes: Iterable[Change]) -> set[UsageMark]:
    """The days whose usage changes: those that the executions are counted under, and were."""
    marks = set[UsageMark]()
    for change in changes:
        tenant_id, before, record = change.judged.tenant_id, change.before, change.record
        marks.add((tenant_id, record.owner_id or "", record.usage_day))
        if before is not None:
            marks.add((tenant_id, before.owner_id or "", before.usage_day))
    return marks


def hour_marks(changes: Iterable[Change]) -> set[HourMark]:
    """The hours whose roll-ups change: those in which the executions start, and started."""
    marks = set[HourMark]()
    for change in changes:
        tenant_id = change.judged.tenant_id
        marks.add((tenant_id, start_hour(change.record.started_at, change.record.created_at)))
        if change.before is not None:
            marks.add((tenant_id, change.before.start_hour))
    return marks


def start_hour(started_at: datetime | None, created_at: datetime) -> int:
    """Hours since 1970 to the start of an execution, else its creation."""
    return _hour(started_at or created_at)


def event_counts(changes: Iterable[Change]) -> list[EventCount]:
    """How many events of each type are new, by the hour of their time."""
    counts = Counter(
        (event.tenant_id, _hour(event.occurred_at), event.type) for change in changes for event in change.judged.events
    )
    return [(*key, count) for key, count in counts.items()]


def tree_marks(changes: Iterable[Change]) -> TreeMarks:
    """The trees that may come to something else, or may go on: their parts, or limits, are others than before."""
    marks = TreeMarks(set(), set())
    for change in changes:
        before, after = change.before, change.record
        if before is not None and all(getattr(before, name) == getattr(after, name) for name in _IN_TREES):
            continue
        roots = {each.root_execution_id for each in (before, after) if each is not None}
        marks.add((change.judged.tenant_id, change.judged.external_id), *roots)
    return marks


def feed_entries(changes: Iterable[Change]) -> list[FeedEntry]:
    """What those who follow the feed are told."""
    return [feed_entry(change, change.before and change.before.status) for change in changes]


def feed_entry(change: Change, status_before: str | None) -> FeedEntry:
    """The same of one execution, whose status is known to have been another."""
    judged, record = change.judged, change.record
    return FeedEntry(judged.tenant_id, judged.id, record.version, what_changed(status_before, record.status))


def _hour(at: datetime) -> int:
    return int(at.timestamp() // 3600)


def _beginnings(changes: Iterable[Change]) -> Iterator[tuple[ExecutionCreated | ExecutionStarted, str]]:
    """The events that say what ran and for whom."""
    for change in changes:
        for entry in change.judged.entries:
            event = entry.event
            if type(event) is ExecutionStarted or type(event) is ExecutionCreated:
                yield event, entry.event_id
