"""Executions as an orchestrator sees them: what it does becomes events. Knows no Kafka, never waits.

Nothing here raises into the work that it watches, except a strict publisher's PublishError, a TypeError for a misspelt
option and, from a publisher that listens, ExecutionStopped.
"""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

from execledger_contracts.control import LimitData
from execledger_publisher.commands import Block, ExecutionStopped, Inbox, Stop
from execledger_publisher.identifiers import identifier
from execledger_publisher.run import Attempt, Outlet, Run, without_none
from execledger_publisher.said import (
    ExecutionOptions,
    Outcome,
    StepOptions,
    error_data,
    message,
    outcome_data,
    progress_data,
    start_data,
)
from execledger_publisher.scope import Scope, innermost
from execledger_publisher.step import CANCELLATIONS, Step, steps_of_loop
from execledger_publisher.tracing import choose_traceparent


def current_execution() -> "Execution | None":
    """The execution whose block is around this code; None outside of any."""
    scope = innermost()
    return scope._execution if isinstance(scope, Step) else scope if isinstance(scope, Execution) else None  # noqa: SLF001


def current_step() -> Step | None:
    """The innermost step whose block is around this code; None outside of any."""
    scope = innermost()
    return scope if isinstance(scope, Step) else None


class Execution(Scope):
    """One execution. Enter it around the work, or call `start` and one of `complete`, `fail`, `cancel`, `time_out`.

    Leaving it with an exception records a failure with type, message and stack, and the exception goes on;
    cancellation (of the task, by Ctrl-C, by exit) records a cancelled one. The first ending of an attempt counts.
    """

    def __init__(self, outlet: Outlet, parent: Run | None = None, **options: Unpack[ExecutionOptions]) -> None:
        self._said = {**(parent.inherits if parent else {}), **start_data(options)}
        run = _run(outlet, parent, options, self._said)
        super().__init__(run, Attempt(_attempt(options.get("attempt")), Inbox(run.id)))
        self._outcome: dict[str, Any] = {}
        self._block: Block | None = None

    @property
    def id(self) -> str:
        """The external id: the orchestrator's own, by which it is found."""
        return self._run.id

    @property
    def root_id(self) -> str:
        """The external id of the outermost execution; the Kafka key."""
        return self._run.root_id

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context that it is part of."""
        return self._run.traceparent

    @property
    def attempt(self) -> int:
        """The current attempt, from 1."""
        return self._attempt.number

    @property
    def stop_requested(self) -> Stop | None:
        """That Execledger wants the current attempt to stop, and why; only by a publisher with a `control_topic`."""
        return self._attempt.inbox.stop

    @property
    def warnings(self) -> tuple[LimitData, ...]:
        """The limits that are nearly reached, as Execledger warned of them; as above."""
        return self._attempt.inbox.warnings

    def check(self) -> None:
        """Raise ExecutionStopped if the attempt is to stop: for work that no asyncio task runs, from time to time."""
        if (stop := self.stop_requested) is not None:
            raise ExecutionStopped(self.id, stop)

    def create(self) -> Self:
        """Say that it is known of and has not begun: for work that waits in a queue."""
        self._listen()
        self._emit("execution.created", dict(self._said))
        self._said.pop("input", None)  # it may be large, and once is enough
        return self

    def start(self) -> Self:
        """Say that the attempt began, once. Entering the execution does so."""
        if self._attempt.started is None:
            self._attempt.started = self._run.outlet.clock.monotonic()
            self._listen()
            self._emit("execution.started", dict(self._said))
            self._said.pop("input", None)
        return self

    def progress(
        self,
        percent: float | None = None,
        *,
        completed_steps: int | None = None,
        total_steps: int | None = None,
        message: str | None = None,
    ) -> None:
        """Say how far it is; also the heartbeat of a long one."""
        said = {"progress_percent": percent, "completed_steps": completed_steps, "total_steps": total_steps}
        self._emit("execution.progressed", progress_data(**said, message=message))

    def report(self, **outcome: Unpack[Outcome]) -> None:
        """Keep output, result or figures for the ending, whichever it will be."""
        self._outcome |= outcome_data(outcome)

    def complete(self, **outcome: Unpack[Outcome]) -> None:
        """Say that it ended well. Leaving the execution does so."""
        self._end("execution.completed", {}, outcome)

    def fail(self, error: BaseException | str | None = None, **outcome: Unpack[Outcome]) -> None:
        """Say that it ended in an error. Leaving the execution by an exception does so."""
        self._end("execution.failed", {"error": error_data(error)}, outcome)

    def time_out(self, error: BaseException | str | None = None, **outcome: Unpack[Outcome]) -> None:
        """Say that it took too long and was ended for that."""
        self._end("execution.timed_out", {"error": error_data(error)}, outcome)

    def cancel(
        self,
        reason: str | None = None,
        cancelled_by: str | None = None,
        *,
        killed_by_budget: bool | None = None,
        **outcome: Unpack[Outcome],
    ) -> None:
        """Say that it was stopped. Open steps need no word: they end with it."""
        data = {"reason": reason, "cancelled_by": cancelled_by, "killed_by_budget": killed_by_budget}
        self._end("execution.cancelled", data, outcome)

    def retry(self, error: BaseException | str | None = None) -> None:
        """Begin another attempt. The current one has failed with this error, unless it has ended already."""
        self.fail(error)
        self._attempt = Attempt(self._attempt.number + 1, Inbox(self.id))
        self._outcome = {}
        self.start()

    def execution(self, **options: Unpack[ExecutionOptions]) -> "Execution":
        """A child: with this one as parent, its root, tenant and trace, and its owner and session unless given."""
        return Execution(self._run.outlet, self._run, **options)

    def step(self, name: str | None = None, **options: Unpack[StepOptions]) -> Step:
        """A step: one phase, action, task or node. Enter it around its work."""
        return Step(self._run, self._attempt, self, name, options, _prefix(options))

    def _steps_of_loop(self, name: str, options: StepOptions) -> Callable[[int, Any], Step]:
        return steps_of_loop(self._run, self._attempt, self, name, options, _prefix(options))

    def _end(self, type_: str, data: dict[str, Any], outcome: Outcome) -> None:
        attempt = self._attempt
        if attempt.ending is not None:
            return
        attempt.ending = type_.removeprefix("execution.")
        self._run.listen_no_more(attempt)
        measured = {"duration_ms": self._run.milliseconds_since(attempt.started)}
        said = {**measured, **self._outcome, **outcome_data(outcome), **data}
        self._emit(type_, without_none(said))

    def _leave(self, error: BaseException | None) -> None:
        if error is None:
            self.complete()
        elif isinstance(error, CANCELLATIONS):
            self._leave_cancelled(error)
        else:
            self.fail(error)

    def _leave_cancelled(self, error: BaseException) -> None:
        if (stop := self.stop_requested) is None:
            self.cancel(message(error) or type(error).__name__)
        else:
            self.cancel(stop.reason, stop.requested_by or "execledger", killed_by_budget=stop.killed_by_budget)

    def _listen(self) -> None:
        self._run.listen(self._attempt)
        self._attempt.inbox.attach(self._block)

    def __enter__(self) -> Self:
        super().__enter__()
        self._block = self._run.block()  # now: had it raised, no one would leave the block
        self._attempt.inbox.attach(self._block)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        block, self._block = self._block, None
        is_ours = block is not None and block.leave() and isinstance(error, CancelledError)
        super().__exit__(kind, error, trace)
        if is_ours:
            self.check()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._block is not None:
            self._block.over()
        await super().__aexit__(kind, error, trace)

    def __repr__(self) -> str:
        begun = "running" if self._attempt.started is not None else "not begun"
        number = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"<Execution {self.id!r} of {self._run.outlet.source}{number}: {self._attempt.ending or begun}>"


def _run(outlet: Outlet, parent: Run | None, options: ExecutionOptions, said: Mapping[str, Any]) -> Run:
    given = options.get("external_id")
    id_ = identifier(given) if given else outlet.new_id(outlet.clock.now())
    root_id = identifier(said.get("root_execution_id") or said.get("parent_execution_id") or id_)
    shared = {"owner": said.get("owner"), "session_id": said.get("session_id")}
    return Run(
        outlet=outlet,
        id=id_,
        root_id=root_id,
        tenant=identifier(options.get("tenant") or (parent.tenant if parent else outlet.tenant)),
        traceparent=choose_traceparent(options.get("traceparent"), parent.traceparent if parent else None),
        inherits=without_none({**shared, "parent_execution_id": id_, "root_execution_id": root_id}),
    )


def _attempt(number: Any) -> int:
    try:
        return min(max(1, int(number or 1)), 2**31 - 1)
    except (TypeError, ValueError, OverflowError):
        return 1


def _prefix(options: StepOptions) -> str:
    parent = options.get("parent_id")
    return f"{parent}/" if isinstance(parent, str) and parent else ""
