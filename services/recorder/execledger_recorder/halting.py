"""Commands on their way: into the outbox, each halt once."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from execledger_contracts.control import Command, Halt
from execledger_recorder.commanding import PassedDay, daily_halt
from execledger_recorder.store import Batch, HaltKey, LockedExecution, OutboxRow, Store, pack_headers

_HEADERS = pack_headers([("content-type", b"application/cloudevents+json")])


async def send(tx: Batch, called_for: Sequence[tuple[str, Command]], topic: str) -> Counter[str]:
    """Put commands, each with the id of its execution, into the outbox; how many of each type.

    A halt that was given before, in the same attempt, is left out.
    """
    halts = {_halt_key(id_, command) for id_, command in called_for if isinstance(command, Halt)}
    due = await tx.note_halts(sorted(halts)) if halts else set()
    sent = [command for id_, command in called_for if not isinstance(command, Halt) or _halt_key(id_, command) in due]
    await tx.append_outbox([_message(command, topic) for command in sent])
    return Counter(command.type for command in sent)


async def halt_days(store: Store, topic: str) -> Counter[str]:
    """Halt open executions of days whose limit is passed, each once; how many commands that took.

    Of many it takes some: call it until there are none. While another recorder looks after the days there are none.
    """
    async with store.batch() as tx:
        due = await tx.find_daily_halts()
        locked = await tx.lock_executions(sorted({id_ for id_, _ in due})) if due else {}
        now = datetime.now(UTC)
        return await send(
            tx, [(id_, daily_halt(day, now)) for id_, day in due if _is_still(locked.get(id_), day)], topic
        )


def _is_still(execution: LockedExecution | None, passed: PassedDay) -> bool:
    if execution is None:  # dropped by retention meanwhile
        return False
    return execution.status in ("pending", "running") and execution.attempt == passed.attempt


def _halt_key(execution_id: str, halt: Halt) -> HaltKey:
    return (execution_id, halt.attempt, halt.data.limit.kind, halt.data.limit.scope)


def _message(command: Command, topic: str) -> OutboxRow:
    value = command.model_dump_json(exclude_none=True).encode()
    return OutboxRow(topic, (command.partitionkey or "").encode(), value, _HEADERS)
