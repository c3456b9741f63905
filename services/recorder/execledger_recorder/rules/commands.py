"""Commands to orchestrators: which ones an execution calls for. Pure: values in, values out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final, Literal, Protocol
from uuid import NAMESPACE_URL, uuid5

from execledger_contracts.control import Cancel, CancelData, Command, Halt, Limit, LimitData, Warn
from execledger_contracts.events import ExecutionCancelRequested
from execledger_contracts.fields import MAX_COUNT, MAX_MONEY
from execledger_contracts.status import OPEN
from execledger_lifecycle import Entry
from execledger_recorder.rules.foreign import imported_from
from execledger_recorder.rules.rows import LockedExecution

Kind = Literal["tokens", "cost_usd"]
Scope = Literal["execution", "tree", "owner", "tenant"]

KINDS: Final[tuple[Kind, ...]] = ("tokens", "cost_usd")


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """Where commands go, and at which share of a limit comes the warning."""

    topic: str = "executions.control"
    warning_share: Decimal = Decimal("0.8")


DEFAULT_POLICY: Final = CommandPolicy()


class Standing(Protocol):
    """What an execution has consumed, and may."""

    @property
    def attempt(self) -> int: ...
    @property
    def total_tokens(self) -> int: ...
    @property
    def cost_nanos(self) -> int: ...
    @property
    def token_limit(self) -> int | None: ...
    @property
    def cost_limit_usd(self) -> Decimal | None: ...


class Recorded(Standing, Protocol):
    """The same of a record, with what else a command says of it."""

    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def provisional(self) -> bool: ...
    @property
    def root_execution_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PassedLimit:
    """A limit that is near or passed, and an open execution that it concerns; of a UTC day, or of no day."""

    tenant_id: str
    external_id: str
    attempt: int
    root_execution_id: str
    kind: Kind
    scope: Scope
    day: date | None
    value: Decimal
    consumed: Decimal

    def still_concerns(self, execution: LockedExecution | None) -> bool:
        """Whether it is open, in the same attempt, now that it is locked; None: it was dropped meanwhile."""
        return execution is not None and execution.status in OPEN and execution.attempt == self.attempt

    @property
    def key(self) -> str:
        """Which limit it is: another value is another limit."""
        parts = (self.kind, self.scope, *(() if self.day is None else (self.day.isoformat(),)))
        return ":".join((*parts, f"{self.value.normalize():f}"))

    @property
    def name(self) -> str:
        """In words."""
        on_day = "" if self.day is None else f" on {self.day:%Y-%m-%d}"
        return f"the {_NAMES[self.kind]} limit of the {self.scope}{on_day}"


def commands(
    alias: tuple[str, str], before: Standing | None, after: Recorded, entries: Sequence[Entry], share: Decimal
) -> list[Command]:
    """The commands that a batch calls for, by what it made of an execution and the events that it brought for it.

    A limit that is near, or passed, gives a warning when it was not before, in this attempt; one that is passed gives a
    halt each time, of which the caller sends the first: a repricing or an import may have passed it, and neither
    commands anybody. There is none for an execution that has really ended, nor for imported history.
    """
    if after.ended_at is not None and not after.provisional:
        return []
    asked = [entry for entry in entries if type(entry.event) is ExecutionCancelRequested]
    is_near = any(_level(kind, after, share) is not _Level.WITHIN for kind in KINDS)
    if not (is_near or asked) or not (live := [entry for entry in entries if not _is_imported(entry)]):
        return []
    at = max(entry.event.time for entry in live)
    addressed = _Address(*alias, after.attempt, after.root_execution_id, at)
    limited = _on_limits(alias, before, after, share, at)
    return [*limited, *(_cancel(addressed, entry) for entry in asked if not _is_imported(entry))]


def halt(passed: PassedLimit, at: datetime) -> Halt:
    """The command for an execution that is to stop."""
    said = LimitData(reason=f"{passed.name} is passed", limit=_limit(passed))
    return Halt.model_validate({**_address(passed, at).attributes("execution.halt", passed.key), "data": said})


def warning(near: PassedLimit, at: datetime) -> Warn:
    """The command for an execution that has little left."""
    said = LimitData(reason=f"{near.name} is near or passed", limit=_limit(near))
    return Warn.model_validate({**_address(near, at).attributes("execution.warning", near.key), "data": said})


@dataclass(frozen=True, slots=True)
class _Address:
    tenant_id: str
    external_id: str
    attempt: int
    root_execution_id: str
    at: datetime

    def attributes(self, type_: str, key: str) -> dict[str, object]:
        """What every command says; the id is the same for the same cause, so that a consumer can drop repeats."""
        name = f"execledger:{type_}:{self.tenant_id}:{self.external_id}:{self.attempt}:{key}"
        return {
            "specversion": "1.0",
            "id": str(uuid5(NAMESPACE_URL, name)),
            "subject": self.external_id,
            "tenantid": self.tenant_id,
            "attempt": self.attempt,
            "partitionkey": self.root_execution_id,
            "time": self.at.isoformat(),
        }


class _Level(IntEnum):
    WITHIN = 0
    NEAR = 1
    PASSED = 2


def _on_limits(
    alias: tuple[str, str], before: Standing | None, after: Recorded, share: Decimal, at: datetime
) -> Iterator[Command]:
    """What its own consumption calls for; what its tree adds to that is seen when trees are summed."""
    for kind in KINDS:
        known = before is not None and before.attempt == after.attempt
        level_before = _level(kind, before, share) if known and before is not None else _Level.WITHIN
        level = _level(kind, after, share)
        if level is _Level.WITHIN:
            continue
        consumed, value = _figures(kind, after)
        assert value is not None  # noqa: S101  # without one there is no level
        limit = PassedLimit(*alias, after.attempt, after.root_execution_id, kind, "execution", None, value, consumed)
        if level_before is _Level.WITHIN:  # also when one batch brings it beyond the limit: batching decides nothing
            yield warning(limit, at)
        if level is _Level.PASSED:
            yield halt(limit, at)


def _level(kind: Kind, standing: Standing, share: Decimal) -> _Level:
    consumed, limit = _figures(kind, standing)
    if limit is None or not consumed:
        return _Level.WITHIN
    if consumed > limit:
        return _Level.PASSED
    return _Level.NEAR if consumed >= limit * share else _Level.WITHIN


def _figures(kind: Kind, standing: Standing) -> tuple[Decimal, Decimal | None]:
    if kind == "cost_usd":
        return Decimal(standing.cost_nanos).scaleb(-9), standing.cost_limit_usd
    return Decimal(standing.total_tokens), None if standing.token_limit is None else Decimal(standing.token_limit)


def _address(limit: PassedLimit, at: datetime) -> _Address:
    return _Address(limit.tenant_id, limit.external_id, limit.attempt, limit.root_execution_id, at)


def _limit(limit: PassedLimit) -> Limit:
    amounts = {name: _amount(limit.kind, getattr(limit, name)) for name in ("value", "consumed")}
    return Limit(kind=limit.kind, scope=limit.scope, **amounts)


def _cancel(address: _Address, entry: Entry) -> Cancel:
    assert isinstance(entry.event, ExecutionCancelRequested)  # noqa: S101  # the caller chose it by that
    asked = entry.event.data
    said = CancelData(reason=asked.reason, requested_by=asked.requested_by)
    attributes = address.attributes("execution.cancel", entry.event_id)
    return Cancel.model_validate({**attributes, "time": entry.event.time.isoformat(), "data": said})


def _amount(kind: Kind, amount: Decimal) -> int | Decimal:
    """What a message can say: a sum beyond it is said as the largest."""
    return min(amount, MAX_MONEY) if kind == "cost_usd" else min(int(amount), MAX_COUNT)


def _is_imported(entry: Entry) -> bool:
    return imported_from(entry.event.source) is not None


_NAMES: Final[dict[Kind, str]] = {"tokens": "token", "cost_usd": "cost"}
