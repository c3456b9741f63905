"""Why a record is as it is: the event that decided each field, and the rule by which another was not applied.

The fold itself is watched, event by event, while it sets the attributes of its states: the event that set one which the
record shows has decided the field. So there is no second set of rules that could drift from the first.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, assert_never

from execledger_contracts.events import Event, ExecutionCreated, ExecutionStarted, LlmCalled
from execledger_contracts.status import Status
from execledger_lifecycle.calls import contradiction_of
from execledger_lifecycle.order import Entry, ends_execution, place, raised_by
from execledger_lifecycle.record import EXECUTION_COLUMNS
from execledger_lifecycle.watching import Watch


class NotApplied(StrEnum):
    """The rule by which an event, or all that it said, is not in the record."""

    UNKNOWN = "unknown type"
    OLDER = "older attempt"
    AFTER = "ordered after the deciding event"
    VOID = "provisional and void"
    OWNER = "another source's owner"


@dataclass(frozen=True, slots=True)
class ExplainedEntry:
    """One event, the fields that it decided, and why it was not applied when it was not."""

    entry: Entry
    decides: Sequence[str]
    not_applied: NotApplied | None


@dataclass(frozen=True, slots=True)
class Note:
    """What events say that cannot be, and what became of it: the field that shows it, and who said it."""

    field: str
    entry: Entry
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What decided each field. Derived fields have no entry; of several events that decided one, the last is named.

    The events come as lists show them: of all attempts, by time.
    """

    fields: Mapping[str, Entry]
    events: Sequence[ExplainedEntry]
    provisional: Entry | None
    """The watchdog's ending, while it stands."""
    notes: Sequence[Note]


def explain(entries: Iterable[Entry], record: Mapping[str, Any]) -> Explanation:
    """Explain the record, given by column, that the fold of these distinct events has given."""
    sent = list(entries)
    watch = Watch(sorted(place(sent, raised_by(sent)), key=lambda entry: entry.key))
    watch.fold()
    claims = _claims(watch, record)
    decides = defaultdict[str, list[str]](list)
    for name, deciding in claims.decided.items():
        for entry in deciding:
            decides[entry.event_id].append(name)
    return Explanation(
        {name: deciding[-1] for name, deciding in claims.decided.items()},
        [
            ExplainedEntry(entry, decides[entry.event_id], _not_applied(watch, claims, entry, decides[entry.event_id]))
            for entry in sorted(watch.entries, key=lambda entry: entry.key[1:])
        ],
        watch.last.said("status")[-1] if watch.last.provisional else None,
        list(_notes(watch, record)),
    )


@dataclass(slots=True)
class _Claims:
    """Which events decided each field, and which said it in vain."""

    decided: dict[str, Sequence[Entry]] = field(default_factory=dict)
    lost_to_later: set[str] = field(default_factory=set)
    lost_to_earlier: set[str] = field(default_factory=set)
    summed: set[str] = field(default_factory=set)

    def add(self, name: str, deciding: Sequence[Entry], said: Sequence[Entry] = ()) -> None:
        if deciding:
            self.decided[name] = deciding
            self.contest(deciding, said)

    def contest(self, deciding: Sequence[Entry], said: Sequence[Entry]) -> None:
        won = {entry.event_id for entry in deciding}
        for entry in said:
            if entry.event_id not in won:
                lost = self.lost_to_later if entry.key < deciding[-1].key else self.lost_to_earlier
                lost.add(entry.event_id)


def _claims(watch: Watch, record: Mapping[str, Any]) -> _Claims:
    claims = _Claims()
    for name, column in _FIELDS.items():
        state, attribute = column.said
        if name in _BY_A_RULE_OF_ITS_OWN:
            _BY_A_RULE_OF_ITS_OWN[name](claims, watch, record)
        elif state == "sums":
            _claim_sum(claims, watch, name, attribute, record)
        elif state:
            said = (watch.last if state == "attempt" else watch.execution).said(attribute)
            claims.add(name, said[-1:], said)
    return claims


def _claim_status(claims: _Claims, watch: Watch, _: Mapping[str, Any]) -> None:
    claims.add("status", _deciding_status(watch))


def _claim_attempt(claims: _Claims, watch: Watch, _: Mapping[str, Any]) -> None:
    claims.add("attempt", _raising(watch))


def _deciding_status(watch: Watch) -> Sequence[Entry]:
    """The ending, else the first event that showed it running, else the first that made it pending."""
    if deciding := watch.last.said("status") or watch.last.said("began")[:1]:
        return deciding
    if watch.number > 1:
        return _raising(watch)
    standing = [entry for entry in watch.entries if entry.event_id not in watch.void]
    return ([entry for entry in standing if entry.event.kind != "other"] or standing)[:1]


def _raising(watch: Watch) -> Sequence[Entry]:
    return watch.last.said("is_raised")[:1]


def _last_of_each_key(said: Sequence[Entry], name: str, shown: Container[str]) -> Sequence[Entry]:
    """Each event that was the last to say a key that is shown; the last of all when there are none."""
    standing = {key: entry for entry in said for key in getattr(entry.event.data, name) if key in shown}
    distinct = {entry.event_id: entry for entry in standing.values()}
    return sorted(distinct.values(), key=lambda entry: entry.key) or said[-1:]


def _claim_created_at(claims: _Claims, watch: Watch, _: Mapping[str, Any]) -> None:
    execution = watch.execution
    provisional = [
        entry for attempt in watch.attempts.values() if attempt.provisional for entry in attempt.said("status")
    ]
    created = execution.said("first_created_at")
    first = created or [*execution.said("first_table_at"), *provisional] or execution.said("first_other_at")
    claims.add("created_at", _earliest(first), created)


def _claim_started_at(claims: _Claims, watch: Watch, _: Mapping[str, Any]) -> None:
    started = watch.last.said("started_at")
    claims.add("started_at", _earliest(started or watch.last.said("first_at")), started)


def _claim_cancel_requested_at(claims: _Claims, watch: Watch, _: Mapping[str, Any]) -> None:
    asked = [
        entry
        for number, attempt in watch.attempts.items()
        if number >= watch.number
        for entry in attempt.said("cancel_requested_at")
    ]
    claims.add("cancel_requested_at", _earliest(asked), asked)


def _claim_unless_worked_out(name: str, claims: _Claims, watch: Watch, record: Mapping[str, Any]) -> None:
    said = watch.last.said(name)
    if record[name] == getattr(watch.last, name):
        claims.add(name, said[-1:], said)
    else:  # it has completed, or its facts exceed the budget
        claims.contest(claims.decided.get("status", ()), said)


def _claim_while_on(name: str, claims: _Claims, watch: Watch, record: Mapping[str, Any]) -> None:
    """What a pause says counts until it is resumed, or all has ended."""
    if record[name] is not None:
        claims.add(name, watch.last.said(name)[-1:])


def _claim_merged(name: str, claims: _Claims, watch: Watch, record: Mapping[str, Any]) -> None:
    """By those that said what is shown. What caps cut nobody decided, and nobody lost it to another."""
    shown = record[name] or {}
    keys = set(json.loads(shown) if isinstance(shown, str) else shown)
    said = [entry for entry in watch.execution.said(name) if _says_any(getattr(entry.event.data, name), keys)]
    claims.add(name, _last_of_each_key(said, name, keys), said)


def _says_any(members: Mapping[str, Any], keys: Set[str]) -> bool:
    return not members or not keys.isdisjoint(members)


def _claim_sum(claims: _Claims, watch: Watch, name: str, attribute: str, record: Mapping[str, Any]) -> None:
    """A figure is decided by the one ending that reported it, unless anything was added to it."""
    reported = [(entry, attempt) for attempt in watch.attempts.values() for entry in attempt.said(attribute)]
    shown = int(record["cost_usd"].scaleb(9)) if attribute == "cost_nanos" else record[attribute]
    if len(reported) == 1 and getattr(reported[0][1], attribute) == shown:
        claims.add(name, [reported[0][0]])
    else:
        claims.summed.update(entry.event_id for entry, _ in reported)


def _not_applied(watch: Watch, claims: _Claims, entry: Entry, decides: Sequence[str]) -> NotApplied | None:
    if entry.event.kind == "other":
        return NotApplied.UNKNOWN
    if _names_anothers_owner(watch, entry.event):
        return NotApplied.OWNER
    if decides or entry.event.kind == "fact":
        return None
    if entry.event_id in watch.void:
        return NotApplied.VOID
    if _is_refused(watch, entry):
        return NotApplied.AFTER
    if entry.key[0] < watch.number:
        return NotApplied.OLDER
    return None if entry.event_id in claims.summed else _lost(watch, claims, entry)


def _names_anothers_owner(watch: Watch, event: Event) -> bool:
    """Only who named the first owner may name another."""
    if not isinstance(event, ExecutionCreated | ExecutionStarted):
        return False
    return event.data.owner is not None and event.source != watch.execution.owner_source


def _is_refused(watch: Watch, entry: Entry) -> bool:
    """Whether it is an ending of another status than the deciding one: such a one contributes nothing."""
    return entry.event.traits.ends not in (None, _status_of(watch, entry))


def _status_of(watch: Watch, entry: Entry) -> Status | None:
    """How that which the event is about has ended."""
    match entry.event.kind:
        case "step":
            return watch.tries[entry.event_id].status
        case "execution" | "fact" | "other":
            return watch.attempts[entry.key[0]].status
        case _:
            assert_never(entry.event.kind)


def _lost(watch: Watch, claims: _Claims, entry: Entry) -> NotApplied | None:
    """Why nothing that it said is in the record; None when it said nothing that another could say instead."""
    if ends_execution(entry.event):
        return None if watch.attempts[entry.key[0]].said("status")[-1] is entry else NotApplied.AFTER
    lost = claims.lost_to_earlier - claims.lost_to_later  # what a later one said again counted until then
    return NotApplied.AFTER if entry.event_id in lost else None


def _notes(watch: Watch, record: Mapping[str, Any]) -> Iterator[Note]:
    started, ended = record["started_at"], record["ended_at"]
    if started is not None and ended is not None and ended < started:
        yield Note("duration_ms", watch.last.said("status")[-1], "it ended before it started: the clocks disagree")
    for entry in watch.entries:
        if (contradiction := _contradiction(entry.event)) is not None:
            yield Note("usage.cost_usd", entry, f"no price is computed: {contradiction}")


def _contradiction(event: Event) -> str | None:
    """Why a call whose cost nobody reported has no price."""
    return contradiction_of(event.data) if isinstance(event, LlmCalled) and event.data.cost_usd is None else None


def _earliest(entries: Sequence[Entry]) -> Sequence[Entry]:
    return sorted(entries, key=lambda entry: (entry.at, entry.key))[:1]


_FIELDS: Final = {column.shown: column for column in EXECUTION_COLUMNS.values()}
_BY_A_RULE_OF_ITS_OWN: Final[Mapping[str, Callable[[_Claims, Watch, Mapping[str, Any]], None]]] = {
    "status": _claim_status,
    "attempt": _claim_attempt,
    "created_at": _claim_created_at,
    "started_at": _claim_started_at,
    "cancel_requested_at": _claim_cancel_requested_at,
    "paused_at": partial(_claim_while_on, "paused_at"),
    "waiting_for": partial(_claim_while_on, "waiting_for"),
    "progress_percent": partial(_claim_unless_worked_out, "progress_percent"),
    "killed_by_budget": partial(_claim_unless_worked_out, "killed_by_budget"),
    "labels": partial(_claim_merged, "labels"),
    "metadata": partial(_claim_merged, "metadata"),
}
