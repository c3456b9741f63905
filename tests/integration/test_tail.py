"""`execledger tail`: what changes, in the terminal, while it changes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from command_line import execledger
from factories_recorder import Desk, Topic, desk, event, history


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        yield office


@asynccontextmanager
async def tailing(dsn: str, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """What the command prints while the block lasts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execledger", "tail", *arguments),
        env={**kept, "EXECLEDGER_POSTGRES_DSN": dsn, "PYTHONUNBUFFERED": ""},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        with suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()


async def next_line(lines: asyncio.StreamReader) -> str:
    async with asyncio.timeout(30):
        return (await lines.readline()).decode().rstrip("\n")


async def test_tail_begins_with_the_newest_and_goes_on(office: Desk) -> None:
    topic = Topic()
    workflow = {"workflow": {"id": "wf", "name": "Research"}}
    await office.record(topic.add(event("execution.started", workflow), event(subject="hidden", tenantid="other")))
    async with tailing(office.dsn, "--tenant", "default") as lines:
        first = await next_line(lines)
        assert first.split()[1:] == ["running", "Research", "run-1"]
        await office.record(topic.add(event("execution.failed", at=1), event(subject="hidden", tenantid="other", at=2)))
        assert (await next_line(lines)).split()[1:] == ["failed", "Research", "run-1"]


async def test_tail_of_one_ends_with_it(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event(), event("step.started", {"step": {"name": "a\x1b[2J" + "long " * 40}}, at=1)))
    async with tailing(office.dsn, "run-1", "--json") as lines:
        assert json.loads(await next_line(lines))["event"]["type"] == "execution.started"
        assert json.loads(await next_line(lines))["event"]["type"] == "step.started"
        assert json.loads(await next_line(lines))["status"] == "running"
        await office.record(topic.add(event("execution.completed", at=2)))
        assert json.loads(await next_line(lines))["event"]["type"] == "execution.completed"
        assert json.loads(await next_line(lines))["status"] == "completed"
        assert await next_line(lines) == ""
    said = await execledger("tail", "run-1", postgres_dsn=office.dsn)
    assert said.status == 0
    assert [line.split()[1] for line in said.out.splitlines()[:4]] == [
        *("execution.started", "step.started", "execution.completed", "completed")
    ]
    assert said.out.splitlines()[-1] == "it has ended: completed"
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80


async def test_tail_takes_the_filters_of_the_api_and_says_what_is_wrong(office: Desk) -> None:
    await office.record(Topic().add(*history()))
    async with tailing(office.dsn, "--status", "cancelled", "--status", "timed_out", "--json") as lines:
        assert {json.loads(await next_line(lines))["external_id"] for _ in range(2)} == {"run-2", "run-3"}
    for arguments, complaint in (
        (["--status", "odd"], "--status: 'odd' is not one of"),
        (["--label", "odd", "--cost-usd-gte=much"], "--label: 'odd' is not KEY=VALUE; --cost-usd-gte: "),
        (["--limit", "900"], "--limit: "),
        (["run-1", "--status", "failed"], "--status: an execution is followed whole"),
    ):
        said = await execledger("tail", *arguments, postgres_dsn=office.dsn)
        assert (said.status, said.err.count("\n")) == (2, 1), said.err
        assert said.err.startswith(f"execledger: {complaint}")
    missing = await execledger("tail", "nothing", postgres_dsn=office.dsn)
    assert (missing.status, missing.err) == (1, "execledger: there is no execution 'nothing'\n")
