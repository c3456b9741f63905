"""What a decision has to know of an execution, as values that it asks with; who drives it sends the answers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from execledger_lifecycle import Caps, StepKey, TryKey
from execledger_lifecycle.order import OrderKey
from execledger_recorder.rules.rows import Alias, LockedExecution


class Known(NamedTuple):
    """An execution before a batch: its names, and its row, which is None for one that is new."""

    id: str
    alias: Alias
    row: LockedExecution | None = None
    is_restored: bool = False  # somebody deleted the row, and it was written anew before anybody held it
    caps: Caps | None = None  # for one whose row does not say which held; None: it has none


class Digests(NamedTuple):
    """Asks for the digests of those of these events that the log has, by event id."""

    execution_id: str
    event_ids: Sequence[str]


class Steps(NamedTuple):
    """Asks for stored folds: of steps so many of their greatest tries, those tries by name, and all that are open."""

    execution_id: str
    tries: Mapping[StepKey, int]
    named: Collection[TryKey] = ()
    with_open: bool = False


class StepKeys(NamedTuple):
    """Asks which steps, and tries of them, are stored."""

    execution_id: str


class Before(NamedTuple):
    """Asks for the latest checkpoint of the execution that lies before a place in the order of its events."""

    execution_id: str
    key: OrderKey


class Log(NamedTuple):
    """Asks for the entries of all that the log has of the execution; which table is damaged, if that is why."""

    execution_id: str
    damaged: str | None = None
    behind: OrderKey | None = None  # only what lies behind that place in the order


class Pause:
    """Asks for nothing: other work may have its turn."""


Need = Digests | Steps | StepKeys | Before | Log | Pause
PAUSE: Final = Pause()
