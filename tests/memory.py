"""What the recorder keeps of one execution, with dictionaries for tables; the decisions are the recorder's own."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final
from unittest.mock import patch

import msgspec

from execledger_contracts.decoding import Decoded
from execledger_contracts.events import Event, LlmCalled
from execledger_lifecycle import Caps, Entry, ExecutionRecord, StepKey, StepRecord, TryKey, Verdict, enter
from execledger_lifecycle.judging import Outcome
from execledger_recorder.rules import checkpoint, pricing
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.change import Change, Judged, decide, fold_log, refold
from execledger_recorder.rules.needs import Before, Digests, Known, Log, Need, Pause, StepKeys, Steps
from execledger_recorder.rules.rows import DuplicateRow, LockedExecution
from execledger_recorder.rules.said import start_hour
from execledger_recorder.rules.tables import TABLES, Row, Table, Writing
from histories import EXTERNAL_ID, PRICES

EXECUTION_ID: Final = "018e0000-0000-7000-8000-000000000001"
_AT_MS: Final = 1772366400123
_SHARE: Final = Decimal("0.8")
Contents = dict[str, dict[Row, Row]]
"""Rows of each derived table, by key."""


@contextmanager
def priced() -> Iterator[None]:
    """Calls whose cost nobody reported cost what PRICES says, for as long as the block lasts."""

    def price(event: Event) -> int | None:
        return PRICES.get(event.id) if isinstance(event, LlmCalled) and event.data.cost_usd is None else None

    with patch.object(pricing, "price_unreported", price):
        yield


@dataclass(slots=True)
class Memory:
    """All that is recorded of one execution."""

    log: dict[str, Event] = field(default_factory=dict)
    prices: dict[str, int | None] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    duplicates: list[DuplicateRow] = field(default_factory=list)
    row: ExecutionRecord | None = None
    steps: dict[TryKey, StepRecord] = field(default_factory=dict)
    checkpoints: dict[int, tuple[str, str]] = field(default_factory=dict)
    asked_for_log: int = 0
    read_of_log: int = 0
    caps: Caps | None = None

    def record(self, batch: Iterable[Event]) -> Change | None:
        """Record a batch; what it changed."""
        return self._write(decide(self._known(), [(_record(event), _decoded(event)) for event in batch], _SHARE))

    def refold(self) -> Change | None:
        """Fold all of the log again."""
        return self._write(refold(self._known()))

    def damage(self, what: str) -> None:
        """Spoil what a fold would go on from: of the row, or of each step."""
        spoilt = "[0]" if what.startswith("outdated") else ""
        if what.endswith("row") and self.row is not None:
            self.row = self.row._replace(fold=spoilt)
        elif what == "a step":
            self.steps = {key: step._replace(fold=spoilt) for key, step in self.steps.items()}

    def fold_log(self) -> Change:
        """What the log gives, whatever else is recorded."""
        folding = fold_log(EXECUTION_ID, self.entries(), datetime.fromtimestamp(_AT_MS / 1000, UTC), self.caps)
        while True:
            try:
                next(folding)
            except StopIteration as end:
                change: Change = end.value
                return change

    def copy(self) -> "Memory":
        return Memory(
            dict(self.log),
            dict(self.prices),
            dict(self.verdicts),
            list(self.duplicates),
            self.row,
            dict(self.steps),
            dict(self.checkpoints),
            self.asked_for_log,
            self.read_of_log,
            self.caps,
        )

    def _known(self) -> Known:
        alias = ("default", EXTERNAL_ID)
        if self.row is None:
            return Known(EXECUTION_ID, alias, caps=self.caps)
        row = self.row._asdict()
        hour = start_hour(row["started_at"], row["created_at"])
        said = row | {"tenant_id": alias[0], "external_id": alias[1], "start_hour": hour}
        return Known(
            EXECUTION_ID, alias, LockedExecution(*(said[name] for name in LockedExecution._fields)), caps=self.caps
        )

    def entries(self) -> list[Entry]:
        """All that is logged."""
        return [enter(event, id_, self.prices[id_]) for id_, event in self.log.items()]

    def _write(self, decision: Generator[Need | Judged, Any, Change | None]) -> Change | None:
        answer = None
        while True:
            try:
                said = decision.send(answer)
            except StopIteration as end:
                change: Change | None = end.value
                break
            if isinstance(said, Judged):
                answer = None
                self._keep(said)
            else:
                answer = self._answer(said)
        if change is not None:
            self._save(change)
        return change

    def _answer(self, need: Need) -> Any:
        match need:
            case Digests(event_ids=ids):
                return {id_: _decoded(self.log[id_]).digest for id_ in ids if id_ in self.log}
            case Steps(tries=tries, named=named, with_open=with_open):
                wanted = {key for step, count in tries.items() for key in self._greatest_tries(step, count)} | {*named}
                return [
                    step.fold
                    for key, step in self.steps.items()
                    if key in wanted or (with_open and (step.provisional or step.status == "running"))
                ]
            case StepKeys():
                return set(self.steps)
            case Before(key=key):
                stored = [checkpoint.head_of(version, head) for version, (head, _) in self.checkpoints.items()]
                at = checkpoint.latest_before(stored, key)
                return at and checkpoint.read(at, self.checkpoints[at.version][1])
            case Log(behind=behind):
                entries = [entry for entry in self.entries() if behind is None or entry.key > behind]
                self.asked_for_log += 1
                self.read_of_log += len(entries)
                return entries
            case Pause():
                return None

    def _greatest_tries(self, step: StepKey, count: int) -> list[TryKey]:
        return sorted((key for key in self.steps if key[:3] == step), key=itemgetter(3))[-count:]

    def _keep(self, judged: Judged) -> None:
        assert [row.event_id for row in judged.events] == [entry.event_id for entry in judged.entries]
        for row, entry in zip(judged.events, judged.entries, strict=True):
            assert row.event_id not in self.log
            self.log[row.event_id] = entry.event
            self.prices[row.event_id] = entry.computed_nanos
            self.verdicts[row.event_id] = Verdict(Outcome(row.outcome), row.reason)
        self.duplicates += judged.duplicates

    def _save(self, change: Change) -> None:
        self.row = change.record
        upto, kept = change.checkpoints.kept_upto, checkpoint.kept(change.record.version)
        standing = {n: said for n, said in self.checkpoints.items() if n in kept and (upto is None or n <= upto)}
        self.checkpoints = standing | {version: (head, state) for version, head, state in change.checkpoints.taken}
        assert not {key_of(step) for step in change.steps} & {*change.gone}
        self.steps = {key: step for key, step in self.steps.items() if key not in change.gone}
        self.steps |= {key_of(step): step for step in change.steps}


def key_of(step: StepRecord) -> TryKey:
    """Which step, and which try of it."""
    return (step.step_id, step.iteration, step.attempt, step.try_number)


def contents(changes: Iterable[Change]) -> Contents:
    """The rows that these changes leave, written one after the other."""
    found: Contents = {table.name: {} for table in TABLES}
    for change in changes:
        for table in TABLES:
            rows = {_key(table, row): row for row in table.rows(change)}
            if table.writing is Writing.APPEND:
                assert not rows.keys() & found[table.name].keys()
            if table.writing is not Writing.REPLACE:
                gone = {key[1:] for key in table.gone(change)}
                found[table.name] = {key: row for key, row in found[table.name].items() if key not in gone} | rows
            elif table.is_changed(change):
                found[table.name] = rows
    return found


def _key(table: Table, row: Row) -> Row:
    said = dict(zip(table.columns, row, strict=True))
    return tuple(said[name] for name in table.key)


def _record(event: Event) -> Record:
    return Record("events", 0, 0, _AT_MS, None, (), None, 0)


def _decoded(event: Event) -> Decoded:
    text = msgspec.json.encode(event)
    return Decoded(event, event.id, text.decode(), sha256(text).digest(), enter(event, event.id).at)
