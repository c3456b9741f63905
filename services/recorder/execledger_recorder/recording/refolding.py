"""Executions folded from their first events on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from execledger_lifecycle import Caps
from execledger_recorder.recording import write
from execledger_recorder.recording.decisions import finish, judge, settle
from execledger_recorder.recording.log import read_log
from execledger_recorder.rules import change, said, tables
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.needs import Known
from execledger_recorder.store import Batch

_NONE_KNOWN: Final[Mapping[str, Caps | None]] = {}


class Folded(NamedTuple):
    """What the log of an execution gives, whatever the tables hold."""

    change: Change
    recorded_at: datetime


async def fold_log(
    tx: Batch, execution_ids: Sequence[str], caps: Mapping[str, Caps | None] = _NONE_KNOWN
) -> dict[str, Folded]:
    """The executions with these ids as their logs have them, with the caps that are known to hold of some, else with
    those of the settings; those without any event are left out."""
    clocks = await tx.log.clocks(execution_ids)
    folded: dict[str, Folded] = {}
    for execution_id, entries in (await read_log(tx, list(clocks))).items():
        heard_at, recorded_at = clocks[execution_id]
        # The loop turns: a recorder that audits itself records meanwhile.
        decision = change.fold_log(execution_id, entries, heard_at, caps.get(execution_id, tx.caps))
        folded[execution_id] = Folded(await finish(decision), recorded_at)
    return folded


async def refold(tx: Batch, ids: Sequence[str], lane: str) -> int:
    """Fold executions again from the log, with the prices that are stored, and save them; how many there were.

    Sends no commands, and moves no account. Those who follow the feed are told in that lane.
    """
    locked = await tx.lock_executions(sorted(ids))
    known = [Known(id_, (row.tenant_id, row.external_id), row, caps=tx.caps) for id_, row in locked.items()]
    decisions = [change.refold(each) for each in known]
    await judge(tx, decisions)
    changes = await settle(decisions)
    await write.save(tx, changes)
    await tx.append_changes(lane, said.feed_entries(changes))
    return len(decisions)


async def restore(tx: Batch, folded: Sequence[Folded]) -> None:
    """Leave the rows of executions as their logs have them."""
    await restore_executions(tx, folded)
    changes = [each.change for each in folded]
    for table in tables.TABLES:
        if table not in (tables.ALIASES, tables.EXECUTIONS):
            ids = [change.judged.id for change in changes]
            await tx.rebuild.restore(table, ids, write.rows(table, changes))
    await write.save_checkpoints(tx, changes)
    write.save_names(tx, changes)


async def restore_executions(tx: Batch, folded: Sequence[Folded]) -> None:
    """Write their rows, also what no later event changes."""
    rows = write.rows(tables.EXECUTIONS, [each.change for each in folded])
    await tx.rebuild.restore_executions(rows, [each.recorded_at for each in folded])
