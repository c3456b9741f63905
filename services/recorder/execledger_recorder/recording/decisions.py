"""Decisions driven on: what they ask for is fetched for all at once; where one pauses, other work has its turn."""

import asyncio
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog

from execledger_lifecycle import Entry
from execledger_recorder.recording.log import read_log
from execledger_recorder.rules import checkpoint
from execledger_recorder.rules.change import Change, Decision, Judged
from execledger_recorder.rules.checkpoint import Checkpoint
from execledger_recorder.rules.needs import Before, Digests, Log, Pause, StepKeys, Steps
from execledger_recorder.store import Batch

log = structlog.get_logger()

_DECISIONS_A_TURN: Final = 10  # less than a millisecond
_T = TypeVar("_T")
_Asked = Digests | Steps | StepKeys | Before | Log


async def judge(tx: Batch, decisions: Sequence[Decision]) -> list[Judged]:
    """What became of what arrived, for each decision."""
    judged: dict[int, Judged] = {}
    answers: Mapping[int, Any] = dict.fromkeys(range(len(decisions)))
    while answers:
        needs: dict[int, _Asked] = {}
        for number, answer in answers.items():
            said = decisions[number].send(answer)
            while isinstance(said, Pause):
                await asyncio.sleep(0)
                said = next(decisions[number])
            if isinstance(said, Judged):
                judged[number] = said
            else:
                needs[number] = said
        answers = await _answers(tx, needs)
    return [judged[number] for number in range(len(decisions))]


async def settle(decisions: Sequence[Decision]) -> list[Change]:
    """The changes that decisions come to once they have judged; what is under way to Postgres goes on meanwhile."""
    changes: list[Change] = []
    for number, decision in enumerate(decisions):
        if (change := await finish(decision)) is not None:
            changes.append(change)
        if number % _DECISIONS_A_TURN == 0:
            await asyncio.sleep(0)
    return changes


async def finish(decision: Generator[Any, Any, _T]) -> _T:
    """What a decision that only pauses comes to."""
    while True:
        try:
            next(decision)
        except StopIteration as end:
            result: _T = end.value
            return result
        await asyncio.sleep(0)


async def _answers(tx: Batch, needs: Mapping[int, _Asked]) -> dict[int, Any]:
    digests = await _digests(tx, [need for need in needs.values() if isinstance(need, Digests)])
    steps = await _steps(tx, [need for need in needs.values() if isinstance(need, Steps)])
    logs = await _logs(tx, [need for need in needs.values() if isinstance(need, Log)])
    checkpoints = {need.execution_id: await _before(tx, need) for need in needs.values() if isinstance(need, Before)}
    ids = [need.execution_id for need in needs.values() if isinstance(need, StepKeys)]
    keys = {execution_id: await tx.step_keys(execution_id) for execution_id in ids}
    found: dict[type, Mapping[str, Any]] = {
        Digests: digests,
        Steps: steps,
        StepKeys: keys,
        Before: checkpoints,
        Log: logs,
    }
    return {number: found[type(need)][need.execution_id] for number, need in needs.items()}


async def _digests(tx: Batch, needs: Sequence[Digests]) -> Mapping[str, Mapping[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {need.execution_id: {} for need in needs}
    if keys := [(need.execution_id, event_id) for need in needs for event_id in need.event_ids]:
        for (execution_id, event_id), digest in (await tx.log.digests(keys)).items():
            found[execution_id][event_id] = digest
    return found


async def _steps(tx: Batch, needs: Sequence[Steps]) -> Mapping[str, Collection[str]]:
    stored: list[tuple[str, str]] = []
    if tries := [(need.execution_id, step, count) for need in needs for step, count in need.tries.items()]:
        stored += await tx.find_steps(tries)
    if named := [(need.execution_id, key) for need in needs for key in need.named]:
        stored += await tx.find_tries(named)
    if ids := [need.execution_id for need in needs if need.with_open]:
        stored += await tx.find_open_steps(ids)
    found: dict[str, dict[str, None]] = {need.execution_id: {} for need in needs}
    for execution_id, fold in stored:
        found[execution_id][fold] = None  # of those that are touched some are open
    return found


async def _logs(tx: Batch, needs: Sequence[Log]) -> Mapping[str, Sequence[Entry]]:
    for need in needs:
        if need.damaged:
            fact = {"table": need.damaged, "execution_id": need.execution_id}
            log.warning("fold_damaged", **fact, instead="folded again from the log")
    whole = [need.execution_id for need in needs if need.behind is None]
    found = await read_log(tx, whole) if whole else {}
    for need in needs:
        if need.behind is not None:
            found |= await read_log(tx, [need.execution_id], need.behind)
    return found


async def _before(tx: Batch, need: Before) -> Checkpoint | None:
    stored = [checkpoint.head_of(*row) for row in await tx.checkpoints.heads(need.execution_id)]
    if (at := checkpoint.latest_before(stored, need.key)) is None:
        return None
    return checkpoint.read(at, await tx.checkpoints.state(need.execution_id, at.version))
