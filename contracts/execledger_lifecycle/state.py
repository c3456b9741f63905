"""Where a fold stands: what it needs to go on from a row instead of from the first event.

Times are microseconds since 1970 and money is nano-dollars, so that sums and comparisons are those of integers.
Payloads are not held: `*_event` names the event in the log that said them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import GenericAlias
from typing import Any, Final, get_type_hints

import msgspec

from execledger_contracts.events import Error
from execledger_contracts.status import Status
from execledger_lifecycle.caps import Caps
from execledger_lifecycle.order import FIRST_ONLY, OrderKey, Raised, StepKey, TryKey

FORMAT: Final = 4
"""Raise it when the states below change: rows of another format are folded again from the log."""

ErrorSaid = tuple[str, str | None, str | None]
"""The event that said it, message, type."""


@dataclass(slots=True)
class AttemptFold:
    """What one attempt of an execution has come to."""

    is_raised: bool = False  # an event that raises the attempt is there
    began: bool = False  # an event of the table but created and cancel_requested is there
    started_at: int | None = None  # the earliest `started`
    first_at: int | None = None  # the earliest event that shows it running, ordered before the deciding one
    cancel_requested_at: int | None = None
    paused_at: int | None = None  # until it is resumed
    waiting_for: str | None = None
    # what the deciding event said, and later ones of the same status filled
    status: Status | None = None
    provisional: bool = False
    decided: OrderKey | None = None
    ended_at: int | None = None
    duration_ms: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cost_nanos: int | None = None
    agents_used: int | None = None
    tools_invoked: int | None = None
    cache_hits: int | None = None
    error: ErrorSaid | None = None
    has_stack: bool = False  # the error does
    output_event: str | None = None
    result_event: str | None = None
    cancel_reason: str | None = None
    cancelled_by: str | None = None
    killed_by_budget: bool | None = None
    spent_tokens: int = 0  # by facts ordered before the deciding event, over all attempts
    spent_nanos: int = 0
    # as last reported
    total_steps: int | None = None
    completed_steps: int | None = None
    progress_percent: int | None = None
    # over its facts
    fact_prompt_tokens: int = 0
    fact_completion_tokens: int = 0
    fact_cost_nanos: int | None = None
    fact_cost_computed: bool = False
    fact_tools: int = 0
    fact_hits: int = 0
    # over its steps
    steps_seen: int = 0
    steps_done: int = 0


@dataclass(slots=True)
class ExecutionFold:
    """The fold of an execution's events so far; its steps are folded beside it."""

    head: OrderKey = (0, 0, 0, 0, "")  # the greatest of its events
    version: int = 0
    attempt: int = 1  # the highest that an event raised it to
    first_created_at: int | None = None
    first_table_at: int | None = None  # but the watchdog's: while one stands, its attempt has it
    first_other_at: int | None = None
    workflow: tuple[str | None, str | None, str | None] | None = None  # id, name, version
    owner: tuple[str | None, str | None, str | None] | None = None  # id, email, name
    owner_source: str | None = None  # who named the first one: nobody else's word counts
    trigger: tuple[str | None, str | None, str | None] | None = None  # mode, event id, event name
    budget: tuple[int | None, int | None, str] | None = None  # tokens, nano-dollars, scope
    session_id: str | None = None
    parent_execution_id: str | None = None
    root_execution_id: str | None = None
    mode: str | None = None
    query: str | None = None
    input_event: str | None = None
    tags: list[str] | None = None
    labels: dict[str, str] | None = None
    metadata: dict[str, Any] | None = None
    complexity_score: float | None = None
    timeout_seconds: float | None = None
    metadata_said: int = 0  # bytes of it since it was last measured, and what was measured then
    traceparent: str | None = None
    caps: Caps | None = None  # those that held when its first event was recorded
    capped: list[str] = field(default_factory=list)  # what they cut, sorted
    # of steps and facts that were sent with an attempt that did not begin: the last of each such attempt in order
    unraised: dict[int, tuple[int, int, int, str]] = field(default_factory=dict)
    agents: dict[str, None] = field(default_factory=dict)  # the distinct ones of facts and steps, in order
    attempts: dict[int, AttemptFold] = field(default_factory=dict)

    def see_agent(self, agent_id: str) -> None:
        """One more, unless there are so many already and it comes behind them."""
        if agent_id in self.agents:
            return
        self.agents[agent_id] = None
        if self.caps is not None and len(self.agents) > self.caps.agents:
            del self.agents[max(self.agents)]
            self.note_capped("agents")

    def note_capped(self, name: str, *, is_capped: bool = True) -> None:
        """Whether the caps cut that."""
        if is_capped != (name in self.capped):
            self.capped = sorted({*self.capped, name} if is_capped else {*self.capped} - {name})

    @property
    def raised(self) -> Raised:
        """The attempts that began."""
        if self.attempt == 1:
            return FIRST_ONLY
        return sorted({1, *(number for number, attempt in self.attempts.items() if attempt.is_raised)})

    def dump(self) -> str:
        """As text, for the row: values by position, which halves the size that names would take."""
        attempts = {number: _ATTEMPT_VALUES(attempt) for number, attempt in self.attempts.items()}
        return _encode([FORMAT, *_EXECUTION_VALUES(self)[:-2], [*self.agents], attempts]).decode()

    @classmethod
    def load(cls, text: str) -> "ExecutionFold | None":
        """The fold that `dump` wrote; None when another format, or no format at all, wrote it."""
        if (values := _read(_EXECUTION, text)) is None:
            return None
        *plain, agents, attempts = values
        execution = cls(*plain)
        execution.agents = dict.fromkeys(agents)
        execution.attempts = {n: AttemptFold(*attempt) for n, attempt in attempts.items()}
        return execution if execution.attempt in {1, *execution.attempts} else None


@dataclass(slots=True)
class StepFold:
    """The fold of the events of one try of a step so far; facts apart."""

    step_id: str
    iteration: int | None
    attempt: int
    try_number: int
    is_superseded: bool = False  # there is a greater try
    head: OrderKey = (0, 0, 0, 0, "")
    latest: OrderKey | None = None  # of the greatest try: the last event of the step when it is of another one
    first_at: int | None = None
    started_at: int | None = None
    name: str | None = None
    operation: str | None = None
    total_items: int | None = None
    agent_id: str | None = None
    parent_id: str | None = None
    input_event: str | None = None
    metadata: dict[str, Any] | None = None
    # what the deciding event said, and later ones of the same status filled
    status: Status | None = None
    decided: OrderKey | None = None
    decided_in: int | None = None  # the attempt that it was sent with
    ended_at: int | None = None
    unexpected: bool = False
    duration_ms: int | None = None
    output_event: str | None = None
    error: ErrorSaid | None = None

    @property
    def step(self) -> StepKey:
        return (self.step_id, self.iteration, self.attempt)

    @property
    def key(self) -> TryKey:
        return (self.step_id, self.iteration, self.attempt, self.try_number)

    def dump(self) -> str:
        """As text, for the row."""
        return _encode([FORMAT, *_STEP_VALUES(self)]).decode()

    @classmethod
    def load(cls, text: str) -> "StepFold | None":
        """The fold that `dump` wrote; None when nothing of the same format did."""
        values = _read(_STEP, text)
        return None if values is None else cls(*values)


@dataclass(slots=True)
class StepFolds:
    """The folds of steps: of each the greatest try, and what is known of those below it."""

    greatest: dict[StepKey, StepFold] = field(default_factory=dict)
    below: dict[TryKey, StepFold] = field(default_factory=dict)

    def __iter__(self) -> Iterator[StepFold]:
        yield from self.greatest.values()
        yield from self.below.values()

    def get(self, step: StepKey, try_number: int) -> StepFold | None:
        """That try, if it is known."""
        greatest = self.greatest.get(step)
        is_greatest = greatest is not None and greatest.try_number == try_number
        return greatest if is_greatest else self.below.get((*step, try_number))

    def below_of(self, step: StepKey) -> Sequence[StepFold]:
        """What is known of its tries below the greatest."""
        return [each for each in self.below.values() if each.step == step] if self.below else ()

    def add(self, step: StepFold) -> None:
        """One more that is known."""
        known = self.greatest.get(step.step)
        if known is None or known.try_number == step.try_number:
            self.greatest[step.step] = step
        elif known.try_number < step.try_number:
            self.below[known.key], self.greatest[step.step] = known, step
        else:
            self.below[step.key] = step


def error_said(event_id: str, error: Error | None) -> ErrorSaid | None:
    """An error as the states hold it."""
    return None if error is None else (event_id, error.message, error.type)


def least(known: int | None, new: int) -> int:
    """The earlier of two times."""
    return new if known is None or new < known else known


def is_of_another_format(text: str) -> bool:
    """Whether an earlier or later version wrote a fold, by how it begins."""
    begins = _BEGINNING.match(text)
    return begins is not None and int(begins[1]) != FORMAT


def _names(cls: type) -> list[str]:
    return [f.name for f in fields(cls)]


_EXECUTION_VALUES: Final = attrgetter(*_names(ExecutionFold))
_ATTEMPT_VALUES: Final = attrgetter(*_names(AttemptFold))
_STEP_VALUES: Final = attrgetter(*_names(StepFold))
_BEGINNING: Final = re.compile(r"\[(\d{1,9}),")


def _shape(cls: type, *before: type, **others: Any) -> Any:
    """Its values by position, as a type."""
    types = {**get_type_hints(cls), **others}
    return GenericAlias(tuple, (*before, *(types[name] for name in _names(cls))))


_encode: Final = msgspec.json.Encoder().encode
_ATTEMPTS: Final = GenericAlias(dict, (int, _shape(AttemptFold)))
_EXECUTION: Final = msgspec.json.Decoder[Any](_shape(ExecutionFold, int, agents=list[str], attempts=_ATTEMPTS))
_STEP: Final = msgspec.json.Decoder[Any](_shape(StepFold, int))


def _read(shape: msgspec.json.Decoder[Any], text: str) -> list[Any] | None:
    """The values behind the format; None when the text is of another shape."""
    try:
        written_in, *values = shape.decode(text)
    except msgspec.DecodeError:  # ValidationError is one
        return None
    return values if written_in == FORMAT else None
