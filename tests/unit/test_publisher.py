"""What the SDK emits: every event reads back with the contract's own decoding."""

import asyncio
import json
import random
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.decoding import Decoded, decode
from execledger_contracts.events import Event
from execledger_publisher import (
    Budget,
    Collector,
    Drop,
    DropReason,
    Execution,
    Owner,
    Publisher,
    PublishError,
    Step,
    SyncPublisher,
    Trigger,
    Usage,
    Uuid7,
    Workflow,
    courier,
)
from execledger_publisher.buffer import Buffer
from execledger_publisher.drops import SECONDS_BETWEEN_WARNINGS, Tally
from execledger_publisher.encoding import Record, encode

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class ManualClock:
    """A clock that a test moves."""

    at: datetime = NOON
    seconds: float = 100.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def tick(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Bench:
    """A collector whose clock a test moves."""

    clock: ManualClock = field(default_factory=ManualClock)
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.collector = Collector("urn:test", clock=self.clock)

    def execution(self, **options: Any) -> Execution:
        return self.collector.execution(**options)

    @property
    def events(self) -> list[Event]:
        return [decoded(record).event for record in self.collector.records]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(record.value) for record in self.collector.records]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def decoded(record: Record) -> Decoded:
    result = decode(record.value)
    assert isinstance(result, Decoded), result
    return result


def test_an_execution_with_a_step_and_a_call_emits_the_contract_s_events(bench: Bench) -> None:
    with bench.execution(workflow="research", external_id="run-1") as execution:
        bench.clock.tick(1)
        with execution.step("draft", agent_id="writer") as step:
            step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, cost_usd="0.0123")
            bench.clock.tick(0.25)
            step.report(output={"words": 300})
        execution.report(result="done", usage=Usage(total_tokens=812))
    started, step_started, called, step_completed, completed = bench.documents
    assert started == {
        "specversion": "1.0",
        "id": started["id"],
        "source": "urn:test",
        "type": "execution.started",
        "subject": "run-1",
        "time": "2026-03-01T12:00:00.000000Z",
        "dataschema": "urn:execledger:events:1",
        "tenantid": "default",
        "sequence": 0,
        "attempt": 1,
        "partitionkey": "run-1",
        "data": {"workflow": {"id": "research"}},
    }
    assert step_started["data"] == {"step": {"name": "draft", "agent_id": "writer"}}
    assert called["data"] == {
        "provider": "openai",
        "model": "gpt-5",
        "prompt_tokens": 812,
        "cost_usd": "0.0123",
        "agent_id": "writer",
        "step_id": "draft",
    }
    assert step_completed["data"]["output"] == {"words": 300}
    assert step_completed["data"]["duration_ms"] == 250
    assert completed["data"] == {"duration_ms": 1250, "result": "done", "usage": {"total_tokens": 812}}
    assert [document["sequence"] for document in bench.documents] == [0, 1, 2, 3, 4]
    assert {record.key for record in bench.collector.records} == {b"run-1"}


def test_everything_that_can_be_said_of_an_execution_arrives(bench: Bench) -> None:
    bench.execution(
        workflow=Workflow(id="w", name="Research", version="3"),
        owner=Owner(id="me", email="me@acme.test"),
        session_id="s",
        trigger=Trigger(mode="triggered", event_name="paid"),
        mode="COMPLEX",
        query="why?",
        input={"topic": "tea", "at": NOON, "price": Decimal("1.10"), "seen": {"a"}},
        total_steps=3,
        tags=("a", "b"),
        labels={"venture": "v", "score": 3},
        metadata={"k": [1]},
        complexity_score=0.5,
        timeout_seconds=60,
        budget=Budget(token_limit=10, cost_limit_usd=Decimal("1.5")),
        tenant="acme",
        external_id="x",
        attempt=2,
        traceparent=TRACE,
        parent_execution_id="p",
        root_execution_id="r",
    ).start()
    (document,) = bench.documents
    assert document["data"] == {
        "workflow": {"id": "w", "name": "Research", "version": "3"},
        "owner": {"id": "me", "email": "me@acme.test"},
        "session_id": "s",
        "trigger": {"mode": "triggered", "event_name": "paid"},
        "mode": "COMPLEX",
        "query": "why?",
        "input": {"topic": "tea", "at": "2026-03-01T12:00:00Z", "price": "1.10", "seen": ["a"]},
        "total_steps": 3,
        "tags": ["a", "b"],
        "labels": {"venture": "v", "score": 3},
        "metadata": {"k": [1]},
        "complexity_score": 0.5,
        "timeout_seconds": 60,
        "budget": {"token_limit": 10, "cost_limit_usd": "1.500000000"},
        "parent_execution_id": "p",
        "root_execution_id": "r",
    }
    assert (document["tenantid"], document["attempt"], document["partitionkey"]) == ("acme", 2, "r")
    assert document["traceparent"] == TRACE


def test_a_misspelt_option_is_an_error_at_once(bench: Bench) -> None:
    with pytest.raises(TypeError, match="worklow"):
        bench.execution(worklow="w")
    with pytest.raises(TypeError, match="opeartion"):
        bench.execution().step("a", opeartion="b")  # type: ignore[call-arg]


def test_a_source_that_is_no_uri_reference_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="source"):
        Collector("not a source")


def test_created_comes_before_started_and_the_input_only_once(bench: Bench) -> None:
    execution = bench.execution(workflow="w", input="large").create()
    with execution:
        pass
    assert bench.types == ["execution.created", "execution.started", "execution.completed"]
    assert [document["data"].get("input") for document in bench.documents] == ["large", None, None]


def test_a_child_has_parent_root_key_tenant_trace_and_owner(bench: Bench) -> None:
    with bench.execution(external_id="root", owner="me", session_id="s", tenant="acme", traceparent=TRACE) as root:  # noqa: SIM117 - the nesting is the point
        with root.step("delegate") as step, step.execution(external_id="child") as child:
            child.execution(external_id="grandchild", owner="you").start()
    first = {document["subject"]: document for document in reversed(bench.documents)}
    assert first["child"]["data"]["parent_execution_id"] == "root"
    assert first["grandchild"]["data"]["parent_execution_id"] == "child"
    assert first["child"]["data"]["owner"] == {"id": "me"}
    assert first["grandchild"]["data"]["owner"] == {"id": "you"}
    for name in ("child", "grandchild"):
        assert first[name]["data"]["root_execution_id"] == first[name]["partitionkey"] == "root"
        assert first[name]["tenantid"] == "acme"
        assert first[name]["traceparent"] == TRACE
        assert first[name]["data"]["session_id"] == "s"
    assert {record.key for record in bench.collector.records} == {b"root"}


def test_a_loop_numbers_its_iterations_and_names_the_one_that_fails(bench: Bench) -> None:
    def translate(item: str) -> None:
        if item == "b":
            raise ValueError("b is bad")

    def work() -> None:
        with bench.execution() as execution:
            for item, step in execution.loop("translate", ["a", "b", "c"], operation="llm"):
                with step:
                    translate(item)

    with pytest.raises(ValueError, match="b is bad"):
        work()
    assert bench.types == [
        "execution.started",
        "step.started",
        "step.completed",
        "step.started",
        "step.failed",
        "execution.failed",
    ]
    failed = bench.documents[4]["data"]
    assert failed["step"] == {"name": "translate", "operation": "llm", "iteration": 2, "total_items": 3}
    assert bench.documents[3]["data"]["input"] == "b"


async def test_a_loop_over_an_async_iterable_does_the_same(bench: Bench) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async with bench.execution() as execution:
        async for _, step in execution.loop("translate", items(), total_items=2):
            async with step:
                pass
    iterations = [document["data"]["step"] for document in bench.documents if "step" in document["data"]]
    assert [step["iteration"] for step in iterations] == [1, 1, 2, 2]
    assert {step["total_items"] for step in iterations} == {2}


def test_an_exception_is_recorded_with_type_message_and_stack_and_goes_on(bench: Bench) -> None:
    error = KeyError("missing")
    with pytest.raises(KeyError) as raised, bench.execution() as execution, execution.step("look up"):
        raise error
    assert raised.value is error
    for document in bench.documents[2:]:
        assert document["data"]["error"]["type"] == "KeyError"
        assert document["data"]["error"]["message"] == "'missing'"
        assert "raise error" in document["data"]["error"]["stack"]


def test_an_exception_that_cannot_be_printed_is_recorded_all_the_same(bench: Bench) -> None:
    class Silent(Exception):  # noqa: N818 - for this test only
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Silent), bench.execution():
        raise Silent
    assert bench.documents[-1]["data"]["error"]["type"] == "Silent"


def test_a_deep_stack_keeps_its_end(bench: Bench) -> None:
    bench.execution().fail(error=_deep_error())
    stack = bench.documents[0]["data"]["error"]["stack"]
    assert len(stack) < 33_000
    assert stack.startswith("…")
    assert stack.endswith("ValueError: the end\n")


async def test_a_cancelled_task_leaves_a_cancelled_execution(bench: Bench) -> None:
    entered = asyncio.Event()

    async def work() -> None:
        async with bench.execution() as execution, execution.step("wait"):
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel("user went away")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.types[2:] == ["step.cancelled", "execution.cancelled"]
    assert bench.documents[-1]["data"]["reason"] == "user went away"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_program_leaves_a_cancelled_execution(bench: Bench, error: type[BaseException]) -> None:
    with pytest.raises(error), bench.execution():
        raise error
    assert bench.types[-1] == "execution.cancelled"
    assert bench.documents[-1]["data"]["reason"] == error.__name__


def test_cancelling_by_hand_ends_it_once_and_open_steps_say_nothing(bench: Bench) -> None:
    with bench.execution() as execution:
        execution.step("open").start()
        execution.cancel("too expensive", "budget", killed_by_budget=True)
        execution.complete()
    assert bench.types == ["execution.started", "step.started", "execution.cancelled"]
    assert bench.documents[-1]["data"] == {
        "duration_ms": 0,
        "reason": "too expensive",
        "cancelled_by": "budget",
        "killed_by_budget": True,
    }


def test_a_retry_is_a_new_attempt_whose_sequence_starts_again(bench: Bench) -> None:
    with bench.execution(workflow="w", input="in") as execution:
        lost = execution.step("lost").start()
        bench.clock.tick(5)
        execution.retry(ValueError("first try"))
        assert execution.attempt == 2
        lost.cancel()
        bench.clock.tick(1)
        with execution.step("again"):
            pass
    told = [(event.type, event.attempt, event.sequence) for event in bench.events]
    assert told == [
        ("execution.started", 1, 0),
        ("step.started", 1, 1),
        ("execution.failed", 1, 2),
        ("execution.started", 2, 0),
        ("step.cancelled", 1, 3),
        ("step.started", 2, 1),
        ("step.completed", 2, 2),
        ("execution.completed", 2, 3),
    ]
    assert bench.documents[2]["data"]["error"]["message"] == "first try"
    assert bench.documents[-1]["data"]["duration_ms"] == 1000


def test_a_skipped_step_says_only_that(bench: Bench) -> None:
    with bench.execution() as execution:
        execution.step("never").skip(metadata={"why": "cached"})
        with execution.step("midway") as step:
            step.skip()
    assert bench.types[1:-1] == ["step.skipped", "step.started", "step.skipped"]


def test_a_step_within_a_step_names_its_parent(bench: Bench) -> None:
    outer = bench.execution().step("outer", id="o1")
    outer.step("inner").start()
    assert bench.documents[0]["data"]["step"] == {"id": "o1/inner", "name": "inner", "parent_id": "o1"}


def test_progress_tools_other_events_and_time_outs(bench: Bench) -> None:
    execution = bench.execution().start()
    execution.progress(50, completed_steps=1, total_steps=2, message="half")
    execution.tool_called("search", input={"q": "tea"}, output=[])
    execution.tool_called("search", error=TimeoutError("slow"), cache_hit=False)
    execution.event("agent.thinking", {"message": "hm", "agent_id": None})
    execution.step("slow").time_out("too slow")
    execution.time_out()
    assert bench.types[1:] == [
        "execution.progressed",
        "tool.called",
        "tool.called",
        "agent.thinking",
        "step.timed_out",
        "execution.timed_out",
    ]
    assert bench.documents[2]["data"] == {"tool_name": "search", "success": True, "input": {"q": "tea"}, "output": []}
    assert bench.documents[3]["data"] == {
        "tool_name": "search",
        "success": False,
        "error": "slow",
        "cache_hit": False,
    }
    assert bench.documents[4]["data"] == {"message": "hm", "agent_id": None}


@pytest.mark.parametrize(
    ("amount", "text"), [(1e-7, "0.0000001"), (0.1, "0.1"), (2, "2"), (Decimal("1E+2"), "100"), ("0.5", "0.5")]
)
def test_money_is_sent_as_plain_text(bench: Bench, amount: Any, text: str) -> None:
    bench.execution().llm_called(cost_usd=amount)
    assert bench.documents[0]["data"]["cost_usd"] == text


def test_time_never_runs_backwards_and_durations_do_not_follow_the_wall_clock(bench: Bench) -> None:
    with bench.execution() as execution:
        bench.clock.at -= timedelta(hours=1)
        bench.clock.seconds += 2
        execution.progress(1)
        bench.clock.at += timedelta(hours=2)
        bench.clock.seconds += 2
    assert [event.time for event in bench.events] == [NOON, NOON, NOON + timedelta(hours=1)]
    assert bench.documents[-1]["data"]["duration_ms"] == 4000


def test_a_thing_that_is_not_json_is_sent_as_its_text(bench: Bench) -> None:
    class Thing:
        def __repr__(self) -> str:
            return "<thing>"

    bench.execution().event("x", {"thing": Thing(), ("a", 1): 2, "id": UUID(int=1)})
    assert bench.documents[0]["data"]["thing"] == "<thing>"
    assert bench.documents[0]["data"]["id"] == str(UUID(int=1))


def test_a_number_that_json_has_not_is_sent_as_null(bench: Bench) -> None:
    bench.execution().complete(output={"score": float("nan"), "limits": [float("inf"), 1.5]})
    assert bench.documents[0]["data"]["output"] == {"score": None, "limits": [None, 1.5]}


def test_lone_surrogates_pass(bench: Bench) -> None:
    bench.execution(query="a\ud800b").start()
    assert bench.events[0].data.query == "a\ufffdb"  # type: ignore[union-attr]


@pytest.fixture(autouse=True)
def _nothing_is_delivered_later() -> Iterator[None]:
    yield
    for open_one in list(courier._open):
        open_one.close(0.0)


@pytest.mark.parametrize("kind", [Publisher, SyncPublisher])
def test_a_strict_publisher_raises_but_never_hides_the_work_s_own_error(kind: Any) -> None:
    publisher = kind("localhost:1", "urn:test", strict=True, max_events=1)
    execution = publisher.execution().start()
    with pytest.raises(PublishError, match="buffer_full"):
        execution.progress(1)
    with pytest.raises(ValueError, match="the work's own"), execution.llm():
        raise ValueError("the work's own")


def test_an_oversized_event_has_its_values_cut_as_the_recorder_would(bench: Bench) -> None:
    with bench.execution() as execution:
        execution.report(output={"text": "x" * 2_000_000}, result="y" * 500)
    ending = bench.collector.records[-1]
    assert ending.size < 1_000_000
    assert ending.is_cut
    data = json.loads(ending.value)["data"]
    assert data["output"]["execledger_cut"]["bytes"] > 2_000_000
    assert data["result"] == "y" * 500


def test_an_event_that_cannot_be_cut_small_enough_is_dropped() -> None:
    publisher = Publisher("localhost:1", "urn:test", max_event_bytes=1_000)
    publisher.execution().event("x", "y" * 100_000)
    assert publisher.stats.dropped_by_reason == {DropReason.TOO_LARGE: 1}


def test_publishing_after_the_close_is_dropped_and_said() -> None:
    with SyncPublisher("localhost:1", "urn:test", close_timeout=0) as publisher:
        pass
    publisher.execution().start()
    assert publisher.stats.dropped_by_reason == {DropReason.CLOSED: 1}
    assert publisher.close() == 0


def test_an_on_drop_callback_may_publish_itself() -> None:
    def again(drop: Drop) -> None:
        if drop.type == "execution.progressed":
            execution.cancel(drop.detail)

    publisher = Publisher("localhost:1", "urn:test", on_drop=again, max_events=1)
    execution = publisher.execution().start()
    execution.progress(1)
    assert publisher.stats.buffered == 2


def test_threads_that_share_an_execution_keep_sequence_and_time_in_step(bench: Bench) -> None:
    with bench.execution() as execution:
        threads = [threading.Thread(target=_count, args=(execution,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [document["sequence"] for document in bench.documents] == list(range(402))


def test_ids_are_uuid7_and_rise_even_when_the_clock_is_set_back() -> None:
    new_id = Uuid7()
    ids = [new_id(NOON + timedelta(milliseconds=offset)) for offset in [0, 0, 1, -5000, 0, 2, *[2] * 1000]]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    for text in ids:
        parsed = UUID(text)
        assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
    assert UUID(ids[0]).int >> 80 == NOON.timestamp() * 1000
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", ids[0])


def test_a_counter_that_overflows_borrows_the_next_millisecond() -> None:
    new_id = Uuid7(random_bits=lambda bits: (1 << bits) - 1)
    new_id._unix_ms, new_id._counter = 5, (1 << 42) - 1
    assert UUID(new_id(datetime.fromtimestamp(0, UTC))).int >> 80 == 6


def test_the_trace_comes_from_the_argument_else_the_span_else_the_parent_else_the_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", _no_span())
    monkeypatch.setenv("TRACEPARENT", TRACE)
    root = bench.execution()
    assert root.traceparent == TRACE
    assert bench.execution(traceparent="nonsense").traceparent == TRACE
    other = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert bench.execution(traceparent=other).traceparent == other
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", _span(int("a" * 32, 16), 7))
    assert bench.execution().traceparent == "00-" + "a" * 32 + "-0000000000000007-01"
    assert root.execution().traceparent == TRACE
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", _span(0x0AF7651916CD43DD8448EB211C80319C, 7))
    assert root.execution().traceparent == "00-0af7651916cd43dd8448eb211c80319c-0000000000000007-01"


def test_the_real_opentelemetry_without_a_span_gives_no_trace(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.trace")
    monkeypatch.delenv("TRACEPARENT", raising=False)
    assert bench.execution().traceparent is None


def test_warnings_are_given_once_a_minute_and_count_what_lay_between(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    tally = Tally(monotonic=lambda: now)
    drop = Drop(DropReason.BUFFER_FULL, "full", "x", "run", "id")
    for _ in range(10):
        tally.drop(drop)
    now = SECONDS_BETWEEN_WARNINGS
    tally.drop(drop)
    warnings = [record.getMessage() for record in caplog.records]
    assert [re.findall(r"buffer_full (\d+)", warning) for warning in warnings] == [["1"], ["10"]]
    assert tally.stats().dropped == 11


def test_a_buffer_is_bounded_in_events_and_in_bytes_until_they_are_settled() -> None:
    buffer = Buffer(max_events=3, max_bytes=3 * _record(100).size)
    assert [buffer.put(_record(100)) for _ in range(3)] == [True, True, False]
    taken = buffer.take(10)
    assert not buffer.put(_record(100))
    buffer.settle(taken[:1])
    assert buffer.put(_record(100))
    assert len(buffer) == 2
    assert buffer.abandon()[0] is taken[1]
    assert len(buffer) == 0


def test_a_put_that_waits_gets_the_room_that_another_thread_makes() -> None:
    buffer = Buffer(max_events=1, max_bytes=10_000)
    buffer.put(_record(1))
    threading.Timer(0.05, lambda: buffer.settle(buffer.take(1))).start()
    assert buffer.put(_record(1), seconds=5.0)


PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from(["step", "end", "fail", "call", "tool", "event", "child", "retry", "skip", "progress", "back"]),
        st.integers(-5000, 5000),
    ),
    max_size=40,
)


@given(program=PROGRAMS, ending=st.sampled_from(["complete", "fail", "cancel", "time_out"]))
def test_whatever_an_orchestrator_does_its_events_are_valid_ordered_and_unique(
    program: list[tuple[str, int]], ending: str
) -> None:
    bench = Bench()
    execution = bench.execution(external_id="run", workflow="w").start()
    _perform(bench, execution, program)
    getattr(execution, ending)()
    by_subject: dict[str, list[Event]] = {}
    for event in bench.events:
        by_subject.setdefault(event.subject, []).append(event)
    for events in by_subject.values():
        assert [event.time for event in events] == sorted(event.time for event in events)
        for attempt in {event.attempt for event in events}:
            sequence = [event.sequence for event in events if event.attempt == attempt]
            assert sequence == list(range(len(sequence)))
    ids = [event.id for event in bench.events]
    assert ids == sorted(set(ids))
    assert {record.key for record in bench.collector.records} == {b"run"}
    endings = [event for event in by_subject["run"] if event.type in ENDINGS]
    assert [event.attempt for event in endings] == list(range(1, execution.attempt + 1))


ENDINGS = {"execution.completed", "execution.failed", "execution.cancelled", "execution.timed_out"}


def _perform(bench: Bench, execution: Execution, program: list[tuple[str, int]]) -> None:
    open_steps: list[Step] = []
    doing: dict[str, Callable[[Step | Execution], object]] = {
        "call": lambda scope: scope.llm_called(model="m", prompt_tokens=1, cost_usd=0.1),
        "tool": lambda scope: scope.tool_called("t"),
        "event": lambda scope: scope.event("agent.thinking", {"a": None}),
        "child": lambda scope: scope.execution(external_id=f"child-{len(bench.collector.records)}").start(),
        "step": lambda scope: open_steps.append(scope.step(f"s{len(bench.collector.records)}").start()),
    }
    ends: dict[str, Callable[[Step], object]] = {
        "end": lambda step: step.complete(output=1),
        "fail": lambda step: step.fail(ValueError("x")),
        "skip": lambda step: step.skip(),
    }
    for action, milliseconds in program:
        bench.clock.at += timedelta(milliseconds=milliseconds)
        bench.clock.seconds += abs(milliseconds) / 1000
        if action in doing:
            doing[action](open_steps[-1] if open_steps else execution)
        elif action in ends and open_steps:
            ends[action](open_steps.pop())
        elif action == "retry":
            execution.retry("again")
        elif action == "progress":
            execution.progress(abs(milliseconds) % 101)


def _count(execution: Execution) -> None:
    for number in range(100):
        execution.progress(number)


def _record(size: int) -> Record:
    return Record(b"key", b"x" * size, "type", "subject", "id")


def _deep_error() -> BaseException:
    names: Iterator[str] = (f"function_{number}_{'long' * 20}" for number in range(400))
    source = "\n".join(f"def {name}(i): chain[i + 1](i + 1)" for name in names)
    chain: list[Any] = []
    scope: dict[str, Any] = {"chain": chain}
    exec(source, scope)  # noqa: S102 - many functions, as the traceback module folds a repeated one
    chain.extend(scope[f"function_{number}_{'long' * 20}"] for number in range(400))
    chain.append(_raise)
    try:
        chain[0](0)
    except ValueError as error:
        return error
    raise AssertionError


def _raise(_: int) -> None:
    raise ValueError("the end")


def _span(trace_id: int, span_id: int) -> Any:
    context = SimpleNamespace(is_valid=True, trace_id=trace_id, span_id=span_id, trace_flags=1)
    return SimpleNamespace(get_current_span=lambda: SimpleNamespace(get_span_context=lambda: context))


def _no_span() -> Any:
    context = SimpleNamespace(is_valid=False)
    return SimpleNamespace(get_current_span=lambda: SimpleNamespace(get_span_context=lambda: context))


def test_encoding_gives_the_record_that_was_asked_for() -> None:
    document = {
        "specversion": "1.0",
        "id": str(UUID(int=random.Random(1).getrandbits(128))),  # noqa: S311 - no secret
        "source": "urn:test",
        "type": "x",
        "subject": "run",
        "time": "2026-03-01T12:00:00Z",
        "partitionkey": "root",
    }
    record = encode(document)
    assert isinstance(record, Record)
    assert (record.key, record.type, record.subject, record.event_id) == (b"root", "x", "run", document["id"])
    assert json.loads(record.value) == document
