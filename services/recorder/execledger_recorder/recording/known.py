"""Which executions a batch is about: each with an id, and with its row locked."""

from collections.abc import Mapping, Sequence, Set

from execledger_recorder.recording.refolding import fold_log, restore_executions
from execledger_recorder.rules.arrivals import Arrived
from execledger_recorder.rules.ids import new_id, wanted_id
from execledger_recorder.rules.months import Month
from execledger_recorder.rules.needs import Known
from execledger_recorder.rules.rows import Alias, LockedExecution
from execledger_recorder.store import Batch


async def lock(tx: Batch, arrivals: Mapping[Alias, Sequence[Arrived]], nowhere: Set[Month]) -> list[Known]:
    """The executions of a batch as they were recorded, locked, in id order; no new id lies in months without place."""
    known = await tx.find_aliases(list(arrivals))
    firsts = {alias: arrived[0] for alias, arrived in arrivals.items() if alias not in known}
    added = await _add_aliases(tx, firsts, known, nowhere)
    locked = await tx.lock_executions(sorted(known.values()))
    if lost := sorted(set(known.values()) - locked.keys()):
        locked |= await _restore(tx, lost)
    executions = [Known(id_, alias, locked.get(id_), id_ in lost, tx.caps) for alias, id_ in (known | added).items()]
    return sorted(executions, key=lambda execution: execution.id)


async def _add_aliases(
    tx: Batch, firsts: Mapping[Alias, Arrived], known: dict[Alias, str], nowhere: Set[Month]
) -> dict[Alias, str]:
    """Ids for executions that are new; what another recorder adds meanwhile goes to `known`."""
    added: dict[Alias, str] = {}
    wanted = {
        alias: wanted_id(alias[1], record.timestamp_ms, decoded.event.time, nowhere)
        for alias, (record, decoded) in firsts.items()
    }
    while wanted:
        added |= await tx.add_aliases(wanted)
        wanted = {alias: id_ for alias, id_ in wanted.items() if alias not in added}
        if wanted:
            known |= await tx.find_aliases(list(wanted))
            # What is neither added nor known has an id that another execution took: it gets one of our own making.
            wanted = {alias: new_id(firsts[alias][1].event.time, nowhere) for alias in wanted if alias not in known}
    return added


async def _restore(tx: Batch, lost: Sequence[str]) -> dict[str, LockedExecution]:
    """Write the rows that somebody deleted anew from the log. Nobody held them so far: fold them again once locked."""
    folded = await fold_log(tx, lost)
    await restore_executions(tx, list(folded.values()))
    return await tx.lock_executions(lost)
