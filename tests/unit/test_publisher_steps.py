"""Which step a `step()` is: names used again, loops, nesting, tries, and the children of other tasks and threads."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_publisher import Execution, Step
from histories import records
from unit.test_publisher import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def places(bench: Bench, ending: str = "") -> list[tuple[str, int | None, int]]:
    """Id, iteration and try of each step event of that ending, in order; of the starts without one."""
    kind = f"step.{ending or 'started'}"
    steps = [document["data"]["step"] for document in bench.documents if document["type"] == kind]
    return [(step.get("id", step.get("name")), step.get("iteration"), step.get("try_number", 1)) for step in steps]


async def test_three_of_a_name_in_a_gather_are_three_steps_also_when_one_fails_before_the_next_begins(
    bench: Bench,
) -> None:
    async def search(execution: Execution, number: int) -> None:
        async with execution.step("search", input=number) as step:
            if number == 0:
                raise ValueError("nothing found")
            await asyncio.sleep(0)
            step.report(output=number)

    async with bench.execution() as execution:
        await asyncio.gather(*(search(execution, number) for number in range(3)), return_exceptions=True)
    assert places(bench) == [("search", None, 1), ("search#2", None, 1), ("search#3", None, 1)]
    assert places(bench, "failed") == [("search", None, 1)]
    assert places(bench, "completed") == [("search#2", None, 1), ("search#3", None, 1)]


def test_three_of_a_name_in_a_row_are_three_steps_each_with_its_own_input_and_output(bench: Bench) -> None:
    with bench.execution() as execution:
        for number in range(3):
            with execution.step("search", input=number) as step:
                step.report(output=number)
    told = [(place, document["data"]) for place, document in zip(places(bench), bench.documents[1::2], strict=False)]
    assert [(place[0], data["input"]) for place, data in told] == [("search", 0), ("search#2", 1), ("search#3", 2)]
    assert [document["data"]["output"] for document in bench.documents[2:-1:2]] == [0, 1, 2]


def test_a_step_that_failed_and_begins_again_is_one_step_with_two_tries(bench: Bench) -> None:
    with bench.execution() as execution:
        with suppress(ValueError), execution.step("fetch"):
            raise ValueError
        with execution.step("fetch") as again:
            assert (again.id, again.try_number) == ("fetch", 2)
        with execution.step("fetch"):
            pass
    assert places(bench) == [("fetch", None, 1), ("fetch", None, 2), ("fetch#2", None, 1)]
    assert places(bench, "completed") == [("fetch", None, 2), ("fetch#2", None, 1)]


def test_the_same_step_object_entered_again_after_a_failure_is_its_next_try(bench: Bench) -> None:
    with bench.execution() as execution:
        step = execution.step("fetch", input="x")
        for number in range(3):
            with suppress(ValueError), step:
                if number < 2:
                    raise ValueError
        with execution.step("fetch"):
            pass
    assert places(bench) == [("fetch", None, 1), ("fetch", None, 2), ("fetch", None, 3), ("fetch#2", None, 1)]


def test_what_was_timed_out_is_tried_again_and_what_was_cancelled_or_skipped_is_not(bench: Bench) -> None:
    execution = bench.execution().start()
    for end in (Step.time_out, Step.cancel, Step.skip, Step.complete):
        end(execution.step("a").start())
    assert places(bench) == [("a", None, 1), ("a", None, 2), ("a#2", None, 1), ("a#3", None, 1)]


def test_the_same_name_under_two_parents_is_two_steps(bench: Bench) -> None:
    with bench.execution() as execution:
        for parent in ("research", "write"):
            with execution.step(parent) as step, step.step("llm") as inner:
                inner.llm_called(model="m")
                with inner.step("parse"):
                    pass
    assert [place[0] for place in places(bench)] == [
        *("research", "research/llm", "research/llm/parse"),
        *("write", "write/llm", "write/llm/parse"),
    ]
    parents = [document["data"]["step"].get("parent_id") for document in bench.documents if "step" in document["data"]]
    assert parents[:3] == [None, "research", "research/llm"]
    calls = [document["data"]["step_id"] for document in bench.documents if document["type"] == "llm.called"]
    assert calls == ["research/llm", "write/llm"]


def test_a_name_that_failed_under_one_parent_is_not_tried_again_by_another(bench: Bench) -> None:
    with bench.execution() as execution:
        for parent in ("a", "b"):
            with execution.step(parent) as step, suppress(ValueError), step.step("x"):
                raise ValueError
    assert [place for place in places(bench) if "x" in place[0]] == [("a/x", None, 1), ("b/x", None, 1)]


@pytest.mark.parametrize("of_the_step", [True, False])
def test_no_two_items_of_nested_loops_share_a_step(bench: Bench, *, of_the_step: bool) -> None:
    with bench.execution() as execution:
        for _, chapter in execution.loop("chapter", "ab"):
            with chapter:
                for _, page in (chapter if of_the_step else execution).loop("page", "xyz"):
                    with page:
                        pass
    found = places(bench)
    assert len(found) == len(set(found)) == 2 + 2 * 3
    assert [place[0] for place in found if place[1] == 3] == (
        ["chapter[1]/page", "chapter[2]/page"] if of_the_step else ["page", "page#2"]
    )


async def test_a_step_loops_over_what_comes_later_too(bench: Bench) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async with bench.execution() as execution, execution.step("outer") as outer:
        async for _, step in outer.loop("page", items()):
            async with step:
                pass
    assert places(bench)[1:] == [("outer/page", 1, 1), ("outer/page", 2, 1)]


def test_the_items_of_a_second_loop_and_the_step_around_one_are_others(bench: Bench) -> None:
    with bench.execution() as execution:
        for _ in range(2):
            with execution.step("translate"):
                for _, step in execution.loop("translate", "ab"):
                    with step:
                        pass
        with execution.step("translate", iteration=1):
            pass
    found = places(bench)
    assert len(set(found)) == len(found) == 7


def test_an_item_that_fails_is_tried_again_as_itself(bench: Bench) -> None:
    with bench.execution() as execution:
        for item, step in execution.loop("translate", "ab"):
            for number in range(2):
                with suppress(ValueError), step:
                    if number == 0 and item == "b":
                        raise ValueError
    assert places(bench) == [("translate", 1, 1), ("translate", 2, 1), ("translate", 2, 2)]


def test_an_id_that_was_given_is_the_caller_s_word_for_the_same_step(bench: Bench) -> None:
    with bench.execution() as execution:
        for _ in range(2):
            with execution.step("Agent", id="node-a"):
                pass
        with execution.step("node-a"):
            pass
        with execution.step("Agent", id="x", try_number=7):
            pass
    assert places(bench) == [("node-a", None, 1), ("node-a", None, 2), ("node-a#2", None, 1), ("x", None, 7)]


def test_a_name_that_looks_like_a_number_of_another_is_no_other(bench: Bench) -> None:
    with bench.execution() as execution:
        for name in ("a#2", "a", "a", "a"):
            with execution.step(name):
                pass
    assert len({place[0] for place in places(bench)}) == 4


def test_each_attempt_counts_its_steps_anew(bench: Bench) -> None:
    with bench.execution() as execution:
        for _ in range(2):
            execution.step("a").start().fail()
            execution.step("b").start().complete()
            execution.retry()
    assert places(bench) == [("a", None, 1), ("b", None, 1)] * 2


def test_a_thread_tries_again_what_failed_in_it_and_not_what_failed_in_another(bench: Bench) -> None:
    barrier = threading.Barrier(3)

    def search(execution: Execution) -> None:
        for number in range(2):
            barrier.wait(10)
            with suppress(ValueError), execution.step("search"):
                if number == 0:
                    raise ValueError

    with bench.execution() as execution, ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(search, execution) for _ in range(3)]:
            done.result()
    assert sorted(places(bench)) == sorted(
        (f"search{mark}", None, try_) for mark in ("", "#2", "#3") for try_ in (1, 2)
    )


def test_a_step_without_a_name_has_one(bench: Bench) -> None:
    nameless: Any = None
    with bench.execution() as execution:
        execution.step().start()
        execution.step(operation="llm").start()
        execution.step(5).start()  # type: ignore[arg-type]
        execution.step(nameless).start()
    assert [place[0] for place in places(bench)] == ["step", "llm", "5", "step#2"]


NAMES = st.sampled_from(["a", "b", "a#2", "a/b", "a[1]/b"])


@given(st.lists(st.tuples(NAMES, st.sampled_from(["step", "in", "loop", "out"]), st.booleans()), max_size=30))
def test_whatever_is_named_no_two_open_steps_share_a_place(program: list[tuple[str, str, bool]]) -> None:
    bench = Bench()
    scopes: list[Execution | Step] = [bench.execution().start()]
    seen: dict[tuple[str, int | None], str] = {}
    for name, how, fails in program:
        made = [step for _, step in scopes[-1].loop(name, "xy")] if how == "loop" else [scopes[-1].step(name)]
        for step in made:
            step.start()
            place = places(bench)[-1]
            assert seen.get(place[:2]) in (None, "failed")
            seen[place[:2]] = "open"
            if how == "in":
                scopes.append(step)
            elif fails:
                step.fail()
                seen[place[:2]] = "failed"
            else:
                step.complete()
        if how == "out" and len(scopes) > 1:
            scopes.pop()
    begun = places(bench)
    assert len(set(begun)) == len(begun)


async def test_the_record_has_what_the_orchestrator_meant(bench: Bench) -> None:
    """Through the fold, all at one time: three of a gather of which one fails, a retry, a loop, two parents."""

    async def search(execution: Execution, number: int) -> None:
        async with execution.step("search", input=number):
            if number == 0:
                raise ValueError

    async with bench.execution() as execution:
        await asyncio.gather(*(search(execution, number) for number in range(3)), return_exceptions=True)
        for number in range(2):
            with suppress(ValueError), execution.step("fetch"):
                if number == 0:
                    raise ValueError
        async with execution.step("translate"):
            for _, step in execution.loop("translate", "ab"):
                async with step:
                    pass
        for parent in ("research", "write"):
            async with execution.step(parent) as outer, outer.step("llm"):
                pass
    record, steps = records(bench.events)
    found = {(step.step_id, step.iteration, step.try_number): step.status for step in steps.values()}
    expected: dict[tuple[str, int | None, int], str] = {
        ("search", None, 1): "failed",
        ("search#2", None, 1): "completed",
        ("search#3", None, 1): "completed",
        ("fetch", None, 1): "failed",
        ("fetch", None, 2): "completed",
        ("translate", None, 1): "completed",
        ("translate", 1, 1): "completed",
        ("translate", 2, 1): "completed",
    }
    expected |= {(name, None, 1): "completed" for name in ("research", "research/llm", "write", "write/llm")}
    assert found == expected
    assert (record.status, record.completed_steps, record.total_steps) == ("completed", 10, 11)
