"""The events of an execution of which a row tells all at once: it began, got so far, and ended. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from execledger.importing.columns import Column, Refused, Row, placed
from execledger.importing.drafts import Draft, Home
from execledger_contracts.status import EXECUTION_STATUSES, OPEN, Status, read_status

ROW_ID: Final = "row_id"
"""The label of an execution that says the id of its row."""

ROW_WITHOUT: Final = "row_without"
"""The label that names what the row does not say and the record works out: the view of the older table shows null."""

_PROGRESS: Final = ("progress_percent", "completed_steps", "total_steps")


@dataclass(frozen=True, slots=True)
class StepSaid:
    """What a row says of a try of a step; `at` of its beginning and its end, where they are known."""

    field: str  # where the row says it
    status: Status
    step: Mapping[str, Any]
    started: Mapping[str, Any]  # data of the event that begins it
    ended: Mapping[str, Any]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    columns: Mapping[str, str] = default(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """How an older table names what every execution has."""

    name: str
    columns: Mapping[str, Column]
    external_id: str = "id"
    status: str = "status"
    created_at: str = "created_at"
    started_at: str = "started_at"
    ended_at: str = "completed_at"
    duration_ms: str = "duration_ms"
    progress: Mapping[str, str] = default(default_factory=dict)  # columns by what events call them

    @cached_property
    def begin(self) -> dict[str, str]:
        """Places in the data of the event that begins an execution, by column."""
        return {name: column.begin for name, column in self.columns.items() if column.begin}

    @cached_property
    def end(self) -> dict[str, str]:
        """The same of the event that ends it."""
        return {name: column.end for name, column in self.columns.items() if column.end}


def status_of(row: Row, field: str) -> Status:
    """The status that a row says, in any common spelling."""
    status = read_status(row[field]) if isinstance(row.get(field), str) else None
    if status is None or status not in EXECUTION_STATUSES:
        raise Refused(field, "is no status of an execution")
    return status


def events_of(table: Table, row: Row, home: Home, row_id: str, steps: Sequence[StepSaid] = ()) -> list[Draft]:
    """The events that make an execution what its row says. Refused: no events would make it so."""
    status = status_of(row, table.status)
    (_check_open if status in OPEN else _check_ended)(table, row, status)
    telling = _Telling(table, row, home, row_id, status)
    return [*telling.beginning(), *telling.progress(steps), *telling.steps(steps), *telling.ending()]


def _check_open(table: Table, row: Row, status: Status) -> None:
    """What ends an execution, or is known of it only then, no event could say of it."""
    for name in (table.ended_at, table.duration_ms, *table.end):
        if not _is_nothing(row.get(name)):
            raise Refused(name, f"is known when an execution has ended, and this one is {status}; import it then")
    if status is Status.RUNNING and table.started_at not in row:
        raise Refused(table.started_at, "is missing: a running execution has started")
    if status is Status.PENDING and table.created_at in table.columns and table.started_at in row:
        raise Refused(table.started_at, "is there: a pending execution has not started")
    if status is Status.PENDING:
        for said in ("progress_percent", "completed_steps"):
            if row.get(name := table.progress.get(said, "")):
                raise Refused(name, "is not 0: a pending execution has got nowhere")


def _is_nothing(value: Any) -> bool:
    """Whether a column is as it was made: null, no, or none of what it counts, money too."""
    return not value.strip("0.") and value != "" if isinstance(value, str) else value in (None, 0)


def _check_ended(table: Table, row: Row, status: Status) -> None:
    if table.duration_ms in row and table.started_at not in row:
        raise Refused(table.duration_ms, "is there, and no start: from it the record would work one out")
    for name, place in table.end.items():
        if name in row and place.startswith("error.") and status is Status.COMPLETED:
            raise Refused(name, "is there: a completed execution has no error")
        if row.get(name) and place == "killed_by_budget" and status is not Status.CANCELLED:
            raise Refused(name, "is true: what a budget ends is cancelled")


@dataclass(frozen=True, slots=True)
class _Telling:
    """A row that is told in events. Their ids hold its status: with another one it may be imported again."""

    table: Table
    row: Row
    home: Home
    row_id: str
    status: Status

    def beginning(self) -> list[Draft]:
        table, row = self.table, self.row
        data = placed(row, table.begin)
        data["labels"] = {**data.get("labels", {}), ROW_ID: self.row_id}
        if self.status not in OPEN:
            data.pop("metadata", None)
            if table.duration_ms not in row:
                data["labels"][ROW_WITHOUT] = table.duration_ms
        if self.status is Status.PENDING and (planned := self.row.get(table.progress.get("total_steps", ""))):
            data["total_steps"] = planned
        started_at, created_at = row.get(table.started_at), row.get(table.created_at)
        drafts = []
        if created_at is not None or self.status is Status.PENDING:
            drafts.append(self._draft("created", created_at or self.begins_at, data, table.begin))
            data = {}
        if started_at is not None and self.status is not Status.PENDING:
            drafts.append(self._draft("started", started_at, data, table.begin))
        return drafts

    def progress(self, steps: Sequence[StepSaid]) -> list[Draft]:
        """How far it got, where it is not what its events come to by themselves."""
        columns = {said: name for said, name in self.table.progress.items() if name in self.row}
        data = {said: self.row[name] for said, name in columns.items()}
        counts = any(data.get(said) for said in _PROGRESS[1:])
        percent = self.status is not Status.COMPLETED and data.get("progress_percent")
        if self.status is Status.PENDING or not data or not (counts or percent or steps):
            return []
        # Behind its end in order: before it, it would be the start of what has none.
        is_open = self.status in OPEN
        at, sequence = (self.begins_at, None) if is_open else (self.ends_at, 1)
        return [self._draft("progressed", at, data, columns, sequence)]

    def steps(self, said: Sequence[StepSaid]) -> list[Draft]:
        if said and self.status is Status.PENDING:
            raise Refused(said[0].field, "is there: a pending execution has no steps")
        return [draft for number, step in enumerate(said) for draft in self._step(number, step)]

    def ending(self) -> list[Draft]:
        if self.status in OPEN:
            return []
        table, places = self.table, {**self.table.end, self.table.duration_ms: "duration_ms"}
        data = placed(self.row, places)
        if "metadata" in table.begin and "metadata" in self.row:
            data["metadata"] = self.row["metadata"]
        return [self._draft(self.status, self.ends_at, data, places)]

    @property
    def begins_at(self) -> datetime:
        return self._first(self.table.started_at, self.table.created_at)

    @property
    def ends_at(self) -> datetime:
        """An end that the row does not say is its start and its duration."""
        if (said := self.row.get(self.table.ended_at)) is not None:
            at: datetime = said
            return at
        return self.begins_at + timedelta(milliseconds=self.row.get(self.table.duration_ms, 0))

    def _first(self, *names: str) -> datetime:
        for name in names:
            if name in self.row:
                at: datetime = self.row[name]
                return at
        raise Refused(names[0], "is missing")

    def _step(self, number: int, said: StepSaid) -> list[Draft]:
        is_open = said.status in OPEN
        if is_open and self.status not in OPEN:
            raise Refused(said.field, f"runs on, and the execution is {self.status}: say how it ended")
        known_at = self.begins_at if self.status in OPEN else self.ends_at
        drafts = []
        if said.started_at is not None or is_open:
            data = {"step": said.step, **said.started}
            drafts.append(self._step_draft(number, said, "started", said.started_at or known_at, data))
        if not is_open:
            data = {"step": said.step, **({} if drafts else said.started), **said.ended}
            at = said.ended_at or said.started_at or known_at
            drafts.append(self._step_draft(number, said, said.status, at, data))
        return drafts

    def _step_draft(self, number: int, said: StepSaid, word: str, at: datetime, data: Mapping[str, Any]) -> Draft:
        id_ = f"{self.row_id}/{self.status}/step/{number}/{word}"
        return Draft(id_, f"step.{word}", self.home, at, data, {"time": said.field, "data": said.field, **said.columns})

    def _draft(
        self,
        word: str,
        at: datetime,
        data: Mapping[str, Any],
        columns: Mapping[str, str],
        sequence: int | None = None,
    ) -> Draft:
        named = {place: name for name, place in columns.items()} if word != "progressed" else columns
        return Draft(
            f"{self.row_id}/{self.status}/{word}",
            f"execution.{word}",
            self.home,
            at,
            data,
            {"subject": self.table.external_id, "time": self._time_column(word), **named},
            sequence,
        )

    def _time_column(self, word: str) -> str:
        """The column that the time of such an event was read from."""
        if word == "created" and self.table.created_at in self.row:
            return self.table.created_at
        if word in ("created", "started") or self.table.ended_at not in self.row:
            return self.table.started_at
        return self.table.ended_at
