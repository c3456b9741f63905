"""Rows compared with what a fold of the log gives, and mended where they differ."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.errors import Unreadable
from execledger_recorder.recording import Folded, fold_log, latest
from execledger_recorder.store import EXECUTION_COLUMNS, STEP_COLUMNS, Batch, Store, UsageMark

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
"""Rows of one execution, by table."""

FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
_BATCH_EXECUTIONS: Final = 100
_BATCH_EVENTS: Final = 10_000  # about 10 MB of log, and half a second to fold
_KEYS: Final[Mapping[str, Sequence[str]]] = {  # of a row within its execution
    "execution_aliases": (),
    "executions": (),
    "steps": ("step_id", "iteration", "attempt"),
    "execution_labels": ("kind", "key", "value"),
    "llm_calls": ("event_id",),
    "tool_calls": ("event_id",),
}
_JSON: Final = frozenset({"tags", "labels", "metadata"})
_PRICE: Final = frozenset({"cost_usd", "cost_source", "price_version"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a stored row is not what the log gives; without a field the row as a whole is missing, or too much."""

    execution_id: str
    table: str
    key: Sequence[Any]
    field: str | None
    stored: Any
    folded: Any

    @property
    def row(self) -> tuple[Any, ...]:
        """Which row it is about."""
        return (self.execution_id, self.table, *self.key)

    def as_document(self, *, longest: int | None = None) -> dict[str, Any]:
        """As a JSON object; texts of the two values no longer than that."""
        values = {name: _shown(value, longest) for name, value in (("stored", self.stored), ("folded", self.folded))}
        return {**asdict(self), "key": list(self.key), **values}


class Finding(NamedTuple):
    """One execution: what is stored of it, what its log gives, and where the two differ."""

    execution_id: str
    stored: Rows
    folded: Folded | None  # None: the log has nothing of it, or something that cannot be read
    differences: Sequence[Difference]

    @property
    def is_wrong(self) -> bool:
        return bool(self.differences)

    @property
    def is_outdated(self) -> bool:
        """Whether an earlier version of the fold wrote it: right as far as it goes, and read again when it goes on."""
        return is_outdated(self.stored)


class Rebuilt(NamedTuple):
    """What rebuilding some executions came to."""

    mended: int
    rows: int  # that were not as the log has them, or of an earlier format
    left: Sequence[Difference]  # what could not be mended


def compare(execution_id: str, stored: Rows, folded: Rows) -> list[Difference]:
    """Where the stored rows of an execution are not those that its log gives."""
    return [
        Difference(execution_id, table, key, *found)
        for table in _KEYS
        for key, *found in _compare_table(table, stored, folded)
        if not (found[0] == "fold" and is_outdated(stored))
    ]


def is_outdated(stored: Rows) -> bool:
    """Whether the fold in the row of the execution is of another format than ours."""
    return any(is_of_another_format(row["fold"]) for row in stored.get("executions", ()))


async def verify(store: Store, ids: Sequence[str], *, statement_timeout_ms: int | None = None) -> list[Finding]:
    """Compare executions with their log, all as they were at one moment; nothing changes, and nobody waits."""
    async with store.snapshot(statement_timeout_ms=statement_timeout_ms) as tx:
        return await _findings(tx, ids)


async def rebuild(store: Store, ids: Sequence[str]) -> Rebuilt:
    """Leave executions as their log has them: those that are not are locked, folded again and written, at once.

    One whose log is gone, or cannot be read, is left as it is.
    """
    wrong = [finding for finding in await verify(store, ids) if finding.is_wrong or finding.is_outdated]
    if not wrong:
        return Rebuilt(0, 0, ())
    async with store.batch() as tx:
        await _mend(tx, [finding for finding in wrong if finding.folded])
    after = await verify(store, [finding.execution_id for finding in wrong])
    left = [difference for finding in after for difference in finding.differences]
    rows = {difference.row for finding in wrong for difference in finding.differences}
    outdated = {(finding.execution_id, "executions") for finding in wrong if finding.is_outdated}
    return Rebuilt(
        sum(finding.folded is not None for finding in wrong),
        len((rows | outdated) - {difference.row for difference in left}),
        left,
    )


async def batches(store: Store, after: str, tenant_id: str | None) -> AsyncIterator[list[str]]:
    """The ids of all executions behind one, of all tenants or of one, as many at once as are folded quickly."""
    while found := await store.executions_after(after, tenant_id, _BATCH_EXECUTIONS):
        for ids in cut(found):
            yield ids
        after = found[-1][0]


def cut(found: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Executions, with how many events each has, in parts of which none but a single one has too many."""
    part: list[str] = []
    total = 0
    for execution_id, events in found:
        if part and total + events > _BATCH_EVENTS:
            yield part
            part, total = [], 0
        part.append(execution_id)
        total += events
    if part:
        yield part


async def _findings(tx: Batch, ids: Sequence[str]) -> list[Finding]:
    stored = await tx.stored_rows(ids)
    unreadable: dict[str, str] = {}
    while True:
        try:
            logged = await fold_log(tx, [id_ for id_ in ids if id_ not in unreadable])
        except Unreadable as found:
            unreadable[found.execution_id] = found.event_id
        else:
            return [_finding(id_, stored[id_], logged.get(id_), unreadable.get(id_)) for id_ in ids]


def _finding(execution_id: str, stored: Rows, folded: Folded | None, unreadable: str | None) -> Finding:
    if unreadable is not None:
        said = ("a damaged event", "an event that can be read")
        return Finding(
            execution_id, stored, None, [Difference(execution_id, "execution_events", (unreadable,), "raw", *said)]
        )
    if folded is not None:
        return Finding(execution_id, stored, folded, compare(execution_id, stored, _rows(folded)))
    missing = Difference(execution_id, "execution_events", (), None, "no event", "an event at least")
    return Finding(execution_id, stored, None, [missing] if stored else [])


async def _mend(tx: Batch, wrong: Sequence[Finding]) -> None:
    """Write executions as their log has them."""
    await tx.restore_aliases(
        [
            (folded.execution.tenant_id, folded.execution.external_id, folded.execution.id)
            for finding in wrong
            if (folded := finding.folded)
            and any(difference.table == "execution_aliases" for difference in finding.differences)
        ]
    )
    ids = [finding.execution_id for finding in wrong]
    locked = await tx.lock_executions(ids)
    # A row that is gone cannot be locked, and a recorder may bring it back right now: it is written first.
    gone = [finding.folded for finding in wrong if finding.folded and finding.execution_id not in locked]
    await tx.restore_executions([(folded.execution, folded.recorded_at) for folded in gone])
    # Whoever had them locked may have changed what the look without locks saw.
    findings = [finding for finding in await _findings(tx, ids) if finding.folded]
    await _save(tx, [finding.folded for finding in findings if finding.folded])
    await tx.mark_usage({mark for finding in findings for mark in _usage_marks(finding)})


async def _save(tx: Batch, folded: Sequence[Folded]) -> None:
    ids = [each.execution.id for each in folded]
    await tx.restore_executions([(each.execution, each.recorded_at) for each in folded])
    await tx.restore_steps(ids, [row for each in folded for row in each.steps])
    await tx.replace_labels(ids, [row for each in folded for row in each.labels])
    await tx.restore_llm_calls(ids, [row for each in folded for row in each.llm_calls])
    await tx.restore_tool_calls(ids, [row for each in folded for row in each.tool_calls])
    await tx.name_workflows(latest(named for each in folded for named in each.workflows))
    await tx.name_owners(latest(named for each in folded for named in each.owners))


def _usage_marks(finding: Finding) -> Iterator[UsageMark]:
    """The days that the execution was counted under, and is from now on."""
    rows = [*finding.stored.get("executions", ())]
    rows += _rows(finding.folded)["executions"] if finding.folded else ()
    for row in rows:
        yield (row["tenant_id"], row["owner_id"] or "", row["usage_day"])


def _rows(folded: Folded) -> Rows:
    row = folded.execution
    return {
        "execution_aliases": [{"tenant_id": row.tenant_id, "external_id": row.external_id}],
        "executions": [dict(zip(EXECUTION_COLUMNS, row.flat(), strict=True))],
        "steps": [dict(zip(STEP_COLUMNS, (id_, tenant, *step), strict=True)) for id_, tenant, step in folded.steps],
        "execution_labels": [label._asdict() for label in folded.labels],
        "llm_calls": [call._asdict() for call in folded.llm_calls],
        "tool_calls": [call._asdict() for call in folded.tool_calls],
    }


def _compare_table(table: str, stored: Rows, folded: Rows) -> Iterator[tuple[tuple[Any, ...], str | None, Any, Any]]:
    """Key, field, what is stored and what the log gives."""
    theirs, ours = ({_key(table, row): row for row in rows.get(table, ())} for rows in (stored, folded))
    for key in sorted(theirs.keys() | ours.keys()):
        if key not in theirs:
            yield key, None, "no row", "a row"
        elif key not in ours:
            yield key, None, "a row", "no row"
        else:
            yield from ((key, *found) for found in _compare_row(theirs[key], ours[key]))


def _key(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[column] for column in _KEYS[table])


def _compare_row(stored: Row, folded: Row) -> Iterator[tuple[str, Any, Any]]:
    computed = stored.get("cost_source") == "computed" and "event_id" in folded and folded["cost_source"] != "reported"
    for name, value in folded.items():
        if computed and name in _PRICE:
            continue  # arrival decides the price: only this row has it
        if _comparable(name, stored[name]) != _comparable(name, value):
            yield name, stored[name], value


def _comparable(name: str, value: Any) -> Any:
    """Postgres keeps JSON in a form of its own, and numbers in it exactly."""
    if name in _JSON and isinstance(value, str):
        return json.loads(value, parse_int=_number, parse_float=_number)
    return value


def _number(text: str) -> tuple[Decimal]:
    """Apart from true and false, which Python takes for 1 and 0."""
    return (Decimal(text),)


def _shown(value: Any, longest: int | None) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"
