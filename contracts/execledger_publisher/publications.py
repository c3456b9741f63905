"""What publishers have in common, and one that only collects."""

from collections.abc import Mapping
from typing import Any, Unpack

from pydantic import TypeAdapter, ValidationError

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Undecodable, decode
from execledger_contracts.events import OUR_SOURCES
from execledger_contracts.fields import RequiredIdentifier, UriReference
from execledger_contracts.likeness import looks_like_ours
from execledger_publisher.clock import Clock, SystemClock
from execledger_publisher.commands import Running
from execledger_publisher.drops import Drop, DropReason, OnDrop, PublishError, Stats, Tally
from execledger_publisher.encoding import DEFAULT_MAX_EVENT_BYTES, Record, encode, without_payload
from execledger_publisher.execution import Execution
from execledger_publisher.identifiers import NewId, Uuid7
from execledger_publisher.run import Outlet
from execledger_publisher.said import ExecutionOptions
from execledger_publisher.traced import Tracing


class Publications(Tracing):
    """Makes executions, and checks and counts their events; a subclass says where they go."""

    def __init__(
        self,
        source: str,
        *,
        tenant: str,
        clock: Clock,
        new_id: NewId,
        max_event_bytes: int,
        strict: bool,
        on_drop: OnDrop | None,
        running: Running | None = None,
    ) -> None:
        _check("source", UriReference, source)
        _check("tenant", RequiredIdentifier, tenant)
        if looks_like_ours(source):
            raise ValueError(f"source: only Execledger itself speaks as {OUR_SOURCES}, so all of it would be refused")
        self._max_event_bytes = max_event_bytes
        self._strict = strict
        self._tally = Tally(on_drop)
        self._outlet = Outlet(source, tenant, clock, new_id, self._accept, self._room, running)

    def execution(self, **options: Unpack[ExecutionOptions]) -> Execution:
        """An execution: one run of a workflow, flow, crew, task or job. Enter it around the work."""
        return Execution(self._outlet, **options)

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._tally.stats()

    def _accept(self, event: dict[str, Any]) -> None:
        dropped = self._take(event)
        if dropped is not None and dropped.reason == DropReason.BUFFER_FULL:
            dropped = self._take_little(event, dropped)
        if dropped is not None:
            self._tally.drop(dropped)
            if self._strict:
                raise PublishError(f"{dropped.type} of {dropped.subject}: {dropped.reason}: {dropped.detail}")

    def _take(self, event: Mapping[str, Any]) -> Drop | None:
        record = encode(event, self._max_event_bytes)
        if isinstance(record, Drop):
            return record
        dropped = self._fault(record) or self._put(record)
        if dropped is None and record.is_cut:
            self._tally.cut()
        return dropped

    def _take_little(self, event: Mapping[str, Any], dropped: Drop) -> Drop | None:
        """What begins or ends something goes without its payload rather than not at all."""
        record = encode(without_payload(event), self._max_event_bytes)
        if isinstance(record, Drop) or not record.is_milestone or self._put(record) is not None:
            return dropped
        self._tally.cut()
        return None

    def _fault(self, record: Record) -> Drop | None:
        """Why the recorder would not take it: asked for by the strict only, as it takes time."""
        if not self._strict:
            return None
        read = decode(record.value, limits=Limits(record_bytes=max(len(record.value), Limits().record_bytes)))
        return record.dropped(DropReason.INVALID, read.detail) if isinstance(read, Undecodable) else None

    def _put(self, record: Record) -> Drop | None:
        """Take the record, or say why not."""
        raise NotImplementedError

    async def _room(self) -> None:
        """Wait for room, where that is possible."""

    def __repr__(self) -> str:
        stats = self.stats
        counts = f"{stats.sent} sent, {stats.dropped} dropped, {stats.buffered} waiting"
        failure = f", last error {stats.last_error!r}" if stats.last_error else ""
        return f"<{type(self).__name__} of {self._outlet.source}{self._whither()}: {counts}{failure}>"

    def _whither(self) -> str:
        return ""


class Collector(Publications):
    """Publishes nothing: keeps the records in a list. For an orchestrator's own tests, and for simulations."""

    def __init__(
        self,
        source: str,
        *,
        tenant: str = "default",
        clock: Clock | None = None,
        new_id: NewId | None = None,
        strict: bool = True,
    ) -> None:
        super().__init__(
            source,
            tenant=tenant,
            clock=clock or SystemClock(),
            new_id=new_id or Uuid7(),
            max_event_bytes=DEFAULT_MAX_EVENT_BYTES,
            strict=strict,
            on_drop=None,
        )
        self.records: list[Record] = []

    def _put(self, record: Record) -> None:
        self.records.append(record)


def _check(name: str, field: Any, value: str) -> None:
    try:
        TypeAdapter(field).validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors(include_url=False)[0]['msg']}") from None
