"""From an orchestrator to who asks: events into Kafka, executions out over HTTP, and a recorder that dies between."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jwt
from aiokafka import AIOKafkaProducer

from conftest import Servers, Topics
from factories_recorder import Row, event
from running import Service, eventually, query, recorder

SECRET = "a secret of the acceptance tests, long enough"
EXECUTIONS = 80


def story(number: int) -> Iterator[Row]:
    """One execution of two steps; every fourth one fails in its second."""
    run = {"subject": f"run-{number:03}", "tenantid": "acme"}
    owner = {"id": f"owner-{number % 2}", "name": "Ann"}
    yield event("execution.started", {"workflow": {"id": "wf", "name": "Write"}, "owner": owner}, at=number, **run)
    for turn, step in enumerate(({"id": "plan"}, {"id": "draft"})):
        at = number + 10 * turn
        has_failed = turn == 1 and number % 4 == 0
        call = {
            "model": "m",
            "prompt_tokens": 100,
            "completion_tokens": number,
            "cost_usd": "0.001",
            "step_id": step["id"],
        }
        yield event("step.started", {"step": step}, at=at + 1, **run)
        yield event("llm.called", call, at=at + 2, **run)
        yield event("step.failed" if has_failed else "step.completed", {"step": step}, at=at + 3, **run)
    if has_failed:
        yield event("execution.failed", {"error": {"message": "no words", "type": "Block"}}, at=number + 30, **run)
    else:
        yield event("execution.completed", {"result": f"text {number}"}, at=number + 30, **run)


def turns() -> list[tuple[Row, ...]]:
    """Every story, interleaved: the first event of each, then the second of each, and so on."""
    return list(zip(*(story(number) for number in range(EXECUTIONS)), strict=True))


async def publish(servers: Servers, topic: str, parts: Iterable[Sequence[Row]]) -> None:
    """Events, every tenth of them twice, and some garbage."""
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers, acks="all")
    await producer.start()
    try:
        for part in parts:
            for number, said in enumerate(part):
                for _ in range(2 if number % 10 == 0 else 1):
                    await producer.send(topic, json.dumps(said).encode(), key=said["subject"].encode())
            await producer.send(topic, b"{garbage", key=b"nobody")
        await producer.flush()
    finally:
        await producer.stop()


async def ask(service: Service, path: str, **parameters: Any) -> Any:
    """What the query service answers to a reader of the tenant."""
    claims = {"sub": "rita", "tenant": "acme", "roles": ["reader", "payloads"], "exp": int(time.time()) + 60}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}
    answer = await service.get(path, params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pages(service: Service, path: str, **parameters: Any) -> list[Row]:
    """Every item of a list, page by page."""
    items: list[Row] = []
    while True:
        page = await ask(service, path, limit=30, **parameters)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        parameters["cursor"] = page["next_cursor"]


async def test_what_orchestrators_publish_can_be_read_although_the_recorder_was_killed(
    servers: Servers, topics: Topics, database: str, tmp_path: Path
) -> None:
    settings = topics.settings(servers, database) | {"batch_size": 10}
    *middle, last = turns()
    await publish(servers, topics.events, middle)
    async with query(tmp_path, postgres_dsn=database, jwt_secret=SECRET) as console:
        async with recorder(tmp_path, **settings) as first:
            await eventually(lambda: pages(console, "/v1/executions"))
            first.kill()
        await publish(servers, topics.events, [last])
        seen = await pages(console, "/v1/executions")
        assert 0 < sum(execution["version"] for execution in seen) < EXECUTIONS * len(middle)

        async def is_finished() -> bool:
            ended = [item for item in await pages(console, "/v1/executions") if item["ended_at"]]
            return len(ended) == EXECUTIONS

        async with recorder(tmp_path, **settings) as second:  # of the same group: waits until the dead one is missed
            await eventually(is_finished)
            await assert_all_is_told(console)
            assert (await second.metrics())["execledger_unaccounted_records"] == 0
            assert await second.stop() == 0


async def assert_all_is_told(console: Service) -> None:
    executions = {item["external_id"]: item for item in await pages(console, "/v1/executions", include="payloads")}
    assert len(executions) == EXECUTIONS
    for number in range(EXECUTIONS):
        published = list(story(number))
        execution = executions[f"run-{number:03}"]
        assert execution["version"] == len(published)
        assert execution["status"] == ("failed" if number % 4 == 0 else "completed")
        assert execution["owner"]["id"] == f"owner-{number % 2}"
        assert execution["workflow"] == {"id": "wf", "name": "Write", "version": None}
        assert execution["result"] == (None if number % 4 == 0 else f"text {number}")
        assert (execution["total_steps"], execution["completed_steps"]) == (2, 1 if number % 4 == 0 else 2)
        assert execution["usage"]["completion_tokens"] == 2 * number
        assert execution["usage"]["cost_usd"] == "0.002"
        assert execution["duration_ms"] == 30_000
    for run in ("run-000", "run-041"):
        events = await pages(console, f"/v1/executions/{run}/events")
        assert [said["id"] for said in events] == [said["id"] for said in story(int(run[4:]))]
        steps = await pages(console, f"/v1/executions/{run}/steps")
        ended = "failed" if run == "run-000" else "completed"
        assert [(step["step_id"], step["status"]) for step in steps] == [("plan", "completed"), ("draft", ended)]
