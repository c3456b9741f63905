"""Histories as they happen to a recorder: generated with Hypothesis, and folded from nothing at once.

Few attempts, steps and times, so that contradictions, ties and repetitions are the rule.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from execledger_contracts.events import WATCHDOG_SOURCE, Event
from execledger_lifecycle import (
    Entry,
    ExecutionFold,
    ExecutionRecord,
    StepFolds,
    StepRecord,
    TryKey,
    enter,
    execution_record,
    fold,
    place,
    raised_by,
    step_record,
)
from factories import NOON, OF_THE_STEP, event, nth_id, watchdog_ended

EXTERNAL_ID: Final = "run-1"
Chosen = TypeVar("Chosen")
Prices = Mapping[str, int]
NO_PRICES: Final[Prices] = {}
PRICES: Final[Prices] = {nth_id(number): number % 3 * 10**8 for number in range(1000) if number % 4}
"""Nano-dollars that are stored for calls by event id: for most ids, some of them 0."""

# What events say: for each field that some rule is about, values that tell the first from the last.
_BEGINNING: Final[dict[str, list[Any]]] = {
    "workflow": [{"id": "w", "version": "1"}, {"name": "Research"}],
    "owner": [{"id": "ann"}, {"name": "Bob"}, {}],
    "session_id": ["s1", ""],
    "parent_execution_id": ["p1", "p2"],
    "root_execution_id": ["r1", ""],
    "trigger": [{"mode": "manual"}, {"event_id": "e", "event_name": "push"}],
    "mode": ["fast", "slow"],
    "query": ["", "tea"],
    "input": [[], 1],
    "total_steps": [4, 0],
    "tags": [["a"], ["b", "a"], []],
    "labels": [{"prd": "1"}, {"prd": "2", "draft": "x"}, {}],
    "metadata": [{"a": 1}, {"a": None, "b": [1.5]}],
    "complexity_score": [0.5, 0],
    "timeout_seconds": [9, 0.5],
    "budget": [{"token_limit": 5}, {"cost_limit_usd": "0.5"}, {"token_limit": 0, "scope": "execution"}],
}
_PROGRESS: Final[dict[str, list[Any]]] = {
    "progress_percent": [0, 70],
    "completed_steps": [1, 9],
    "total_steps": [3, 0],
    "message": ["still here"],
}
_ENDING: Final[dict[str, list[Any]]] = {
    "output": [{}, "text"],
    "result": ["", "text"],
    "duration_ms": [0, 1500, 2**53 - 1],
    "usage": [{"prompt_tokens": 7}, {"cost_usd": "0.25", "total_tokens": 1}, {"completion_tokens": 2, "cost_usd": "0"}],
    "agents_used": [3, 0],
    "tools_invoked": [0, 4],
    "cache_hits": [2, 0],
    "metadata": [{"b": 2}, {}],
}
_FAILING: Final = {**_ENDING, "error": [{"message": "no", "stack": "at 1"}, {"type": "Bad"}, {}]}
_CANCELLING: Final = {
    **_FAILING,
    "reason": ["late", ""],
    "cancelled_by": ["ann", "bob"],
    "killed_by_budget": [True, False],
}
_STEP: Final[dict[str, list[Any]]] = {
    "name": ["Draft", "Write"],
    "operation": ["write", "edit"],
    "total_items": [2, 0],
    "agent_id": ["a1", "a2"],
    "parent_id": ["root", "draft"],
    "input": [1, ""],
    "metadata": [{"a": 1}, {"a": 2, "b": None}],
}
_STEP_ENDING: Final = {
    **_STEP,
    "output": [1, []],
    "error": [{"message": "no"}, {}],
    "duration_ms": [900, 0],
    "unexpected": [True, False],
}
_TOOL: Final[dict[str, list[Any]]] = {"agent_id": ["a1", "a3"], "cache_hit": [True, False], "step_id": ["draft"]}
_LLM: Final = {**_TOOL, "prompt_tokens": [3, 0], "completion_tokens": [4], "cost_usd": ["0.3", "0"]}

SAYINGS: Final[dict[str, dict[str, list[Any]]]] = {
    "execution.created": _BEGINNING,
    "execution.started": _BEGINNING,
    "execution.progressed": _PROGRESS,
    "execution.paused": {"waiting_for": ["ann", "bob"], "reason": ["approval"]},
    "execution.resumed": {"reason": ["approved"]},
    "execution.cancel_requested": {"requested_by": ["ann"]},
    "execution.completed": _ENDING,
    "execution.failed": _FAILING,
    "execution.timed_out": {**_FAILING, "provisional": [True]},  # nobody's marker but the watchdog's counts
    "execution.cancelled": _CANCELLING,
    "step.started": _STEP,
    **{f"step.{status}": _STEP_ENDING for status in ("completed", "failed", "timed_out", "cancelled", "skipped")},
    "llm.called": _LLM,
    "tool.called": _TOOL,
    "agent.thinking": {"duration_ms": [1]},
}

_TIMES: Final = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 2.0005, 3.000001, -1.0]
_SEQUENCES: Final = [None, None, 0, 1, 2]
_SOURCES: Final = ["/orchestrator", "/orchestrator", WATCHDOG_SOURCE]
_PARENTS: Final = [None, None, None, "00-1", "00-2"]
_STEP_IDS: Final = ["draft", "draft", "draft", "review"]
_ITERATIONS: Final = [None, None, None, 0, 1]
_TRY_NUMBERS: Final = [None, None, None, None, 1, 2, 4]
_COUNTS: Final = [0, 1, 2, 3, 4]
_YES_OR_NO: Final = [False, True]


_ENDS: Final = ["execution.completed", "execution.failed", "execution.timed_out", "execution.cancelled"]
_STEPS: Final = [type_ for type_ in SAYINGS if type_.startswith("step.")]
_WATCHDOG: Final = "the watchdog's"
THEMES: Final[list[tuple[list[str], list[str]]]] = [
    # What events of these types say about these things, or about anything: rules meet that are about the same fields.
    ([*SAYINGS, _WATCHDOG], []),
    ([*SAYINGS, *_ENDS, *_ENDS, *_STEPS, _WATCHDOG, _WATCHDOG], []),
    ([*_ENDS, *_STEPS, "step.started", "execution.started", "llm.called", _WATCHDOG, _WATCHDOG], ["duration_ms"]),
    (
        ["execution.started", "execution.cancel_requested", "step.started", "agent.thinking", *[_WATCHDOG] * 4],
        ["query"],
    ),
    (["step.started", "step.completed", "step.failed"], ["duration_ms", "agent_id", "output"]),
    (["step.started", "step.started", "step.failed", "step.completed", "execution.completed"], ["input", "output"]),
    (["step.started", "step.started", "step.failed", "step.completed", "execution.started", "llm.called"], ["mode"]),
    (["execution.paused", "execution.resumed", "execution.completed", _WATCHDOG], ["waiting_for"]),
    (["execution.created", "execution.started", "execution.completed"], ["labels", "metadata", "tags", "owner"]),
    (["execution.started", "execution.progressed", *_STEPS], ["total_steps", "completed_steps", "progress_percent"]),
    (["llm.called", "tool.called", *_ENDS], ["usage", "cost_usd", "prompt_tokens", "cache_hits", "cache_hit"]),
    (["execution.started", "llm.called", "execution.cancelled"], ["budget", "prompt_tokens", "cost_usd"]),
]


@dataclass(slots=True)
class _Dice:
    """The many small choices that make an event, out of one number; out of 0 each is the first."""

    left: int

    def one_of(self, options: Sequence[Chosen]) -> Chosen:
        self.left, number = divmod(self.left, len(options))
        return options[number]


# One draw for an event: with one for each choice, Hypothesis took three quarters of the properties' time.
_dice: Final = st.binary(min_size=16, max_size=16).map(lambda said: _Dice(int.from_bytes(said, "big")))


def _said(dice: _Dice, type_: str, fields: list[str], last_attempt: int) -> Event:
    """An event of that type: it says half of these fields that it has, or without any up to four of its own."""
    has = SAYINGS[type_]
    if fields:
        data = {name: dice.one_of(has[name]) for name in fields if name in has and dice.one_of(_YES_OR_NO)}
    else:
        fragments = [(name, value) for name, every in has.items() for value in every]
        data = dict(dice.one_of(fragments) for _ in range(dice.one_of(_COUNTS)))
    if type_.startswith("step."):
        of_the_step = {name: data.pop(name) for name in OF_THE_STEP if name in data}
        numbers = {"iteration": dice.one_of(_ITERATIONS), "try_number": dice.one_of(_TRY_NUMBERS)}
        data["step"] = {"id": dice.one_of(_STEP_IDS), **numbers, **of_the_step}
    # Without the marker, what the watchdog says counts as from anyone.
    source = "/orchestrator" if "provisional" in data else dice.one_of(_SOURCES)
    return event(type_, data, **_attributes(dice, last_attempt), source=source, traceparent=dice.one_of(_PARENTS))


def _event(dice: _Dice, types: list[str], fields: list[str], last_attempt: int) -> Event:
    type_ = dice.one_of(types)
    if type_ == _WATCHDOG:
        return watchdog_ended(**_attributes(dice, last_attempt))
    return _said(dice, type_, fields, last_attempt)


def _attributes(dice: _Dice, last_attempt: int) -> dict[str, Any]:
    return {
        "at": dice.one_of(_TIMES),
        "attempt": dice.one_of(range(1, last_attempt + 1)),
        "sequence": dice.one_of(_SEQUENCES),
        "event_id": nth_id(dice.one_of(range(1000))),
    }


class History(list[Event]):
    """Events; a failing example shows them a line each, without what goes without saying."""

    def __repr__(self) -> str:
        return "".join(["[", *(f"\n    {_line(event)}," for event in self), "\n]"])


def _line(event: Event) -> str:
    said = msgspec.to_builtins(event)
    number, at = UUID(event.id).int, (event.time - NOON).total_seconds()
    place = f"#{number} {event.type} at {at:g} s" + "".join(
        f", {name} {said[name]}" for name in ("attempt", "sequence", "traceparent") if said.get(name, 1) != 1
    )
    source = ", by the watchdog" if event.source == WATCHDOG_SOURCE else ""
    return f"{place}{source}: {json.dumps(said.get('data'))}"


@st.composite
def _histories(draw: st.DrawFn) -> History:
    types, fields = draw(st.sampled_from(THEMES))
    last_attempt = draw(st.sampled_from([1, 1, 2, 3]))
    events = _dice.map(lambda dice: _event(dice, types, fields, last_attempt))
    return History(draw(st.lists(events, min_size=1, max_size=12, unique_by=lambda event: event.id)))


histories: Final = _histories()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A history as it comes: in any order (so over any partitions, too), some of it again, in batches."""

    batches: list[History]

    @property
    def stream(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    history = draw(histories)
    again = draw(st.lists(st.sampled_from(history), max_size=3))
    stream = draw(st.permutations([*history, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(stream)), max_size=4)))
    return Arrival([History(stream[low:high]) for low, high in itertools.pairwise([0, *cuts, len(stream)])])


def entered(event: Event, prices: Prices) -> Entry:
    """An event as the log gives it back."""
    return enter(event, event.id, prices.get(event.id))


def in_order(history: Iterable[Event], prices: Prices = NO_PRICES) -> list[Entry]:
    """Events as they are folded."""
    entries = [entered(event, prices) for event in history]
    return sorted(place(entries, raised_by(entries)), key=lambda entry: entry.key)


def folded(history: Iterable[Event], prices: Prices = NO_PRICES) -> tuple[ExecutionFold, StepFolds]:
    """The fold of a set of events, from nothing and at once."""
    execution, steps = ExecutionFold(), StepFolds()
    fold(execution, steps, in_order(history, prices))
    return execution, steps


def records(history: Iterable[Event], prices: Prices = NO_PRICES) -> tuple[ExecutionRecord, dict[TryKey, StepRecord]]:
    execution, steps = folded(history, prices)
    return execution_record(execution, EXTERNAL_ID), {step.key: step_record(step, execution) for step in steps}
