"""The SDK in the processes where it runs: forks, pools, programs that never start or close it, ends of all kinds."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import OwnBroker, Servers, Topics
from consuming import consumed
from execledger.stack import broker

FORKS = "ignore:This process:DeprecationWarning"  # of Python 3.12 and newer: that there are threads at a fork
BEGIN = """
import asyncio, multiprocessing, os, signal, sys, threading, time
from execledger_publisher import Publisher, SyncPublisher, current_execution, current_step
address, topic = sys.argv[1:3]
"""


def run(program: str, *arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """A program of its own, that must end in time."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "error", "-W", FORKS, "-c", BEGIN + program, *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


async def told(servers: Servers, topics: Topics) -> dict[str, list[str]]:
    """The types of each execution's events, in order."""
    found: dict[str, list[str]] = {}
    for event in await events(servers, topics):
        found.setdefault(event["subject"], []).append(event["type"])
    return found


async def events(servers: Servers, topics: Topics) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in await consumed(servers.bootstrap_servers, topics.events)]


WHOLE = ["execution.started", "step.started", "step.completed", "execution.completed"]
WORK = """
def work(number):
    with publisher.execution(external_id=f"run-{number}") as execution, execution.step("a"):
        pass
    return os.getpid()
"""


async def test_a_pool_of_forks_delivers_all_of_its_events(servers: Servers, topics: Topics) -> None:
    done = run(
        "publisher = SyncPublisher(address, 'urn:test', topic=topic)\n"
        + WORK
        + """
work("parent")                                   # the parent's thread and its locks are there when it forks
context = multiprocessing.get_context("fork")
pool = context.Pool(4)
processes = set(pool.map(work, range(40), chunksize=1))
pool.close(); pool.join()
assert os.getpid() not in processes and len(processes) > 1
print(publisher.stats.sent)
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = await told(servers, topics)
    assert found == {f"run-{number}": WHOLE for number in ["parent", *range(40)]}


async def test_a_fork_in_the_midst_of_much_traffic_neither_hangs_nor_repeats(servers: Servers, topics: Topics) -> None:
    """Other threads hold the SDK's locks at the moment of the fork; what waits is the parent's to deliver."""
    done = run(
        """
publisher = SyncPublisher(address, 'urn:test', topic=topic)
publisher.start()
over = threading.Event()
def chatter(number):
    with publisher.execution(external_id=f"chatter-{number}") as execution:
        while not over.is_set():
            execution.progress(1)
            time.sleep(0.0005)
threads = [threading.Thread(target=chatter, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
children = []
for number in range(20):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        assert publisher.stats.sent == publisher.stats.buffered == 0
        with publisher.execution(external_id=f"child-{number}") as execution, execution.step("a"):
            pass
        os._exit(publisher.close(20))
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
over.set()
for thread in threads: thread.join()
assert codes == [0] * 20, codes
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = await events(servers, topics)
    assert not [id_ for id_, times in Counter(event["id"] for event in found).items() if times > 1]
    by_subject = await told(servers, topics)
    assert all(by_subject[f"child-{number}"] == WHOLE for number in range(20))
    assert all(by_subject[f"chatter-{number}"][-1] == "execution.completed" for number in range(4))


async def test_children_that_go_on_with_their_parent_s_execution_have_steps_of_their_own(
    servers: Servers, topics: Topics
) -> None:
    done = run(
        """
publisher = SyncPublisher(address, 'urn:test', topic=topic)
def search(number):
    with current_execution().step("search"):
        pass
with publisher.execution(external_id="run"):
    search(0)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(search, range(3), chunksize=1)
        pool.close(); pool.join()
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ended = [event for event in await events(servers, topics) if event["type"] == "step.completed"]
    assert len({event["data"]["step"].get("id", "search") for event in ended}) == len(ended) == 4


@pytest.mark.parametrize("kind", ["Publisher", "SyncPublisher"])
async def test_a_publisher_that_nobody_started_or_closed_delivers_before_the_program_ends(
    servers: Servers, topics: Topics, kind: str
) -> None:
    """By the broker's name, which is looked up while the program ends already."""
    address = servers.bootstrap_servers.replace("127.0.0.1", "localhost")
    done = run(f"publisher = {kind}(address, 'urn:test', topic=topic)\n{WORK}work(1)", address, topics.events)
    assert (done.returncode, done.stderr) == (0, "")
    assert await told(servers, topics) == {"run-1": WHOLE}


async def test_a_publisher_that_nobody_holds_any_more_delivers_and_lets_its_thread_go(
    servers: Servers, topics: Topics
) -> None:
    done = run(
        """
import gc
for number in range(3):
    publisher = Publisher(address, 'urn:test', topic=topic)
    with publisher.execution(external_id=f"run-{number}") as execution, execution.step("a"):
        pass
    del publisher, execution
gc.collect()
deadline = time.monotonic() + 20
while threading.active_count() > 1:
    assert time.monotonic() < deadline, threading.enumerate()
    time.sleep(0.01)
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert await told(servers, topics) == {f"run-{number}": WHOLE for number in range(3)}


def test_a_program_without_a_broker_ends_in_time_and_says_how_many_events_are_lost() -> None:
    program = f"publisher = Publisher(address, 'urn:test', topic=topic, close_timeout=1.0)\n{WORK}work(1)"
    began = time.monotonic()
    done = run(program, "127.0.0.1:1", "events")
    assert done.returncode == 0
    assert "not_delivered 4" in done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr  # that there is an outage, and what it cost
    assert time.monotonic() - began < 15


async def test_a_publisher_of_a_module_serves_one_event_loop_after_the_other(servers: Servers, topics: Topics) -> None:
    done = run(
        """
publisher = Publisher(address, 'urn:test', topic=topic, max_block_ms=1000)
async def work(number):
    async with publisher.execution(external_id=f"run-{number}") as execution:
        async with execution.step("a"):
            pass
    assert number % 2 or await publisher.flush() == 0
for number in range(4):
    asyncio.run(work(number))
async def closing(number):
    async with publisher:
        await work(number)
for number in range(4, 6):
    asyncio.run(closing(number))
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert await told(servers, topics) == {f"run-{number}": WHOLE for number in range(6)}


@pytest.mark.parametrize("kind", ["Publisher", "SyncPublisher"])
async def test_a_burst_without_a_pause_loses_no_beginning_and_no_ending(
    servers: Servers, topics: Topics, kind: str
) -> None:
    done = run(
        f"""
publisher = {kind}(address, 'urn:test', topic=topic, close_timeout=60.0)
with publisher.execution(external_id="run") as execution:
    for number in range(3_000):
        with execution.step("a") as step:
            for _ in range(3):
                step.llm_called(model="m", prompt_tokens=1)
""",
        servers.bootstrap_servers,
        topics.events,
    )
    assert done.returncode == 0, done.stderr
    counts = Counter((await told(servers, topics))["run"])
    assert counts["execution.started"] == counts["execution.completed"] == 1
    assert counts["step.started"] == counts["step.completed"] == 3_000


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_what_is_open_at_sigterm_ends_as_cancelled(servers: Servers, topics: Topics, kind: str) -> None:
    """As docs/publishing.md says how."""
    work = {
        "sync": """
with SyncPublisher(address, 'urn:test', topic=topic) as publisher:
    with publisher.execution(external_id="run") as execution, execution.step("wait"):
        print("ready", flush=True)
        time.sleep(60)
""",
        "async": """
async def main():
    async with Publisher(address, 'urn:test', topic=topic) as publisher:
        async with publisher.execution(external_id="run") as execution, execution.step("wait"):
            print("ready", flush=True)
            await asyncio.sleep(60)
asyncio.run(main())
""",
    }
    program = BEGIN + _documented("signal.signal(") + work[kind]
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program, servers.bootstrap_servers, topics.events], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    types = asyncio.run(told(servers, topics))["run"]
    assert types == ["execution.started", "step.started", "step.cancelled", "execution.cancelled"]


def test_an_outage_is_known_within_seconds_and_said_in_two_lines(own_broker: OwnBroker) -> None:
    """One when it begins, one when it is over; aiokafka says nothing in our thread."""
    asyncio.run(broker.make_topics(own_broker.address, [broker.Topic("events", 1, 1_048_588)]))
    with subprocess.Popen(  # noqa: S603 - our own program
        [
            sys.executable,
            "-c",
            BEGIN
            + """
import logging
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
publisher = SyncPublisher(address, "urn:test", topic=topic, close_timeout=60.0)
execution = publisher.execution(external_id="run").start()
assert publisher.flush() == 0 and publisher.stats.last_error is None
print("ready", flush=True); sys.stdin.readline()
execution.progress(1)
began = time.monotonic()
while publisher.stats.last_error is None:
    assert time.monotonic() - began < 4
    time.sleep(0.05)
assert address in publisher.stats.last_error
time.sleep(8)
print("known", flush=True)
assert publisher.close() == 0
""",
            own_broker.address,
            "events",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        own_broker.stop()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "known\n", process.stderr.read()
        own_broker.start()
        said = process.stderr.read()
        assert process.wait(90) == 0, said
    lines = [line for line in said.splitlines() if "WARNING" in line or "ERROR" in line]
    assert len(lines) == 2, said
    assert "cannot be delivered" in lines[0]
    assert "over after" in lines[1]
    assert len(asyncio.run(consumed(own_broker.address, "events"))) == 2


def _documented(part: str) -> str:
    """The block of docs/publishing.md that has it."""
    text = Path("docs/publishing.md").read_text()
    return next(block for block in text.split("```")[1::2] if part in block).removeprefix("python\n")
