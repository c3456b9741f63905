"""Commands to orchestrators: which ones an execution calls for. Pure: values in, values out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final, Literal, Protocol
from uuid import NAMESPACE_URL, uuid5

from execledger_contracts.control import Cancel, CancelData, Command, Halt, Limit, LimitData, Warn
from execledger_contracts.events import IMPORT_SOURCE, ExecutionCancelRequested
from execledger_contracts.fields import MAX_COUNT, MAX_MONEY
from execledger_lifecycle import Entry

Kind = Literal["tokens", "cost_usd"]
DailyScope = Literal["owner", "tenant"]

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
class PassedDay:
    """A limit of a UTC day that is passed, and an open execution of that day and scope."""

    tenant_id: str
    external_id: str
    attempt: int
    root_execution_id: str
    kind: Kind
    scope: DailyScope
    day: date
    value: Decimal
    consumed: Decimal


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
    addressed = _Address(*alias, after.attempt, after.root_execution_id, max(entry.event.time for entry in live))
    limited = _on_limits(addressed, before, after, share)
    return [*limited, *(_cancel(addressed, entry) for entry in asked if not _is_imported(entry))]


def daily_halt(passed: PassedDay, at: datetime) -> Halt:
    """The command for an execution of a day whose limit is passed."""
    address = _Address(passed.tenant_id, passed.external_id, passed.attempt, passed.root_execution_id, at)
    of_whom = f"of the {passed.scope} on {passed.day:%Y-%m-%d}"
    return _halt(address, passed.kind, passed.scope, of_whom, passed.value, passed.consumed)


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


def _on_limits(address: _Address, before: Standing | None, after: Recorded, share: Decimal) -> Iterator[Command]:
    for kind in KINDS:
        known = before is not None and before.attempt == after.attempt
        level_before = _level(kind, before, share) if known and before is not None else _Level.WITHIN
        level = _level(kind, after, share)
        if level is _Level.WITHIN:
            continue
        consumed, limit = _figures(kind, after)
        assert limit is not None  # noqa: S101  # without one there is no level
        if level_before is _Level.WITHIN:  # also when one batch brings it beyond the limit: batching decides nothing
            yield _warning(address, kind, limit, consumed)
        if level is _Level.PASSED:
            yield _halt(address, kind, "execution", "of the execution", limit, consumed)


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


def _halt(
    address: _Address,
    kind: Kind,
    scope: Literal["execution", "owner", "tenant"],
    of_whom: str,
    value: Decimal,
    consumed: Decimal,
) -> Halt:
    said = LimitData(
        reason=f"the {_NAMES[kind]} limit {of_whom} is passed",
        limit=Limit(kind=kind, scope=scope, value=_amount(kind, value), consumed=_amount(kind, consumed)),
    )
    return Halt.model_validate({**address.attributes("execution.halt", f"{kind}:{scope}"), "data": said})


def _warning(address: _Address, kind: Kind, value: Decimal, consumed: Decimal) -> Warn:
    said = LimitData(
        reason=f"the {_NAMES[kind]} limit of the execution is near or passed",
        limit=Limit(kind=kind, scope="execution", value=_amount(kind, value), consumed=_amount(kind, consumed)),
    )
    return Warn.model_validate({**address.attributes("execution.warning", f"{kind}:execution"), "data": said})


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
    source = entry.event.source
    return source == IMPORT_SOURCE or source.startswith(f"{IMPORT_SOURCE}:")


_NAMES: Final[dict[Kind, str]] = {"tokens": "token", "cost_usd": "cost"}
