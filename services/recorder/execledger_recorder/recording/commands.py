"""Commands on their way: into the outbox, what a limit calls for once."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from execledger_contracts.control import Command, Halt, Warn
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.rows import LimitKey
from execledger_recorder.store import Batch, OutboxRow, pack_headers

_HEADERS = pack_headers([("content-type", b"application/cloudevents+json")])


class CalledFor(NamedTuple):
    """A command, the id of the execution that it is for, and the day of the limit that calls for it, if it has one."""

    execution_id: str
    command: Command
    day: date | None = None


def called_for(changes: Sequence[Change]) -> list[CalledFor]:
    """The commands that changes call for."""
    return [CalledFor(change.judged.id, command) for change in changes for command in change.commands]


async def send(tx: Batch, called_for: Sequence[CalledFor], topic: str) -> Counter[str]:
    """Put commands into the outbox; how many of each type.

    One that a limit called for before, in the same attempt, is left out; so is one for a budget that the execution
    passed by itself, and its tree has passed too, or the other way round.
    """
    if not called_for:
        return Counter()
    limited = {key: each for each in called_for if (key := _limit_key(each)) is not None}
    due = await tx.note_limit_commands(sorted(limited, key=str)) if limited else set()
    sent = [each.command for each in called_for if (key := _limit_key(each)) is None or key in due]
    await tx.append_outbox([_message(command, topic) for command in sent])
    return Counter(command.type for command in sent)


def _limit_key(called: CalledFor) -> LimitKey | None:
    command = called.command
    if not isinstance(command, Halt | Warn):
        return None
    limit, type_ = command.data.limit, command.type.removeprefix("execution.")
    whose = "budget" if limit.scope in ("execution", "tree") else limit.scope
    return (called.execution_id, command.attempt, type_, limit.kind, whose, called.day, Decimal(limit.value))


def _message(command: Command, topic: str) -> OutboxRow:
    value = command.model_dump_json(exclude_none=True).encode()
    return OutboxRow(topic, (command.partitionkey or "").encode(), value, _HEADERS)
