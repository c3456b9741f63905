"""One execution as the SDK keeps it: its identity, its attempts, and the numbering of its events. Knows no Kafka."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from execledger_contracts.events import DATASCHEMA
from execledger_publisher.clock import Clock
from execledger_publisher.commands import Block, Inbox, Running
from execledger_publisher.forking import Lock, new_lock
from execledger_publisher.identifiers import NewId, identifier
from execledger_publisher.naming import Names

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where events go and what they all have in common.

    `accept` takes a CloudEvent and never waits longer than the publisher's bound; `room` waits, within the same
    bound, until there is room for more. `running` is told what runs, by a publisher that listens.
    """

    source: str
    tenant: str
    clock: Clock
    new_id: NewId
    accept: Callable[[dict[str, Any]], None]
    room: Callable[[], Awaitable[None]]
    running: Running | None = None


@dataclass(slots=True)
class Attempt:
    """One attempt of an execution. `started` is the clock's monotonic time."""

    number: int
    inbox: Inbox
    names: Names = field(default_factory=Names)
    next_sequence: int = 0
    started: float | None = None
    ending: str | None = None


@dataclass(slots=True)
class Run:
    """What the events of one execution share. `inherits` is what its children take over."""

    outlet: Outlet
    id: str
    root_id: str
    tenant: str
    traceparent: str | None
    inherits: dict[str, Any]
    # Reentrant: an on_drop callback may publish an event of the same execution.
    _lock: Lock = field(default_factory=new_lock)
    _latest: datetime = _BEFORE_ALL

    def publish(self, attempt: Attempt, type_: str, data: Any) -> None:
        """Number an event and hand it on.

        Both under one lock: what is handed on first has the lower sequence and no later time.
        """
        with self._lock:
            self._latest = max(self._latest, self.outlet.clock.now())
            event = self._event(attempt, type_, data)
            attempt.next_sequence += 1
            self.outlet.accept(event)

    def listen(self, attempt: Attempt) -> None:
        """From now on commands for the attempt reach its inbox, if this publisher listens."""
        if self.outlet.running is not None and attempt.ending is None:
            self.outlet.running.add((self.tenant, self.id, attempt.number), attempt.inbox)

    def listen_no_more(self, attempt: Attempt) -> None:
        """The attempt has ended."""
        attempt.inbox.close()
        if self.outlet.running is not None:
            self.outlet.running.remove((self.tenant, self.id, attempt.number), attempt.inbox)

    def block(self) -> Block | None:
        """The block that begins here, if a command could cancel it."""
        return None if self.outlet.running is None else Block.here()

    def milliseconds_since(self, started: float | None) -> int | None:
        """How long ago that monotonic time was; None when there is none."""
        return None if started is None else max(0, round((self.outlet.clock.monotonic() - started) * 1000))

    def _event(self, attempt: Attempt, type_: str, data: Any) -> dict[str, Any]:
        return without_none(
            {
                "specversion": "1.0",
                "id": self.outlet.new_id(self._latest),
                "source": self.outlet.source,
                "type": identifier(type_) or "unnamed",
                "subject": self.id,
                "time": _rfc3339(self._latest),
                "dataschema": DATASCHEMA,
                "tenantid": self.tenant,
                "sequence": attempt.next_sequence,
                "attempt": attempt.number,
                "partitionkey": self.root_id,
                "traceparent": self.traceparent,
                "data": data,
            }
        )


def without_none(said: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that say nothing; deeper ones stay as they are."""
    return {key: value for key, value in said.items() if value is not None}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
