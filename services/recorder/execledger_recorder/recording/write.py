"""Changes written."""

from collections.abc import Collection, Sequence
from typing import assert_never

from execledger_recorder.rules import checkpoint, said, tables
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.tables import Row, Table, Writing
from execledger_recorder.store import Batch


async def save(tx: Batch, changes: Sequence[Change]) -> None:
    """Write what changes say of executions."""
    for table in tables.TABLES:
        match table.writing:
            case Writing.UPSERT:
                await tx.derived.forget(table, sorted(key for change in changes for key in table.gone(change)))
                await tx.derived.upsert(table, rows(table, changes))
            case Writing.APPEND:
                await tx.derived.append(table, rows(table, changes))
            case Writing.REPLACE:
                changed = [change for change in changes if table.is_changed(change)]
                known = [change.judged.id for change in changed if change.before]
                await tx.derived.replace(table, known, rows(table, changed))
            case Writing.BEFOREHAND:
                pass
            case _:
                assert_never(table.writing)
    await save_checkpoints(tx, changes)
    save_names(tx, changes)
    await tx.mark(
        said.usage_marks(changes),
        said.tree_marks(changes),
        said.hour_marks(changes),
        said.event_counts(changes),
    )


async def save_checkpoints(tx: Batch, changes: Sequence[Change]) -> None:
    """Drop those that are void, and add those that were taken."""
    await tx.checkpoints.void(
        [
            (change.judged.id, change.checkpoints.kept_upto)
            for change in changes
            if change.checkpoints.kept_upto is not None
        ]
    )
    for change in changes:
        if taken := change.checkpoints.taken:
            await tx.checkpoints.add(change.judged.id, taken, checkpoint.kept(change.record.version))


def save_names(tx: Batch, changes: Sequence[Change]) -> None:
    """Write what changes say that workflows and owners are called."""
    tx.name_workflows(said.workflows(changes))
    tx.name_owners(said.owners(changes))


def rows(table: Table, changes: Collection[Change]) -> list[Row]:
    """The rows of a table that changes write."""
    return [row for change in changes for row in table.rows(change)]
