"""Older states of long folds, so that an event that comes late has only what lies behind it folded again.

Of an execution there is one after each thousand events, and of those that lie far back fewer and fewer: an event that
is ordered before d others finds one that is ordered before at most some 2 d + 2000.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from execledger_lifecycle import ExecutionFold, StepFold
from execledger_lifecycle.order import OrderKey

EVERY: Final = 1000
"""Events between two checkpoints: folded in about 10 ms."""

_MOST_OPEN: Final = 10_000  # tries that a checkpoint holds, in 2 MB; with more there is none


class Checkpoint(NamedTuple):
    """A fold as it stood after so many events, in order: the execution, and the tries of steps without an end."""

    version: int
    head: OrderKey
    execution: ExecutionFold
    steps: Sequence[StepFold]


class CheckpointHead(NamedTuple):
    """A stored checkpoint: how many events it holds, and the last of them in order."""

    version: int
    head: OrderKey


def take(execution: ExecutionFold, steps: Iterable[StepFold]) -> tuple[int, str, str] | None:
    """A checkpoint as it is stored: version, head, state; None when too many steps are open."""
    open_steps = [step.dump() for step in steps if step.status is None]
    if len(open_steps) > _MOST_OPEN:
        return None
    return execution.version, json.dumps(execution.head), json.dumps([execution.dump(), open_steps])


def head_of(version: int, head: str) -> CheckpointHead:
    """One that was stored."""
    attempt, microseconds, sequence, rank, event_id = json.loads(head)
    return CheckpointHead(version, (attempt, microseconds, sequence, rank, event_id))


def read(at: CheckpointHead, state: str) -> Checkpoint | None:
    """One that was stored; None when another version of the fold wrote it."""
    execution_text, step_texts = json.loads(state)
    execution = ExecutionFold.load(execution_text)
    steps = [StepFold.load(text) for text in step_texts]
    if execution is None or None in steps:
        return None
    return Checkpoint(*at, execution, [step for step in steps if step is not None])


def latest_before(stored: Iterable[CheckpointHead], key: OrderKey) -> CheckpointHead | None:
    """The latest that no event with that key has a part in."""
    return max((each for each in stored if each.head < key), default=None, key=lambda each: each.version)


def kept(newest: int) -> list[int]:
    """The versions whose checkpoints stay once there are so many events."""
    return [version for version in range(EVERY, newest + 1, EVERY) if is_kept(version, newest)]


def is_kept(version: int, newest: int) -> bool:
    """Whether a checkpoint stays once there are so many events: the further back, the rounder its number must be.

    >>> [n for n in range(1, 41) if is_kept(n * EVERY, 40 * EVERY)]
    [16, 24, 28, 32, 34, 36, 37, 38, 39, 40]
    """
    number = version // EVERY
    roundness = number & -number  # the greatest power of two that divides it
    return version % EVERY == 0 and newest // EVERY - number <= 3 * roundness
