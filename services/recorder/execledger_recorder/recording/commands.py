"""Commands on their way: into the outbox, each halt once."""

from collections import Counter
from collections.abc import Sequence

from execledger_contracts.control import Command, Halt
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.rows import HaltKey
from execledger_recorder.store import Batch, OutboxRow, pack_headers

_HEADERS = pack_headers([("content-type", b"application/cloudevents+json")])


def called_for(changes: Sequence[Change]) -> list[tuple[str, Command]]:
    """The commands that changes call for, each with the id of its execution."""
    return [(change.judged.id, command) for change in changes for command in change.commands]


async def send(tx: Batch, called_for: Sequence[tuple[str, Command]], topic: str) -> Counter[str]:
    """Put commands, each with the id of its execution, into the outbox; how many of each type.

    A halt that was given before, in the same attempt, is left out.
    """
    if not called_for:
        return Counter()
    halts = {_halt_key(id_, command) for id_, command in called_for if isinstance(command, Halt)}
    due = await tx.note_halts(sorted(halts)) if halts else set()
    sent = [command for id_, command in called_for if not isinstance(command, Halt) or _halt_key(id_, command) in due]
    await tx.append_outbox([_message(command, topic) for command in sent])
    return Counter(command.type for command in sent)


def _halt_key(execution_id: str, halt: Halt) -> HaltKey:
    return (execution_id, halt.attempt, halt.data.limit.kind, halt.data.limit.scope)


def _message(command: Command, topic: str) -> OutboxRow:
    value = command.model_dump_json(exclude_none=True).encode()
    return OutboxRow(topic, (command.partitionkey or "").encode(), value, _HEADERS)
