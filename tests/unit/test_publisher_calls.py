"""Blocks around calls, the usage objects of providers, the decorator, and code that needs no handle."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from execledger_publisher import Execution, Step, current_execution, current_step
from unit.test_publisher import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def only(bench: Bench, type_: str) -> dict[str, Any]:
    (data,) = (document["data"] for document in bench.documents if document["type"] == type_)
    assert isinstance(data, dict)
    return data


OPENAI_CHAT = SimpleNamespace(
    prompt_tokens=100,
    completion_tokens=40,
    total_tokens=140,
    prompt_tokens_details=SimpleNamespace(cached_tokens=30, audio_tokens=5),
    completion_tokens_details=SimpleNamespace(reasoning_tokens=20, audio_tokens=3, accepted_prediction_tokens=0),
)
OPENAI_COUNTS = {"prompt": 100, "completion": 40, "cached": 30, "reasoning": 20}
OPENAI_RESPONSES = SimpleNamespace(
    input_tokens=100,
    output_tokens=40,
    input_tokens_details=SimpleNamespace(cached_tokens=30),
    output_tokens_details=SimpleNamespace(reasoning_tokens=20),
)
ANTHROPIC = SimpleNamespace(
    input_tokens=50, output_tokens=40, cache_read_input_tokens=30, cache_creation_input_tokens=20, service_tier="x"
)
ANTHROPIC_PLAIN = {
    "input_tokens": 50,
    "output_tokens": 40,
    "cache_read_input_tokens": None,
    "cache_creation_input_tokens": None,
}
GEMINI = SimpleNamespace(
    prompt_token_count=100,
    candidates_token_count=25,
    thoughts_token_count=15,
    cached_content_token_count=30,
    tool_use_prompt_token_count=7,
    total_token_count=147,
    prompt_tokens_details=[SimpleNamespace(modality="MediaModality.AUDIO", token_count=5)],
    candidates_tokens_details=None,
)
GEMINI_JSON = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 25,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 95}, {"modality": "AUDIO", "tokenCount": 5}],
}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (OPENAI_CHAT, {**OPENAI_COUNTS, "input_audio": 5, "output_audio": 3}),
        (OPENAI_RESPONSES, OPENAI_COUNTS),
        (ANTHROPIC, {"prompt": 100, "completion": 40, "cached": 30, "cache_write": 20}),
        (ANTHROPIC_PLAIN, {"prompt": 50, "completion": 40}),
        (GEMINI, {"prompt": 107, "completion": 40, "cached": 30, "reasoning": 15, "input_audio": 5}),
        (GEMINI_JSON, {"prompt": 100, "completion": 25, "input_audio": 5}),
        (SimpleNamespace(usage=OPENAI_RESPONSES), OPENAI_COUNTS),
        (SimpleNamespace(usage_metadata=GEMINI_JSON), {"prompt": 100, "completion": 25, "input_audio": 5}),
        ("nothing of the kind", {}),
    ],
)  # fmt: skip
def test_usage_is_taken_in_the_shape_of_each_provider(bench: Bench, usage: Any, expected: dict[str, int]) -> None:
    bench.execution().llm_called(usage=usage)
    assert only(bench, "llm.called") == {f"{name}_tokens": count for name, count in expected.items()}


def test_what_is_said_beside_a_usage_object_counts_more(bench: Bench) -> None:
    bench.execution().llm_called(usage=OPENAI_CHAT, prompt_tokens=1)
    assert only(bench, "llm.called")["prompt_tokens"] == 1


def test_an_execution_takes_the_usage_of_a_provider_too(bench: Bench) -> None:
    bench.execution().complete(usage=OPENAI_CHAT)
    assert only(bench, "execution.completed")["usage"] == {"prompt_tokens": 100, "completion_tokens": 40}


def test_a_block_around_a_model_s_call_times_it_and_keeps_prompt_and_answer(bench: Bench) -> None:
    with bench.execution().step("draft", agent_id="writer") as step, step.llm(model="gpt-5", input=["hi"]) as call:
        bench.clock.tick(0.25)
        call.report(usage=OPENAI_RESPONSES, output="ho", provider="openai")
    assert only(bench, "llm.called") == {
        "agent_id": "writer",
        "step_id": "draft",
        "provider": "openai",
        "model": "gpt-5",
        "duration_ms": 250,
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "cached_tokens": 30,
        "reasoning_tokens": 20,
        "input": ["hi"],
        "output": "ho",
    }


async def test_a_block_that_is_left_by_an_error_says_so_and_hides_nothing(bench: Bench) -> None:
    execution = bench.execution()
    with pytest.raises(TimeoutError, match="slow"):
        async with execution.llm(model="m"):
            raise TimeoutError("slow")
    with pytest.raises(KeyError), execution.tool("search", input={"q": "tea"}):
        raise KeyError("tea")
    assert only(bench, "llm.called") == {"model": "m", "duration_ms": 0, "error": "slow"}
    assert only(bench, "tool.called") == {
        "tool_name": "search",
        "success": False,
        "duration_ms": 0,
        "error": "'tea'",
        "input": {"q": "tea"},
    }


def test_a_block_around_a_tool_s_call_keeps_its_output(bench: Bench) -> None:
    with bench.execution().tool("search", agent_id="a") as call:
        bench.clock.tick(1)
        call.report(output=[], cache_hit=True)
    assert only(bench, "tool.called") == {
        "agent_id": "a",
        "tool_name": "search",
        "success": True,
        "duration_ms": 1000,
        "output": [],
        "cache_hit": True,
    }


def test_a_misspelt_option_of_a_call_is_an_error_at_once(bench: Bench) -> None:
    execution = bench.execution()
    for wrong in (execution.llm_called, execution.llm):
        with pytest.raises(TypeError, match="promt_tokens"):
            wrong(promt_tokens=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="inputs"):
        execution.tool("t").report(inputs=1)  # type: ignore[call-arg]


def test_nested_code_finds_execution_and_step_without_a_handle(bench: Bench) -> None:
    assert current_execution() is None
    assert current_step() is None
    with bench.execution() as execution:
        assert (current_execution(), current_step()) == (execution, None)
        with execution.step("a") as step:
            assert (current_execution(), current_step()) == (execution, step)
            with step.execution() as child:
                assert (current_execution(), current_step()) == (child, None)
        with suppress(ValueError), execution.step("b"):
            raise ValueError
        assert (current_execution(), current_step()) == (execution, None)
    assert current_execution() is None


async def test_each_task_has_its_own_step(bench: Bench) -> None:
    async def work(execution: Execution, name: str) -> None:
        async with execution.step(name) as step:
            await asyncio.sleep(0)
            assert current_step() is step
            await asyncio.to_thread(lambda: None)
            assert current_step() is step

    async with bench.execution() as execution:
        await asyncio.gather(*(work(execution, name) for name in "abc"))
        assert current_step() is None


def test_a_traced_function_is_an_execution_outside_and_a_step_inside(bench: Bench) -> None:
    @bench.collector.traced
    def research(topic: str, *, deep: bool = False) -> str:
        return f"{look_up(topic)}!"

    @bench.collector.traced(name="look up", agent_id="a", arguments=False)
    def look_up(topic: str) -> str:
        assert current_step() is not None
        return topic.upper()

    assert research("tea", deep=True) == "TEA!"
    assert bench.types == ["execution.started", "step.started", "step.completed", "execution.completed"]
    started, step_started, step_completed, completed = (document["data"] for document in bench.documents)
    name = "test_a_traced_function_is_an_execution_outside_and_a_step_inside.research"
    assert started == {"workflow": {"id": name}, "input": {"topic": "tea", "deep": True}}
    assert step_started["step"] == {"name": "look up", "agent_id": "a"}
    assert "input" not in step_started
    assert (step_completed["output"], completed["output"]) == ("TEA", "TEA!")
    assert (research.__name__, inspect.signature(research)) == ("research", inspect.signature(research.__wrapped__))  # type: ignore[attr-defined]


async def test_a_traced_coroutine_and_method_record_what_they_raise(bench: Bench) -> None:
    class Agent:
        @bench.collector.traced(name="run", result=False)
        async def run(self, number: int) -> int:
            if number:
                raise ValueError("odd")
            return number

    assert await Agent().run(0) == 0
    with pytest.raises(ValueError, match="odd"):
        await Agent().run(1)
    assert bench.types[1::2] == ["execution.completed", "execution.failed"]
    assert bench.documents[0]["data"]["input"] == {"number": 0}
    assert "output" not in bench.documents[1]["data"]


def test_a_traced_generator_lasts_until_it_is_exhausted_and_is_current_only_while_it_runs(bench: Bench) -> None:
    @bench.collector.traced(name="pages")
    def pages(count: int) -> Iterator[int]:
        for number in range(count):
            assert current_step() is not None
            answer = yield number
            if answer:
                yield answer

    with bench.execution() as execution:
        found = pages(2)
        assert bench.types == ["execution.started"]
        assert next(found) == 0
        assert current_step() is None
        with execution.step("between"):
            pass
        assert found.send("sent") == "sent"  # type: ignore[attr-defined]
        assert list(found) == [1]
    assert [document["data"].get("step", {}).get("name") for document in bench.documents[1:-1]] == [
        *("pages", "between", "between", "pages")
    ]


def test_a_traced_generator_that_raises_is_thrown_into_or_is_left_early_ends_so(bench: Bench) -> None:
    @bench.collector.traced(name="g")
    def numbers() -> Iterator[int]:
        with suppress(KeyError):
            yield 1
        yield 2
        raise ValueError("no more")

    found = numbers()
    assert next(found) == 1
    assert found.throw(KeyError) == 2  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no more"):
        next(found)
    left = numbers()
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert bench.types[1::2] == ["execution.failed", "execution.cancelled"]


async def test_a_traced_asynchronous_generator_does_the_same(bench: Bench) -> None:
    @bench.collector.traced(name="g")
    async def numbers(count: int) -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(0)
            assert current_execution() is not None
            yield number
        if count == 3:
            raise ValueError

    assert [number async for number in numbers(2)] == [0, 1]
    with pytest.raises(ValueError):  # noqa: PT011 - which one is clear
        [number async for number in numbers(3)]
    early = numbers(2)
    await anext(early)
    assert current_execution() is None
    await early.aclose()  # type: ignore[attr-defined]
    assert bench.types[1::2] == ["execution.completed", "execution.failed", "execution.cancelled"]


def test_what_is_shown_of_the_sdk_s_objects_helps(bench: Bench) -> None:
    execution = bench.execution(external_id="run")
    step = execution.step("fetch")
    assert repr(execution) == "<Execution 'run' of urn:test: not begun>"
    assert repr(step) == "<Step 'fetch' of execution 'run': not begun>"
    execution.start().retry("x")
    step.start().fail()
    step.start()
    assert repr(execution) == "<Execution 'run' of urn:test, attempt 2: running>"
    assert repr(step) == "<Step 'fetch' of execution 'run', try 2: running>"
    assert repr(execution.llm(model="m")) == "<LlmBlock of execution 'run': {'model': 'm'}>"
    assert repr(bench.collector) == "<Collector of urn:test: 0 sent, 0 dropped, 0 waiting>"


def test_a_block_left_in_another_context_than_it_was_entered_leaves_nothing_behind(bench: Bench) -> None:
    """As fixtures and dependencies do."""

    def fixture() -> Iterator[Step]:
        with bench.execution() as execution, execution.step("a") as step:
            yield step

    import contextvars

    found = fixture()
    contextvars.copy_context().run(next, found)
    assert current_step() is None
    next(found, None)
    assert current_step() is None
    assert bench.types[-1] == "execution.completed"
