"""Streams while recorder, query service and database are killed and restarted: nothing is lost or repeated."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from conftest import Servers, Topics
from execledger.stack.processes import choose_port
from execledger_client import AsyncClient, StreamEvent
from factories_query import SECRET, token
from factories_recorder import event
from recorder_bench import Bench
from running import Service, eventually, query
from torture.system import connected
from vault import Vault

RUNS = 20
TOKEN = token("rita", "default", "reader")


class Following:
    """Who follows all executions, and one of them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.changes: list[StreamEvent[Any]] = []
        self.of_one: list[StreamEvent[Any]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def changes_of_all(self) -> None:
        async with AsyncClient(self._address, TOKEN) as client:
            async for each in client.stream():
                self.changes.append(each)

    async def all_of_one(self) -> None:
        async with AsyncClient(self._address, TOKEN) as client:
            async for each in client.stream_execution("run-3"):
                self.of_one.append(each)

    def newest(self) -> dict[str, int]:
        """The version of each execution that was seen last."""
        return {each.execution.external_id: each.execution.version for each in self.changes if each.execution}


@asynccontextmanager
async def followed(address: str) -> AsyncIterator[Following]:
    following = Following(address)
    tasks = following.tasks = [
        asyncio.create_task(following.changes_of_all()),
        asyncio.create_task(following.all_of_one()),
    ]
    try:
        yield following
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_streams_lose_and_repeat_nothing_while_all_around_them_is_restarted(
    vault: Vault, servers: Servers, topics: Topics, tmp_path: Path
) -> None:
    bench, port = Bench(servers, topics, vault.dsn, tmp_path), choose_port(None)
    asked: dict[str, Any] = {"postgres_dsn": vault.dsn, "jwt_secret": SECRET, "port": port}
    published = 0

    async def publish(type_: str = "execution.progressed") -> None:
        nonlocal published
        for _ in range(3):
            published += 1
            await bench.publish(*[event(type_, at=published, subject=f"run-{run}") for run in range(RUNS)])
            await asyncio.sleep(0.2)

    async def all_is_seen() -> bool:
        assert not any(task.done() for task in following.tasks), following.tasks
        return list(following.newest().values()) == [published] * RUNS

    async with AsyncExitStack() as stack, query(tmp_path, **asked) as first:
        async with bench.recorder() as recorder:
            await publish()
            await eventually(lambda: _is_known(first))
            following = await stack.enter_async_context(followed(first.address))
            await publish()
            recorder.kill()
            await publish()
        async with bench.recorder():
            await publish()
            first.kill()
            await publish()
            async with query(tmp_path, **asked):
                await publish()
                await asyncio.to_thread(vault.stop)
                await publish()
                await asyncio.to_thread(vault.start)
                await publish()
                await eventually(all_is_seen, 60)
                await bench.publish(event("execution.completed", at=published + 1, subject="run-3"))
                await eventually(lambda: _ended(following))
    shown = Counter((each.execution.id, each.execution.version) for each in following.changes if each.execution)
    assert set(shown.values()) == {1}
    events = [each.event.event_id for each in following.of_one if each.event]
    async with connected(vault.dsn) as connection:
        logged = await connection.fetch(_LOG)
    assert events == [row["event_id"] for row in logged]
    assert len(events) == published + 1


async def _is_known(service: Service) -> bool:
    answer = await service.get("/v1/executions/run-3", headers={"Authorization": f"Bearer {TOKEN}"})
    return answer.status_code == 200


async def _ended(following: Following) -> bool:
    return bool(following.of_one) and following.of_one[-1].kind == "end"


_LOG = """
    SELECT event_id FROM execledger.execution_events JOIN execledger.executions ON id = execution_id
    WHERE external_id = 'run-3' ORDER BY topic, partition, "offset"
"""
