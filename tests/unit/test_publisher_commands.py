"""What a publisher that listens does with a command: which attempt it is for, and what becomes of its work."""
# ruff: noqa: PT012 - which block the exception leaves is what these tests are about

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from execledger_publisher import Collector, Execution, ExecutionStopped, Publisher, PublishError, Step, courier

Command = dict[str, Any]


class Listening:
    """A publisher whose broker is away: it is told commands, and keeps its events."""

    def __init__(self, **options: Any) -> None:
        self._publisher = Publisher("localhost:1", "urn:test", control_topic="executions.control", **options)

    def execution(self, **options: Any) -> Execution:
        return self._publisher.execution(**{"external_id": "run", **options})

    def tell(self, *commands: Command | bytes) -> None:
        running = self._publisher._outlet.running
        assert running is not None
        for command in commands:
            running.hear(command if isinstance(command, bytes) else json.dumps(command).encode())

    @property
    def events(self) -> list[dict[str, Any]]:
        buffer = self._publisher._buffer
        with buffer._changed:
            return [json.loads(record.value) for record in [*buffer._on_their_way.values(), *buffer._records]]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def ending(self) -> dict[str, Any]:
        data: dict[str, Any] = self.events[-1]["data"]
        return {key: value for key, value in data.items() if key != "duration_ms"}


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture(autouse=True)
def _nothing_is_delivered_later() -> Iterator[None]:
    yield
    for open_one in list(courier._open):
        open_one.close(0.0)


def halt(**said: Any) -> Command:
    limit = {"kind": "cost_usd", "scope": "execution", "value": "0.10", "consumed": "0.12"}
    return _command("execution.halt", {"reason": "0.12 of 0.10 USD", "limit": limit}, said)


def warning(**said: Any) -> Command:
    limit = {"kind": "tokens", "scope": "execution", "value": 100, "consumed": 81}
    return _command("execution.warning", {"reason": "81 of 100 tokens", "limit": limit}, said)


def cancel(**said: Any) -> Command:
    return _command("execution.cancel", {"reason": "enough", "requested_by": "ann"}, said)


def _command(type_: str, data: Any, said: Command) -> Command:
    return {
        "specversion": "1.0",
        "id": f"{type_} {said}",
        "source": "execledger:recorder",
        "type": type_,
        "subject": "run",
        "time": "2026-03-01T12:00:00Z",
        "data": data,
        **said,
    }


HALTED = {"reason": "0.12 of 0.10 USD", "cancelled_by": "execledger", "killed_by_budget": True}
CANCELLED = {"reason": "enough", "cancelled_by": "ann", "killed_by_budget": False}


@pytest.mark.parametrize(("command", "ending"), [(halt(), HALTED), (cancel(), CANCELLED)])
async def test_a_stop_cancels_the_work_and_ends_execution_and_open_steps(
    listening: Listening, command: Command, ending: dict[str, Any]
) -> None:
    async def work() -> None:
        async with listening.execution() as execution, execution.step("think"):
            listening.tell(command)
            assert execution.stop_requested is not None
            await asyncio.sleep(60)

    with pytest.raises(ExecutionStopped, match="execution run was stopped: ") as stopped:
        await work()
    assert listening.types[2:] == ["step.cancelled", "execution.cancelled"]
    assert listening.ending == ending
    assert stopped.value.execution_id == "run"
    assert stopped.value.stop.killed_by_budget is (ending is HALTED)
    assert not _task().cancelling()


async def test_a_plain_with_in_a_task_is_stopped_too(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped), listening.execution():
        listening.tell(halt())
        await asyncio.sleep(60)
    assert listening.ending == HALTED
    assert not _task().cancelling()


@pytest.mark.parametrize(
    "command",
    [
        halt(attempt=2, tenantid="another"),
        halt(attempt=2, subject="another"),
        halt(attempt=1),
        halt(attempt=3),
        halt(attempt=2, type="execution.replay", data={"new_execution_id": "again"}),
        halt(attempt=2, type="execution.unheard_of"),
        halt(attempt=2, source="somebody else"),
        halt(attempt=2, data=None),
        b"{",
        b"",
        b"[]",
        b"\xff",
    ],
)
async def test_a_command_that_is_not_for_this_attempt_does_nothing(
    listening: Listening, command: Command | bytes
) -> None:
    async with listening.execution(attempt=2) as execution:
        listening.tell(command)
        await _turns()
    assert execution.stop_requested is None
    assert listening.types == ["execution.started", "execution.completed"]


async def test_a_command_after_the_block_does_nothing(listening: Listening) -> None:
    async with listening.execution() as execution:
        pass
    listening.tell(halt())
    await _turns()
    assert execution.stop_requested is None
    assert not _task().cancelling()


async def test_a_command_in_the_last_moment_of_the_block_does_not_reach_what_comes_after(listening: Listening) -> None:
    """The task is to be cancelled, and has left the block before that happened."""
    async with listening.execution():
        listening.tell(halt())
    await _turns()
    assert listening.types[-1] == "execution.completed"
    assert not _task().cancelling()


async def test_a_command_while_the_leaving_waits_for_room_does_not_reach_what_comes_after(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told_while_waiting() -> None:
        if listening.types:
            listening.tell(halt())
            await _turns()

    outlet = replace(listening._publisher._outlet, room=told_while_waiting)
    monkeypatch.setattr(listening._publisher, "_outlet", outlet)
    async with listening.execution():
        pass
    assert listening.types == ["execution.started", "execution.completed"]
    assert not _task().cancelling()


async def test_a_command_after_an_ending_by_hand_does_nothing(listening: Listening) -> None:
    async with listening.execution() as execution:
        listening.tell(halt())
        execution.complete()
        listening.tell(cancel())
        await _turns()
    assert listening.types == ["execution.started", "execution.completed"]


async def test_repeats_and_later_stops_do_not_interrupt_the_clean_up(listening: Listening) -> None:
    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        async with listening.execution():
            try:
                listening.tell(halt(), halt())
                await asyncio.sleep(60)
            finally:
                listening.tell(halt(), cancel())
                await _turns()
                cleaned = True

    with pytest.raises(ExecutionStopped):
        await work()
    assert cleaned
    assert listening.ending == HALTED


async def test_work_that_finishes_all_the_same_ends_as_it_ended(listening: Listening) -> None:
    async with listening.execution() as execution:
        listening.tell(halt())
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(60)
    assert execution.stop_requested is not None
    assert listening.types[-1] == "execution.completed"
    assert not _task().cancelling()


async def test_work_that_fails_on_a_stop_has_failed(listening: Listening) -> None:
    with pytest.raises(ValueError, match="half done"):
        async with listening.execution():
            listening.tell(halt())
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError("half done") from None
    assert listening.types[-1] == "execution.failed"
    assert not _task().cancelling()


async def test_a_cancellation_from_outside_stays_one(listening: Listening) -> None:
    async def work() -> None:
        async with listening.execution():
            listening.tell(warning())
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await _turns()
    task.cancel("user went away")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listening.ending == {"reason": "user went away"}


async def test_a_cancellation_from_outside_beside_a_stop_stays_one(listening: Listening) -> None:
    async def work() -> None:
        async with listening.execution():
            listening.tell(halt())
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("user went away")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert listening.ending == HALTED


async def test_a_timeout_around_a_stopped_block_still_counts(listening: Listening) -> None:
    """The stop takes back its own cancellation only: the timeout's is not lost, and none is left over."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            try:
                async with listening.execution():
                    listening.tell(halt())
                    await asyncio.sleep(60)
            except ExecutionStopped:
                await asyncio.sleep(60)
    assert listening.ending == HALTED
    assert not _task().cancelling()


async def test_stopping_the_parent_in_one_task_ends_its_children_in_it(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped, match="execution run "):
        async with listening.execution() as parent, parent.execution(external_id="child"):
            listening.tell(halt())
            await asyncio.sleep(60)
    child, own = listening.events[2:]
    assert [(each["subject"], each["type"]) for each in (child, own)] == [
        ("child", "execution.cancelled"),
        ("run", "execution.cancelled"),
    ]
    assert child["data"]["reason"] == "execution run was stopped: 0.12 of 0.10 USD"
    assert "killed_by_budget" not in child["data"]
    assert listening.ending == HALTED
    assert not _task().cancelling()


async def test_stopping_a_child_leaves_the_parent_its_choice(listening: Listening) -> None:
    async with listening.execution() as parent:
        with pytest.raises(ExecutionStopped, match="execution child "):
            async with parent.execution(external_id="child"):
                listening.tell(halt(subject="child"))
                await asyncio.sleep(60)
    assert [(each["subject"], each["type"]) for each in listening.events[2:]] == [
        ("child", "execution.cancelled"),
        ("run", "execution.completed"),
    ]


async def test_a_parent_that_does_not_choose_is_cancelled_with_its_stopped_child(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped, match="execution child "):
        async with listening.execution() as parent, parent.execution(external_id="child"):
            listening.tell(halt(subject="child"))
            await asyncio.sleep(60)
    assert listening.types[-1] == "execution.cancelled"
    assert listening.ending == {"reason": "execution child was stopped: 0.12 of 0.10 USD"}


async def test_parent_and_child_stopped_at_once_end_each_for_its_own_reason(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped, match="execution run "):
        async with listening.execution() as parent, parent.execution(external_id="child"):
            listening.tell(cancel(subject="child"), halt())
            await asyncio.sleep(60)
    assert listening.events[-2]["data"]["cancelled_by"] == "ann"
    assert listening.ending == HALTED
    assert not _task().cancelling()


async def test_children_in_tasks_of_their_own_are_stopped_one_by_one_or_with_their_parent(
    listening: Listening,
) -> None:
    async def child(parent: Execution, name: str) -> None:
        async with parent.execution(external_id=name):
            await asyncio.sleep(60)

    ended: list[Any] = []
    with pytest.raises(ExecutionStopped, match="execution run "):
        async with listening.execution() as parent:
            children = [asyncio.create_task(child(parent, name)) for name in "abc"]
            await _turns()
            listening.tell(halt(subject="b"))
            await _turns()
            ended = [task.done() for task in children]
            assert isinstance(children[1].exception(), ExecutionStopped)
            listening.tell(halt())
            await asyncio.gather(children[0], children[2])
    await asyncio.gather(*children, return_exceptions=True)
    assert ended == [False, True, False]
    assert [task.cancelled() for task in children] == [True, False, True]
    assert sorted(each["subject"] for each in listening.events if each["type"] == "execution.cancelled") == [
        "a",
        "b",
        "c",
        "run",
    ]


async def test_a_retry_is_stopped_by_a_command_of_its_own(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped):
        async with listening.execution() as execution:
            listening.tell(halt())
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(60)
            execution.retry("too expensive")
            assert execution.stop_requested is None
            listening.tell(halt(), cancel(attempt=2))
            await asyncio.sleep(60)
    assert listening.ending == CANCELLED
    assert not _task().cancelling()


async def test_a_stop_for_what_waits_in_a_queue_ends_it_when_it_begins(listening: Listening) -> None:
    waiting = listening.execution().create()
    listening.tell(cancel())
    with pytest.raises(ExecutionStopped):
        async with waiting:
            await asyncio.sleep(60)
    assert listening.ending == CANCELLED


async def test_a_stop_does_not_reach_the_task_of_a_block_that_could_not_begin() -> None:
    listening = Listening(strict=True, max_bytes=500)
    waiting = listening.execution().create()
    with pytest.raises(PublishError):
        await waiting.__aenter__()
    listening.tell(cancel())
    await asyncio.sleep(0.01)
    assert waiting.stop_requested is not None
    assert not _task().cancelling()


async def test_a_warning_is_kept_once_and_stops_nothing(listening: Listening) -> None:
    async with listening.execution() as execution:
        listening.tell(warning(), warning())
        await _turns()
    assert [(each.reason, each.limit.kind, each.limit.consumed) for each in execution.warnings] == [
        ("81 of 100 tokens", "tokens", 81)
    ]
    assert listening.types[-1] == "execution.completed"


def test_work_in_a_thread_asks_and_is_told(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped), listening.execution() as execution, execution.step("think"):
        execution.check()
        teller = threading.Thread(target=listening.tell, args=(halt(),))
        teller.start()
        teller.join()
        assert execution.stop_requested is not None
        execution.check()
    assert listening.types[2:] == ["step.cancelled", "execution.cancelled"]
    assert listening.ending == HALTED


def test_work_without_a_block_asks_too(listening: Listening) -> None:
    execution = listening.execution().start()
    listening.tell(halt())
    with pytest.raises(ExecutionStopped):
        execution.check()
    execution.cancel()
    assert listening.types[-1] == "execution.cancelled"


async def test_a_task_is_cancelled_from_another_thread(listening: Listening) -> None:
    with pytest.raises(ExecutionStopped):
        async with listening.execution():
            await asyncio.to_thread(listening.tell, halt())
            await asyncio.sleep(60)
    assert not _task().cancelling()


def test_an_execution_that_was_started_and_forgotten_is_not_kept(listening: Listening) -> None:
    listening.execution().start()
    gc.collect()
    running = listening._publisher._outlet.running
    assert running is not None
    assert not running._inboxes


def test_an_id_that_is_no_text_raises_nothing(listening: Listening) -> None:
    for bad in (5, ["run"]):
        with listening.execution(external_id=bad, attempt=bad):
            pass


def test_one_that_ended_does_not_take_the_commands_of_its_successor(listening: Listening) -> None:
    first = listening.execution().start()
    second = listening.execution().start()
    first.complete()
    listening.tell(halt())
    assert first.stop_requested is None
    assert second.stop_requested is not None


async def test_a_publisher_that_does_not_listen_is_asked_in_vain() -> None:
    async with Collector("urn:test").execution() as execution:
        execution.check()
    assert execution.stop_requested is None
    assert execution._block is None


@pytest.mark.parametrize("scope", ["execution", "step"])
async def test_leaving_with_the_exception_raised_by_hand_is_a_cancellation(listening: Listening, scope: str) -> None:
    async def in_step(step: Step) -> None:
        with pytest.raises(ExecutionStopped), step:
            execution.check()

    with pytest.raises(ExecutionStopped):
        async with listening.execution() as execution:
            listening.tell(halt())
            if scope == "step":
                await in_step(execution.step("think"))
            execution.check()
    assert listening.ending == HALTED
    assert "step.failed" not in listening.types
    await _turns()
    assert not _task().cancelling()


async def _turns() -> None:
    """Enough turns of the event loop for everything that is due."""
    for _ in range(5):
        await asyncio.sleep(0)


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task
