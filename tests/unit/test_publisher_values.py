"""Whatever an orchestrator says, the event arrives: readable, small enough, and soon."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, model_serializer

from execledger_contracts.decoding import Decoded, decode
from execledger_publisher import Collector, Drop, DropReason, Publisher, SyncPublisher, courier
from execledger_publisher.encoding import DEFAULT_MAX_EVENT_BYTES, Record
from execledger_publisher.values import dumped
from unit.test_publisher import Bench


class Hostile:
    """Raises whatever it is asked."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Unprintable(BaseModel):
    """A model that cannot be dumped."""

    thing: int = 1

    @model_serializer
    def refuse(self) -> Any:
        raise RuntimeError


@dataclass
class Node:
    """A tree whose nodes know their parent."""

    name: str
    parent: "Node | None" = None
    children: Any = None


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def cycle() -> Any:
    value: list[Any] = [{"row": number} for number in range(1_000)]
    value.append({"itself": value})
    return value


def tree() -> Node:
    root = Node("root")
    root.children = [Node(f"child {number}", root) for number in range(3)]
    return root


STRANGE: dict[str, Any] = {
    "bytes": b"\xff\x00",
    "a cycle": cycle(),
    "a tree with parents": tree(),
    "101 levels": nested(101),
    "5,000 levels": nested(5_000),
    "a number beyond a float": 10**400,
    "a number beyond what Python writes": 10**5_000,
    "a repr that raises": Hostile(),
    "among others": [1, {"a": Hostile()}, "b"],
    "a model that cannot be dumped": Unprintable(),
    "not a number": [float("nan"), float("-inf")],
    "half a surrogate pair": {"a\ud800": "b\udfff"},
    "nul": "a\0b",
    "strange keys": {("a", 1): 1, None: 2, Hostile: 3, 1.5: 4},
    "a type": int,
    "a set of sets": {frozenset({1})},
    "an exception": ValueError("x"),
    "a large text": "ä" * 3_000_000,
    "large rows": [{"number": number, "text": "x" * 100} for number in range(20_000)],
    "many fields": {f"field{number}": "x" * 10_000 for number in range(500)},
}


@pytest.fixture
def collector() -> Collector:
    return Collector("urn:test", strict=False)


@pytest.fixture(autouse=True)
def _nothing_is_delivered_later() -> Iterator[None]:
    yield
    for open_one in list(courier._open):
        open_one.close(0.0)


@pytest.mark.parametrize("name", STRANGE)
def test_a_value_of_whatever_kind_costs_no_event(collector: Collector, name: str) -> None:
    value = STRANGE[name]
    with collector.execution(input=value, metadata={"value": value}, workflow="w") as execution:
        with execution.step("a", input=value, metadata={"value": value}) as step:
            step.report(output=value)
            step.llm_called(model="m", input=value, output=value)
            step.tool_called("t", input=value, output=value)
        execution.event("agent.thinking", value)
        execution.report(output=value, metadata={"value": value})
    assert len(collector.records) == 7
    assert collector.stats.dropped == 0
    _readable(collector)


@pytest.mark.parametrize(
    "say",
    [
        lambda execution: execution.llm_called(duration_ms=12.7, prompt_tokens="5", cost_usd="much", model=5),
        lambda execution: execution.llm_called(prompt_tokens=-1, usage=Hostile(), error=Hostile(), provider=b"x"),
        lambda execution: execution.progress(100 / 3, completed_steps=-3, message=Hostile()),
        lambda execution: execution.progress(120),
        lambda execution: execution.event("x" * 300),
        lambda execution: execution.event(Hostile(), Hostile()),
        lambda execution: execution.event(""),
        lambda execution: execution.step("s" * 300, iteration=[1], id={"a": 1}, parent_id=5).start(),
        lambda execution: execution.step("s\0", total_items=-1, agent_id=Hostile()).start(),
        lambda execution: execution.step(Hostile()).fail(error=Hostile()),
        lambda execution: execution.complete(duration_ms=-1, usage="none", result=Hostile(), agents_used=1.5),
        lambda execution: execution.cancel(reason=5, cancelled_by="x" * 300, killed_by_budget="yes"),
        lambda execution: execution.execution(workflow="w" * 300, tags=["t" * 256, 5, Hostile()]).start(),
        lambda execution: execution.execution(labels={"l" * 256: "v" * 256, "x": Hostile()}, trigger="webhook").start(),
        lambda execution: execution.execution(owner=5, workflow=5, budget=5, trigger=5, tags=5, labels=5).start(),
        lambda execution: execution.execution(external_id="e" * 300, tenant="t" * 300, traceparent=5).start(),
        lambda execution: execution.execution(external_id=5, root_execution_id="r\0", attempt="two").start(),
        lambda execution: execution.execution(tags=(1 / 0 for _ in "x"), timeout_seconds=-1, attempt=10**20).start(),
    ],
)
def test_what_no_field_may_hold_costs_no_event(say: Callable[[Any], object]) -> None:
    collector = Collector("urn:test", strict=False)
    say(collector.execution())
    assert len(collector.records) == 1
    _readable(collector)


def test_a_long_id_is_cut_as_everywhere_so_that_it_stays_one_id(collector: Collector) -> None:
    for _ in range(2):
        collector.execution(external_id="e" * 300).start()
    (subject,) = {record.subject for record in collector.records}
    assert subject.startswith("e" * 190)
    assert len(subject) == 190 + 32


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(JSON)
def test_any_value_becomes_json(value: Any) -> None:
    json.loads(dumped(value).decode(), parse_constant=lambda constant: pytest.fail(constant))


def test_what_python_knows_is_written_in_its_usual_form() -> None:
    value = {
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "price": Decimal("1.10"),
        "node": Node("n"),
        "bytes": b"ab",
        "nan": float("nan"),
        1: {2},
        "cut": nested(101),
    }
    shown = json.loads(dumped(value))
    assert json.dumps(shown.pop("cut")).count("[") == 98 + 1  # and that of the marker
    assert shown == {
        "at": "2026-03-01T12:00:00Z",
        "price": "1.10",
        "node": {"name": "n", "parent": None, "children": None},
        "bytes": "YWI=",
        "nan": None,
        "1": [2],
    }


def test_a_cycle_is_cut_where_it_closes_and_what_is_shared_is_not() -> None:
    shared = {"a": [1]}
    looping: list[Any] = [shared, shared]
    looping.append(looping)
    assert json.loads(dumped(looping)) == [{"a": [1]}, {"a": [1]}, "[cut by execledger: a cycle]"]
    assert json.loads(dumped([shared, shared])) == [{"a": [1]}, {"a": [1]}]


def test_a_cut_value_keeps_its_size_and_digest_and_the_rest_stays_whole() -> None:
    bench = Bench()
    bench.execution().complete(output=STRANGE["large rows"], result="y" * 70_000, duration_ms=5)
    (record,) = bench.collector.records
    data = json.loads(record.value)["data"]
    assert record.is_cut
    assert data["output"]["execledger_cut"].keys() == {"bytes", "sha256", "start"}
    assert data["output"]["execledger_cut"]["bytes"] > 2_000_000
    assert "cut by execledger: 70000 bytes" in data["result"]
    assert data["duration_ms"] == 5


def test_without_room_an_ending_goes_without_its_payload_rather_than_not_at_all() -> None:
    drops: list[Drop] = []
    publisher = Publisher("localhost:1", "urn:test", max_bytes=60_000, on_drop=drops.append)
    execution = publisher.execution().start()
    for _ in range(10):
        with execution.step("a") as step:
            step.report(output="x" * 6_000)
            step.tool_called("t", output="x" * 3_000)
    with pytest.raises(ValueError, match="y"), execution:
        raise ValueError("y")
    kept = [json.loads(record.value) for record in publisher._buffer.abandon()]
    assert Counter(event["type"] for event in kept)["step.completed"] == 10
    assert kept[-1]["data"]["error"]["message"] == "y"
    assert {drop.type for drop in drops} == {"tool.called"}
    assert publisher.stats.cut >= 5


@pytest.mark.parametrize("kind", [Publisher, SyncPublisher])
def test_a_burst_that_the_buffer_cannot_hold_loses_no_beginning_and_no_ending(kind: Any) -> None:
    drops: list[Drop] = []
    publisher = kind("localhost:1", "urn:test", on_drop=drops.append)
    with publisher.execution() as execution:
        for _ in range(3_000):
            with execution.step("a") as step:
                for _ in range(3):
                    step.llm_called(model="m", prompt_tokens=1)
    assert {drop.type for drop in drops} == {"llm.called"}
    assert {drop.reason for drop in drops} == {DropReason.BUFFER_FULL}
    kept = Counter(record.type for record in publisher._buffer.abandon())
    assert kept["execution.started"] == kept["execution.completed"] == 1
    assert kept["step.started"] == kept["step.completed"] == 3_000


@pytest.mark.parametrize(
    "output",
    [
        "x" * 6_000_000,
        [{"id": number, "name": f"row {number}", "text": "x" * 54, "score": 0.5} for number in range(60_000)],
    ],
    ids=["6 MB of text", "6 MB of rows"],
)
def test_a_large_output_is_cut_before_it_is_written(output: Any) -> None:
    """Writing all of it takes the caller twice as long and more: both are measured in turn, on the same machine."""
    execution = Collector("urn:test", strict=False).execution()
    written = _least_time(lambda: json.dumps(output, ensure_ascii=False).encode(), 5)
    assert _least_time(lambda: execution.step("a").complete(output=output), 10) < written


def _least_time(work: Callable[[], object], times: int) -> float:
    """Processor time of this thread, as the other tests' servers share the machine."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return min(took)


def _readable(collector: Collector) -> None:
    for record in collector.records:
        assert isinstance(record, Record)
        assert record.size <= DEFAULT_MAX_EVENT_BYTES + 1_000
        read = decode(record.value)
        assert isinstance(read, Decoded), read
        assert json.loads(record.value)["partitionkey"].encode() == record.key
