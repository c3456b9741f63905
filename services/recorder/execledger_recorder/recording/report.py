"""What recording a batch came to, for metrics and the log."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Final, NamedTuple, Self

from execledger_contracts.decoding import Reason, Undecodable
from execledger_contracts.events import canonical_type
from execledger_contracts.ignored import Ignored
from execledger_lifecycle import Entry, Outcome
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.change import Change, Judged
from execledger_recorder.rules.rows import EventRow


class IgnoredFields(NamedTuple):
    """What was left out of a recorded event, or read otherwise than it was sent."""

    source: str
    external_id: str
    type: str  # canonical, `other` for the rest
    notes: Sequence[Ignored]


@dataclass(frozen=True, slots=True)
class Report:
    """What recording a batch, or a part of one, came to."""

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
    ignored: Sequence[IgnoredFields] = ()

    def __add__(self, other: Self) -> "Report":
        """What both parts of a batch came to."""
        times = [at for at in (self.oldest_occurred_at, other.oldest_occurred_at) if at is not None]
        return Report(
            self.outcomes + other.outcomes,
            self.types + other.types,
            self.transitions + other.transitions,
            self.rejections + other.rejections,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.dead_letters + other.dead_letters,
            self.commands + other.commands,
            self.executions + other.executions,
            self.refolded + other.refolded,
            min(times, default=None),
            [*self.ignored, *other.ignored],
        )


def report_of(
    judged: Sequence[Judged],
    changes: Sequence[Change],
    bad: Sequence[tuple[Record, Undecodable]],
    silent: Sequence[Record],
    commands: Counter[str],
) -> Report:
    """What a batch came to."""
    rows = [row for each in judged for row in each.events]
    outcomes, types, rejections = Counter[tuple[int, Outcome]](), Counter[tuple[str, Outcome]](), Counter[str]()
    for (partition, type_, outcome, reason, event_index), count in Counter(map(_kind, rows)).items():
        if not event_index:  # the outcome of a record is that of its first event
            outcomes[partition, outcome] += count
        types[canonical_type(type_) or "other", outcome] += count
        if reason:
            rejections[reason] += count
    oldest = min((entry for each in judged for entry in each.entries), key=_at, default=None)
    duplicates = [row for each in judged for row in each.duplicates]
    outcomes.update((row.partition, Outcome.DUPLICATE) for row in duplicates if not row.event_index)
    outcomes.update((record.partition, Outcome.DEAD_LETTERED) for record, _ in bad if not record.event_index)
    outcomes.update((record.partition, Outcome.APPLIED) for record in silent)
    return Report(
        outcomes,
        types,
        Counter(_transitions(changes)),
        rejections,
        len(duplicates),
        sum(row.reason == "conflict" for row in duplicates),
        Counter(why.reason for _, why in bad),
        commands,
        len(changes),
        sum(change.is_refolded for change in changes),
        oldest and oldest.event.time,
        list(_ignored(judged)),
    )


def _ignored(judged: Iterable[Judged]) -> Iterator[IgnoredFields]:
    for each in judged:
        for entry, row in zip(each.entries, each.events, strict=True):
            if row.ignored is not None:
                notes = [Ignored(**note) for note in json.loads(row.ignored)]
                yield IgnoredFields(entry.event.source, each.external_id, entry.event.canonical, notes)


def _transitions(changes: Iterable[Change]) -> Iterator[tuple[str, str]]:
    for change in changes:
        before, after = change.before.status if change.before else "none", change.record.status
        if before != after:
            yield before, after


def _at(entry: Entry) -> int:
    return entry.key[1]  # beside this, a comparison of times with a zone takes five times as long


# Of 2,000 events few differ in these; each is looked at once, in C.
_kind: Final = itemgetter(*map(EventRow._fields.index, ("partition", "type", "outcome", "reason", "event_index")))
