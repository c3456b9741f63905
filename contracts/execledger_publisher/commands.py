"""What Execledger tells the executions that run here, and how it reaches their work. Knows no Kafka.

A command is for one attempt of one execution. It is kept in that attempt's inbox; one that says stop also cancels the
asyncio task in which the execution's block runs, for as long as the block lasts.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Self, assert_never
from weakref import WeakValueDictionary

from pydantic import Field, TypeAdapter, ValidationError

from execledger_contracts.control import Cancel, Halt, Limit, LimitData, Replay, Warn
from execledger_publisher.drops import log


@dataclass(frozen=True, slots=True)
class Stop:
    """That an execution shall stop, and why. `limit` is the one that it passed, if that is why."""

    reason: str | None
    requested_by: str | None = None
    limit: Limit | None = None

    @property
    def killed_by_budget(self) -> bool:
        """Whether it passed a limit; else somebody asked for it."""
        return self.limit is not None


class ExecutionStopped(Exception):  # noqa: N818 - it did what it was told
    """Raised out of an execution's block that Execledger stopped; only by a publisher with a `control_topic`."""

    def __init__(self, execution_id: str, stop: Stop) -> None:
        super().__init__(execution_id, stop)
        self.execution_id = execution_id
        self.stop = stop

    def __str__(self) -> str:
        return f"execution {self.execution_id} was stopped: {self.stop.reason or 'somebody asked for it'}"


class Block:
    """A block that an asyncio task runs, and that task, which can be cancelled for as long as the block lasts.

    As with `asyncio.timeout`, a cancellation from here is taken back when the block is left: none comes after it.
    """

    def __init__(self, task: asyncio.Task[object]) -> None:
        self._task = task
        self._cancelled_before = task.cancelling()
        self._cancellations = 0
        self._lasts = True

    @classmethod
    def here(cls) -> Self | None:
        """The block that begins here; None where no task runs, as in a thread."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return None
        return None if task is None else cls(task)

    def soon(self, call: Callable[[], None]) -> None:
        """Call it in the task's event loop, between two steps of the task; from any thread."""
        with suppress(RuntimeError):  # the loop is closed, and the task with it
            self._task.get_loop().call_soon_threadsafe(call)

    def cancel(self, message: str) -> None:
        """Cancel the task, unless the block is over. In the task's event loop only."""
        if self._lasts and self._task.cancel(message):
            self._cancellations += 1

    def over(self) -> None:
        """Say that its work is done, if not what comes after it: it is not cancelled any more."""
        self._lasts = False

    def leave(self) -> bool:
        """Take the cancellations back; whether there were any, and the task has been cancelled from nowhere else."""
        self._lasts = False
        for _ in range(self._cancellations):
            self._task.uncancel()
        return self._cancellations > 0 and self._task.cancelling() <= self._cancelled_before


class Inbox:
    """What one attempt was told. Filled by the listener, looked at by the work; they may be different threads."""

    def __init__(self, execution_id: str) -> None:
        self.stop: Stop | None = None
        self.warnings: tuple[LimitData, ...] = ()
        self._execution_id = execution_id
        self._block: Block | None = None
        self._may_interrupt = True
        self._known: set[str] = set()

    def take(self, command: Halt | Warn | Cancel) -> None:
        """Keep a command, unless it came before. The first that says stop is the one that counts."""
        if command.id in self._known:
            return
        self._known.add(command.id)
        match command:
            case Warn(data=data):
                self.warnings = (*self.warnings, data)
            case Halt(data=data):
                self._stop(Stop(data.reason, limit=data.limit))
            case Cancel(data=asked):
                self._stop(Stop(asked.reason, asked.requested_by))
            case _:
                assert_never(command)

    def attach(self, block: Block | None) -> None:
        """The block that does the work: cancelled on a stop, also on one that has come already."""
        self._block = block
        if self.stop is not None and block is not None:
            block.soon(self._interrupt)

    def close(self) -> None:
        """The attempt has ended: its work is not interrupted any more."""
        self._may_interrupt = False

    def _stop(self, stop: Stop) -> None:
        if self.stop is None:
            self.stop = stop
            if self._block is not None:
                self._block.soon(self._interrupt)

    def _interrupt(self) -> None:
        if self._may_interrupt and self._block is not None and self.stop is not None:
            self._may_interrupt = False  # once
            self._block.cancel(str(ExecutionStopped(self._execution_id, self.stop)))


Place = tuple[str, str, int]
"""Tenant, external id and attempt."""


class Running:
    """The inboxes of the attempts that run here. Forgets those that nobody holds any more."""

    def __init__(self) -> None:
        self._inboxes: WeakValueDictionary[Place, Inbox] = WeakValueDictionary()

    def add(self, place: Place, inbox: Inbox) -> None:
        """From now on commands for this attempt go there."""
        with suppress(TypeError):  # an id that is no text, which is no command's either
            self._inboxes[place] = inbox

    def remove(self, place: Place, inbox: Inbox) -> None:
        """Commands for this attempt do not go there any more."""
        with suppress(TypeError):  # as above
            if self._inboxes.get(place) is inbox:
                self._inboxes.pop(place, None)

    def hear(self, value: bytes | None) -> None:
        """Hand a command to the attempt that it is for, if it runs here. Never raises, whatever the bytes are."""
        try:
            command = _COMMAND.validate_json(value or b"")
        except ValidationError as error:
            log.info("A record on the control topic is no command that is known here: %s", _first(error))
            return
        if isinstance(command, Replay):
            return  # about an execution that has ended, and heard by every process: no one is to run it
        inbox = self._inboxes.get((command.tenantid, command.subject, command.attempt))
        if inbox is not None:
            log.info("%s for execution %s: %s", command.type, command.subject, command.data.reason)
            inbox.take(command)


_COMMAND: Final[TypeAdapter[Halt | Warn | Cancel | Replay]] = TypeAdapter(
    Annotated[Halt | Warn | Cancel | Replay, Field(discriminator="type")]
)


def _first(error: ValidationError) -> str:
    """Which field is at fault, and how; not the value, which may be anything."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
