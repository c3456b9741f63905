"""Executions and steps as an orchestrator sees them: what it does becomes events. Knows no Kafka, never waits.

The same objects serve `with` and `async with`. Nothing here raises into the work that it watches, except a strict
publisher's PublishError, a TypeError for a misspelt option and, from a publisher that listens, ExecutionStopped.
"""

from asyncio import CancelledError
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload

from execledger_contracts.control import LimitData
from execledger_publisher.commands import Block, ExecutionStopped, Inbox, Stop
from execledger_publisher.drops import PublishError
from execledger_publisher.run import Attempt, Outlet, Run, without_none
from execledger_publisher.said import (
    ExecutionOptions,
    MoneyLike,
    Outcome,
    StepOptions,
    StepOutcome,
    error_data,
    message,
    money,
    outcome_data,
    start_data,
    step_identity,
    step_outcome_data,
)
from execledger_publisher.tracing import choose_traceparent

Item = TypeVar("Item")

_CANCELLATIONS: Final = (CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, ExecutionStopped)


class _Scope:
    """What an execution and a step have in common: calls, events, and being entered and left."""

    def __init__(self, run: Run, attempt: Attempt) -> None:
        self._run = run
        self._attempt = attempt

    def llm_called(
        self,
        *,
        provider: str | None = None,
        model: str | None = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        cached_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        cost_usd: MoneyLike | None = None,
        duration_ms: int | None = None,
        agent_id: str | None = None,
        cache_hit: bool | None = None,
    ) -> None:
        """A model was called. Cached and reasoning tokens are parts of the two before."""
        call = {
            "provider": provider,
            "model": model,
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "cached_tokens": cached_tokens,
            "reasoning_tokens": reasoning_tokens,
            "cost_usd": money(cost_usd),
            "duration_ms": duration_ms,
            "cache_hit": cache_hit,
        }
        self._emit("llm.called", without_none({**call, **self._caller(agent_id)}))

    def tool_called(
        self,
        tool_name: str,
        *,
        success: bool | None = None,
        duration_ms: int | None = None,
        error: str | BaseException | None = None,
        input: Any = None,  # noqa: A002 - the contract's word
        output: Any = None,
        agent_id: str | None = None,
        cache_hit: bool | None = None,
    ) -> None:
        """A tool was called. It succeeded unless said otherwise, or an error is given."""
        call = {
            "tool_name": tool_name,
            "success": error is None if success is None else success,
            "duration_ms": duration_ms,
            "error": message(error) if isinstance(error, BaseException) else error,
            "cache_hit": cache_hit,
            "input": input,
            "output": output,
        }
        self._emit("tool.called", without_none({**call, **self._caller(agent_id)}))

    def event(self, type: str, data: Any = None) -> None:  # noqa: A002 - the contract's word
        """Anything else worth keeping, as `agent.thinking`: kept in the log, changes no state."""
        self._emit(type, data)

    def start(self) -> Self:
        """Say that it began, once. Entering it does so."""
        raise NotImplementedError

    def _emit(self, type_: str, data: Any) -> None:
        self._run.publish(self._attempt, type_, data)

    def _caller(self, agent_id: str | None) -> dict[str, Any]:
        return {"agent_id": agent_id}

    def _leave(self, error: BaseException | None) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._leave(None)
        else:
            with suppress(PublishError):  # the work's own error is the one to see
                self._leave(error)

    async def __aenter__(self) -> Self:
        await self._run.outlet.room()
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._run.outlet.room()
        finally:
            self.__exit__(kind, error, trace)


class Execution(_Scope):
    """One execution. Enter it around the work, or call `start` and one of `complete`, `fail`, `cancel`, `time_out`.

    Leaving it with an exception records a failure with type, message and stack, and the exception goes on;
    cancellation (of the task, by Ctrl-C, by exit) records a cancelled one. The first ending of an attempt counts.
    """

    def __init__(self, outlet: Outlet, parent: Run | None = None, **options: Unpack[ExecutionOptions]) -> None:
        self._said = {**(parent.inherits if parent else {}), **start_data(options)}
        run = _run(outlet, parent, options, self._said)
        super().__init__(run, Attempt(options.get("attempt") or 1, Inbox(run.id)))
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
        percent: int | None = None,
        *,
        completed_steps: int | None = None,
        total_steps: int | None = None,
        message: str | None = None,
    ) -> None:
        """Say how far it is; also the heartbeat of a long one."""
        data = {"progress_percent": percent, "completed_steps": completed_steps}
        self._emit("execution.progressed", without_none({**data, "total_steps": total_steps, "message": message}))

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

    def step(self, name: str | None = None, **options: Unpack[StepOptions]) -> "Step":
        """A step: one phase, action, task or node. Enter it around its work."""
        return Step(self._run, self._attempt, name, options)

    @overload
    def loop(
        self, name: str, items: Iterable[Item], **options: Unpack[StepOptions]
    ) -> Iterator[tuple[Item, "Step"]]: ...
    @overload
    def loop(
        self, name: str, items: AsyncIterable[Item], **options: Unpack[StepOptions]
    ) -> AsyncIterator[tuple[Item, "Step"]]: ...
    def loop(
        self, name: str, items: Iterable[Item] | AsyncIterable[Item], **options: Unpack[StepOptions]
    ) -> Iterator[tuple[Item, "Step"]] | AsyncIterator[tuple[Item, "Step"]]:
        """Each item with the step for it: iteration from 1, of so many items, the item as its input.

            for page, step in execution.loop("translate", pages):
                with step:
                    ...

        Enter each step yourself: a loop alone does not learn that its body failed.
        """
        if isinstance(items, Sized):
            options.setdefault("total_items", len(items))
        if isinstance(items, AsyncIterable):
            return self._each_later(name, items, options)
        return self._each(name, items, options)

    def _each(self, name: str, items: Iterable[Item], options: StepOptions) -> Iterator[tuple[Item, "Step"]]:
        for iteration, item in enumerate(items, 1):
            yield item, self._iteration(name, iteration, item, options)

    async def _each_later(
        self, name: str, items: AsyncIterable[Item], options: StepOptions
    ) -> AsyncIterator[tuple[Item, "Step"]]:
        iteration = 0
        async for item in items:
            iteration += 1
            yield item, self._iteration(name, iteration, item, options)

    def _iteration(self, name: str, iteration: int, item: Any, options: StepOptions) -> "Step":
        return self.step(name, **{"input": item, **options, "iteration": iteration})

    def _end(self, type_: str, data: dict[str, Any], outcome: Outcome) -> None:
        attempt = self._attempt
        if attempt.has_ended:
            return
        attempt.has_ended = True
        self._run.listen_no_more(attempt)
        measured = {"duration_ms": self._run.milliseconds_since(attempt.started)}
        said = {**measured, **self._outcome, **outcome_data(outcome), **data}
        self._emit(type_, without_none(said))

    def _leave(self, error: BaseException | None) -> None:
        if error is None:
            self.complete()
        elif isinstance(error, _CANCELLATIONS):
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
        self.start()
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


class Step(_Scope):
    """One step of an execution. Enter it around its work, or call `start` and one of the endings.

    It belongs to the attempt in which it was made. The first ending counts.
    """

    def __init__(self, run: Run, attempt: Attempt, name: str | None, options: StepOptions) -> None:
        super().__init__(run, attempt)
        self._identity = step_identity(name, options)
        self._said = {"input": options.get("input"), "metadata": options.get("metadata")}
        self._outcome: dict[str, Any] = {}
        self._started: float | None = None
        self._has_ended = False

    @property
    def id(self) -> str | None:
        """Its id, by default its name."""
        return self._identity.get("id") or self._identity.get("name")

    def start(self) -> Self:
        """Say that it began, once. Entering the step does so."""
        if self._started is None and not self._has_ended:
            self._started = self._run.outlet.clock.monotonic()
            self._emit("step.started", without_none({"step": self._identity, **self._said}))
        return self

    def report(self, **outcome: Unpack[StepOutcome]) -> None:
        """Keep its output or metadata for the ending, whichever it will be."""
        self._outcome |= step_outcome_data(outcome)

    def complete(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it ended well. Leaving the step does so."""
        self._end("step.completed", {}, outcome)

    def fail(self, error: BaseException | str | None = None, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it ended in an error. Leaving the step by an exception does so."""
        self._end("step.failed", {"error": error_data(error)}, outcome)

    def time_out(self, error: BaseException | str | None = None, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it took too long and was ended for that."""
        self._end("step.timed_out", {"error": error_data(error)}, outcome)

    def cancel(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it was stopped, while its execution may go on."""
        self._end("step.cancelled", {}, outcome)

    def skip(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it was passed over, before it began or in its midst."""
        self._end("step.skipped", {}, outcome)

    def step(self, name: str | None = None, **options: Unpack[StepOptions]) -> "Step":
        """A step within this one."""
        if self.id is not None:
            options.setdefault("parent_id", self.id)
        return Step(self._run, self._attempt, name, options)

    def execution(self, **options: Unpack[ExecutionOptions]) -> Execution:
        """A child of the execution that this step belongs to."""
        return Execution(self._run.outlet, self._run, **options)

    def _end(self, type_: str, data: dict[str, Any], outcome: StepOutcome) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        measured = {"step": self._identity, "duration_ms": self._run.milliseconds_since(self._started)}
        said = {**measured, **self._outcome, **step_outcome_data(outcome), **data}
        self._emit(type_, without_none(said))

    def _leave(self, error: BaseException | None) -> None:
        if error is None:
            self.complete()
        elif isinstance(error, _CANCELLATIONS):
            self.cancel()
        else:
            self.fail(error)

    def _caller(self, agent_id: str | None) -> dict[str, Any]:
        return {"agent_id": agent_id or self._identity.get("agent_id"), "step_id": self.id}


def _run(outlet: Outlet, parent: Run | None, options: ExecutionOptions, said: Mapping[str, Any]) -> Run:
    id_ = options.get("external_id") or outlet.new_id(outlet.clock.now())
    root_id = said.get("root_execution_id") or said.get("parent_execution_id") or id_
    shared = {"owner": said.get("owner"), "session_id": said.get("session_id")}
    return Run(
        outlet=outlet,
        id=id_,
        root_id=root_id,
        tenant=options.get("tenant") or (parent.tenant if parent else outlet.tenant),
        traceparent=choose_traceparent(options.get("traceparent"), parent.traceparent if parent else None),
        inherits=without_none({**shared, "parent_execution_id": id_, "root_execution_id": root_id}),
    )
