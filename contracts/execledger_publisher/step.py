"""Steps as an orchestrator sees them. Knows no Kafka, never waits."""

from asyncio import CancelledError
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

from execledger_publisher.commands import ExecutionStopped
from execledger_publisher.identifiers import shown
from execledger_publisher.naming import Place, flow
from execledger_publisher.run import Attempt, Run, without_none
from execledger_publisher.said import (
    ExecutionOptions,
    StepOptions,
    StepOutcome,
    check_names,
    error_data,
    step_outcome_data,
)
from execledger_publisher.scope import Scope

if TYPE_CHECKING:
    from execledger_publisher.execution import Execution

CANCELLATIONS: Final = (CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, ExecutionStopped)
_SAID_OF_IT: Final = ("operation", "iteration", "total_items", "agent_id", "parent_id")


class Step(Scope):
    """One step of an execution. Enter it around its work, or call `start` and one of the endings.

    It belongs to the attempt in which it was made. The first ending counts; begun again after a failure, it is tried
    again.
    """

    def __init__(
        self,
        run: Run,
        attempt: Attempt,
        execution: "Execution",
        name: str | None,
        options: StepOptions,
        prefix: str = "",
        loop_id: str | None = None,
    ) -> None:
        check_names(options, StepOptions)
        super().__init__(run, attempt)
        self._execution = execution
        self._name = _text(name or options.get("id") or options.get("operation") or "step")
        self._path = prefix + self._name
        self._given_id = options.get("id")
        self._where = flow()
        self._place = self._first_place(options, loop_id)
        self._identity = self._said_of_identity(name, options)
        self._said = {"input": options.get("input"), "metadata": options.get("metadata")}
        self._outcome: dict[str, Any] = {}
        self._started: float | None = None
        self._ending: str | None = None

    @property
    def id(self) -> str:
        """What tells it from the other steps: its name, with a number when that was used before, or as it was given."""
        return self._place.id

    @property
    def try_number(self) -> int:
        """The current try, from 1."""
        return self._place.try_number

    def start(self) -> Self:
        """Say that it began, once; after a failure, that it is tried again. Entering the step does so."""
        if self._ending in _RETRIED:
            self._try_again()
        if self._started is None and self._ending is None:
            self._started = self._run.outlet.clock.monotonic()
            self._emit("step.started", without_none({"step": self._identity, **self._said}))
        return self

    def report(self, **outcome: Unpack[StepOutcome]) -> None:
        """Keep its output or metadata for the ending, whichever it will be."""
        self._outcome |= step_outcome_data(outcome)

    def complete(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it ended well. Leaving the step does so."""
        self._end("completed", {}, outcome)

    def fail(self, error: BaseException | str | None = None, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it ended in an error. Leaving the step by an exception does so."""
        self._end("failed", {"error": error_data(error)}, outcome)

    def time_out(self, error: BaseException | str | None = None, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it took too long and was ended for that."""
        self._end("timed_out", {"error": error_data(error)}, outcome)

    def cancel(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it was stopped, while its execution may go on."""
        self._end("cancelled", {}, outcome)

    def skip(self, **outcome: Unpack[StepOutcome]) -> None:
        """Say that it was passed over, before it began or in its midst."""
        self._end("skipped", {}, outcome)

    def step(self, name: str | None = None, **options: Unpack[StepOptions]) -> "Step":
        """A step within this one, whose id is a part of its."""
        options.setdefault("parent_id", self.id)
        return Step(self._run, self._attempt, self._execution, name, options, self._place.prefix)

    def execution(self, **options: Unpack[ExecutionOptions]) -> "Execution":
        """A child of the execution that this step belongs to."""
        return self._execution.execution(**options)

    def _first_place(self, options: StepOptions, loop_id: str | None) -> Place:
        iteration = options.get("iteration")
        iteration = iteration if isinstance(iteration, int) else None
        names = self._attempt.names
        if self._given_id is not None:
            place = names.given(_text(self._given_id), iteration)
        elif loop_id is not None:
            place = Place(loop_id, iteration)
        else:
            place = names.step(self._path, iteration)
        return Place(place.id, iteration, number) if isinstance(number := options.get("try_number"), int) else place

    def _said_of_identity(self, name: str | None, options: StepOptions) -> dict[str, Any]:
        is_named_otherwise = self._given_id is not None or self._place.id != name
        said = {"id": self._place.id if is_named_otherwise else None, "name": name and self._name}
        number = self._place.try_number
        return without_none(
            {**said, **{key: options.get(key) for key in _SAID_OF_IT}, "try_number": number if number > 1 else None}
        )

    def _try_again(self) -> None:
        self._attempt.names.tried_again(self._path, self._place, self._where)
        given = self._given_id
        place = self._place
        self._place = place.next_try() if given is None else self._attempt.names.given(place.id, place.iteration)
        self._identity = {**self._identity, "try_number": self._place.try_number}
        self._where, self._outcome, self._started, self._ending = flow(), {}, None, None

    def _steps_of_loop(self, name: str, options: StepOptions) -> Callable[[int, Any], "Step"]:
        options.setdefault("parent_id", self.id)
        return steps_of_loop(self._run, self._attempt, self._execution, name, options, self._place.prefix)

    def _end(self, ending: str, data: dict[str, Any], outcome: StepOutcome) -> None:
        if self._ending is not None:
            return
        self._ending = ending
        if ending in _RETRIED and self._given_id is None:
            self._attempt.names.failed(self._path, self._place, self._where)
        measured = {"step": self._identity, "duration_ms": self._run.milliseconds_since(self._started)}
        said = {**measured, **self._outcome, **step_outcome_data(outcome), **data}
        self._emit(f"step.{ending}", without_none(said))

    def _leave(self, error: BaseException | None) -> None:
        if error is None:
            self.complete()
        elif isinstance(error, CANCELLATIONS):
            self.cancel()
        else:
            self.fail(error)

    def _caller(self) -> tuple[str | None, str | None]:
        return self._identity.get("agent_id"), self.id

    def __repr__(self) -> str:
        begun = "running" if self._started is not None else "not begun"
        number = f", try {self.try_number}" if self.try_number > 1 else ""
        return f"<Step {self.id!r} of execution {self._run.id!r}{number}: {self._ending or begun}>"


_RETRIED: Final = ("failed", "timed_out")


def steps_of_loop(
    run: Run, attempt: Attempt, execution: "Execution", name: str, options: StepOptions, prefix: str = ""
) -> Callable[[int, Any], Step]:
    """What makes the step of each item of one loop: one id, told apart by the iteration."""
    name = _text(name)
    loop_id = None if options.get("id") is not None else attempt.names.loop(prefix + name)

    def make(iteration: int, item: Any) -> Step:
        said: StepOptions = {"input": item, **options, "iteration": iteration}
        return Step(run, attempt, execution, name, said, prefix, loop_id)

    return make


def _text(name: Any) -> str:
    return name if isinstance(name, str) else shown(name)
