"""Executions compared with what a fold of their log gives, and mended where they differ."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from execledger_lifecycle import Caps, ExecutionFold
from execledger_recorder.recording import Folded, fold_log, restore, restore_executions
from execledger_recorder.rules.comparison import Difference, Rows, compare, is_outdated, rows_of
from execledger_recorder.rules.feed import REBUILD, FeedEntry
from execledger_recorder.rules.rows import TreeMarks
from execledger_recorder.rules.said import feed_entry, start_hour
from execledger_recorder.store import Batch, Store
from execledger_runtime.errors import LogDamaged

FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
_BATCH_EXECUTIONS: Final = 100
_BATCH_EVENTS: Final = 10_000  # about 10 MB of log, and half a second to fold


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
    while found := await store.executions.after(after, tenant_id, _BATCH_EXECUTIONS):
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
    stored = await tx.rebuild.stored_rows(ids)
    unreadable: dict[str, str] = {}
    while True:
        try:
            logged = await fold_log(tx, [id_ for id_ in ids if id_ not in unreadable], _caps(stored))
        except LogDamaged as found:
            unreadable[found.execution_id] = found.event_id
        else:
            return [_finding(id_, stored[id_], logged.get(id_), unreadable.get(id_)) for id_ in ids]


def _caps(stored: Mapping[str, Rows]) -> dict[str, Caps | None]:
    """Those that held of executions whose folds can be read."""
    folds = {id_: ExecutionFold.load(row["fold"]) for id_, rows in stored.items() for row in rows.get("executions", ())}
    return {id_: fold.caps for id_, fold in folds.items() if fold is not None}


def _finding(execution_id: str, stored: Rows, folded: Folded | None, unreadable: str | None) -> Finding:
    if unreadable is not None:
        said = ("a damaged event", "an event that can be read")
        return Finding(
            execution_id, stored, None, [Difference(execution_id, "execution_events", (unreadable,), "raw", *said)]
        )
    if folded is not None:
        return Finding(execution_id, stored, folded, compare(execution_id, stored, rows_of(folded.change)))
    missing = Difference(execution_id, "execution_events", (), None, "no event", "an event at least")
    return Finding(execution_id, stored, None, [missing] if stored else [])


async def _mend(tx: Batch, wrong: Sequence[Finding]) -> None:
    """Write executions as their log has them."""
    await tx.rebuild.restore_aliases(
        [
            (judged.tenant_id, judged.external_id, judged.id)
            for finding in wrong
            if finding.folded
            and (judged := finding.folded.change.judged)
            and any(difference.table == "execution_aliases" for difference in finding.differences)
        ]
    )
    ids = [finding.execution_id for finding in wrong]
    locked = await tx.lock_executions(ids)
    # A row that is gone cannot be locked, and a recorder may bring it back right now: it is written first.
    gone = [finding.folded for finding in wrong if finding.folded and finding.execution_id not in locked]
    await restore_executions(tx, gone)
    # Whoever had them locked may have changed what the look without locks saw.
    findings = [finding for finding in await _findings(tx, ids) if finding.folded]
    await restore(tx, [finding.folded for finding in findings if finding.folded])
    rows = [row for finding in findings for row in _rows_before_and_after(finding)]
    days = {(row["tenant_id"], row["owner_id"] or "", row["usage_day"]) for row in rows}
    hours = {(row["tenant_id"], start_hour(row["started_at"], row["created_at"])) for row in rows}
    await tx.mark(days, _tree_marks(rows), hours)
    await tx.append_changes(REBUILD, [entry for finding in findings for entry in _feed_entries(finding)])


def _feed_entries(finding: Finding) -> Iterator[FeedEntry]:
    if finding.folded:
        before = [stored["status"] for stored in finding.stored.get("executions", ())]
        yield feed_entry(finding.folded.change, before[0] if before else None)


def _rows_before_and_after(finding: Finding) -> list[Mapping[str, Any]]:
    """Of executions: the days and the trees that they were counted in, and are from now on."""
    return [
        *finding.stored.get("executions", ()),
        *(rows_of(finding.folded.change)["executions"] if finding.folded else ()),
    ]


def _tree_marks(rows: Iterable[Mapping[str, Any]]) -> TreeMarks:
    marks = TreeMarks(set(), set())
    for row in rows:
        marks.add((row["tenant_id"], row["external_id"]), row["root_execution_id"])
    return marks
