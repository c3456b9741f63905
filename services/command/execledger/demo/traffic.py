"""Realistic traffic: an hour of five orchestrators in one stream, with everything that goes wrong in one.

The same seed and time give the same records, byte for byte.

    traffic = simulate(seed=1, until=datetime.now(UTC))
    for key, value, headers in traffic.records: ...
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from execledger.demo.garbage import garbage
from execledger.demo.orchestrators import (
    Scene,
    Tell,
    agent_task,
    content_workflow,
    crew,
    event_workflow,
    governed_flow,
)
from execledger_contracts.decoding import Reason

Headers = list[tuple[str, bytes]]
Message = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers of a Kafka record."""

SPAN: Final = timedelta(hours=1)
STRUCTURED: Final[Headers] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


@dataclass(frozen=True, slots=True)
class Example:
    """One execution worth a look."""

    tenant: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in the traffic, for whoever wants to find it again.

    Recorded whole, the ledger must show `records` consumed, of which `duplicates` (with the conflicts) are duplicate
    and `dead_letters` dead-lettered by reason; `events` is what remains: distinct events, of so many executions.
    """

    records: int
    events: int
    duplicates: int
    conflicts: int
    out_of_order: int
    missing: int
    dead_letters: Mapping[Reason, int]
    executions: int
    killed_by_budget: Example
    retried: Example
    skipped: Example
    failed_in_loop: Example
    """Its loop `extract` failed at item 2 of 3."""
    cancelled: Example


@dataclass(frozen=True, slots=True)
class Traffic:
    """Records in publishing order, and what is in them."""

    records: Sequence[Message]
    facts: Facts


def simulate(*, seed: int = 1, until: datetime, executions: int = 2_000) -> Traffic:
    """The traffic of the hour before `until`, of about so many executions (at least 50), children included."""
    stream = _Stream(Random(seed), until)  # noqa: S311 - chance that repeats is the point
    for kind in KINDS:
        for number in range(max(1, executions * kind.percent // 100)):
            stream.add(kind, number)
    stream.add_garbage()
    return stream.traffic()


@dataclass(frozen=True, slots=True)
class _Kind:
    """One orchestrator: how it tells a run, its share of the executions, and how it writes an event."""

    tell: Tell
    percent: int
    prefixes: Mapping[str, str] = field(default_factory=dict)
    endings: Mapping[str, str] = field(default_factory=dict)
    is_binary: bool = False
    says_key: bool = True

    def spoken(self, type_: str) -> str:
        """A canonical type in this orchestrator's words."""
        prefix, _, ending = type_.partition(".")
        return f"{self.prefixes.get(prefix, prefix)}.{self.endings.get(ending, ending)}"


KINDS: Final = (
    _Kind(governed_flow, 9, {"execution": "flow"}),  # with its two agent tasks three executions each
    _Kind(agent_task, 38, {"execution": "task"}),
    _Kind(content_workflow, 15, {"execution": "workflow", "step": "phase"}, {"completed": "succeeded"}, says_key=False),
    _Kind(event_workflow, 11, {"execution": "run", "step": "action"}, {"timed_out": "timeout"}, is_binary=True),
    _Kind(crew, 9, {"step": "node"}, {"cancelled": "canceled"}),
)


@dataclass(slots=True)
class _Sending:
    at: datetime
    message: Message


class _Stream:
    """Collects what the orchestrators say, with mishaps on the way, and puts it in publishing order."""

    def __init__(self, random: Random, until: datetime) -> None:
        self._random = random
        self._until = until
        self._sendings: list[_Sending] = []
        self._counts: Counter[str] = Counter()
        self._dead: Counter[Reason] = Counter()
        self._executions: set[tuple[str, str]] = set()
        self._examples: dict[Tell, Example] = {}

    def add(self, kind: _Kind, number: int) -> None:
        """One run of an orchestrator. What would happen after the end of the hour is not said yet."""
        is_example = number == 0
        ago = SPAN / 2 if is_example else SPAN * self._random.random()
        scene = Scene(number, self._until - ago, Random(self._random.getrandbits(64)))  # noqa: S311 - as above
        documents = [json.loads(record.value) for record in kind.tell(scene)]
        if is_example:
            self._examples[kind.tell] = Example(documents[0]["tenantid"], documents[0]["subject"])
        for document in documents:
            at = datetime.fromisoformat(document["time"])
            if at <= self._until:
                self._send(kind, document, at, is_safe=is_example)

    def add_garbage(self) -> None:
        """What is no event, spread over the hour."""
        for reason, message in garbage(self._until):
            self._sendings.append(_Sending(self._until - SPAN * self._random.random(), message))
            self._dead[reason] += 1

    def traffic(self) -> Traffic:
        """Everything, in publishing order."""
        self._sendings.sort(key=lambda sending: sending.at)  # stable: what one run says at one time stays in order
        counts = self._counts
        facts = Facts(
            records=len(self._sendings),
            events=counts["event"],
            duplicates=counts["duplicate"],
            conflicts=counts["conflict"],
            out_of_order=counts["late"],
            missing=counts["missing"],
            dead_letters=dict(self._dead),
            executions=len(self._executions),
            killed_by_budget=self._examples[governed_flow],
            retried=self._examples[agent_task],
            skipped=self._examples[content_workflow],
            failed_in_loop=self._examples[event_workflow],
            cancelled=self._examples[crew],
        )
        return Traffic([sending.message for sending in self._sendings], facts)

    def _send(self, kind: _Kind, document: dict[str, Any], at: datetime, *, is_safe: bool) -> None:
        """Send an event once, or not at all, or late, or twice."""
        chance = 1.0 if is_safe else self._random.random()
        if chance < _chance_of_loss(document["type"]):
            self._counts["missing"] += 1
            return
        message = _message(kind, document)
        self._counts["event"] += 1
        self._executions.add((document["tenantid"], document["subject"]))
        if 0.1 < chance < 0.13:
            self._counts["late"] += 1
            self._put(at + self._delay(), message)
        else:
            self._put(at, message)
        if 0.2 < chance < 0.22:
            self._counts["duplicate"] += 1
            self._put(at + self._delay(), message)
        elif 0.3 < chance < 0.3005:
            self._counts.update(["duplicate", "conflict"])
            self._put(at + self._delay(), _message(kind, {**document, "sequence": document["sequence"] + 1}))

    def _put(self, at: datetime, message: Message) -> None:
        self._sendings.append(_Sending(at, message))

    def _delay(self) -> timedelta:
        return timedelta(seconds=self._random.uniform(2, 90))


def _chance_of_loss(type_: str) -> float:
    match type_:
        case "execution.started":
            return 0.02
        case "execution.completed" | "execution.failed" | "execution.timed_out" | "execution.cancelled":
            return 0.01
        case _:
            return 0.001


def _message(kind: _Kind, document: Mapping[str, Any]) -> Message:
    key = document["partitionkey"].encode()
    event = {**document, "type": kind.spoken(document["type"])}
    if not kind.says_key:
        del event["partitionkey"]
    if not kind.is_binary:
        return key, _json(event), STRUCTURED
    data = event.pop("data", None)
    attributes = [(f"ce_{name}", str(value).encode()) for name, value in event.items()]
    return key, _json(data), [("content-type", b"application/json"), *attributes]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
