"""The feed of changes, as it is written: what it says, and in which lane."""

from typing import Final, Literal, NamedTuple

from execledger_contracts.status import TERMINAL

What = Literal["created", "changed", "ended", "reopened"]

REBUILD: Final = "rebuild"
REPRICE: Final = "reprice"
TREES: Final = "trees"
"""Lanes of those who write and are no partition."""


class FeedEntry(NamedTuple):
    """What a transaction says of an execution that it changed."""

    tenant_id: str
    execution_id: str
    version: int
    what: What


class FeedLane(NamedTuple):
    """A sequence of changes without gaps, from the first that is kept up to the next one."""

    lane: int
    kept_from: int
    next_position: int


def lane_of(topic: str, partition: int) -> str:
    """The lane of a partition of Kafka. A topic's name has no slash in it."""
    return f"{topic}/{partition}"


def what_changed(status_before: str | None, status: str) -> What:
    """In a word; an execution that had ended when it was first heard of is ended."""
    has_ended = status in TERMINAL
    if has_ended and status_before not in TERMINAL:
        return "ended"
    if status_before is None:
        return "created"
    return "reopened" if status_before in TERMINAL and not has_ended else "changed"
