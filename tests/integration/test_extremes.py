"""What is as large as the contract lets it be is recorded, and no route of the API breaks over it."""

from decimal import Decimal
from random import Random
from typing import Any

from execledger_recorder.duties.rollups import settle
from execledger_recorder.duties.trees import sum_trees
from factories_query import bearing, serving
from factories_recorder import Row, Topic, desk, event

MOST = 2**63 - 1
DOLLARS = 1_000_000_000
RANGE = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"
ROUTES = [
    *("executions", "executions?include=payloads", "executions?sort=-cost_usd&total=true", "workflows"),
    *(
        f"executions/run-1{part}"
        for part in ("", "/steps", "/llm-calls", "/tool-calls", "/timeline", "/tree", "/explain")
    ),
    *(f"analytics/{name}?{RANGE}" for name in ("agents", "cost", "usage", "durations", "steps", "tools", "versions")),
    *(f"analytics/cost?{RANGE}&group_by={by}" for by in ("model", "agent_id", "workflow_id")),
    *(f"analytics/cost?{RANGE}&time_zone=Asia/Kathmandu&group_by={by}" for by in ("model", "agent_id")),
]


def family() -> list[Row]:
    """A root and its child, which each consumed as much as can be said."""
    return [each for at, name in enumerate(("run-1", "run-2")) for each in _life(name, at * 10)]


def _life(name: str, at: int) -> list[Row]:
    tokens = {f"{kind}_tokens": MOST for kind in ("prompt", "completion", "cached", "reasoning")}
    call = {"provider": "p", "model": "m", "agent_id": "a", "cost_usd": DOLLARS, "duration_ms": MOST, **tokens}
    step = {"step": {"id": "s", "iteration": MOST, "total_items": MOST}, "duration_ms": MOST}
    parent = {} if name == "run-1" else {"parent_execution_id": "run-1", "root_execution_id": "run-1"}
    usage = {"prompt_tokens": MOST, "completion_tokens": MOST, "total_tokens": MOST, "cost_usd": DOLLARS}
    said: list[tuple[str, Any]] = [
        ("execution.started", {"workflow": {"id": "w"}, "owner": {"id": "ann"}, **parent}),
        *([("llm.called", call)] * 3),
        *([("tool.called", {"tool_name": "t", "agent_id": "a", "duration_ms": MOST})] * 3),
        ("step.completed", step),
        ("execution.completed", {"duration_ms": MOST, "usage": usage, "agents_used": MOST, "tools_invoked": MOST}),
    ]
    return [event(type_, data, at=at + n / 10, subject=name) for n, (type_, data) in enumerate(said)]


async def test_figures_as_large_as_may_be_break_no_route(database: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(*family()))
        assert set((await office.events()).values()) == {"applied"}
        await sum_trees(office.store, "executions.control", Decimal("0.8"))
        await _answer_all(database)
        await settle(office.store)
        await _answer_all(database)


async def _answer_all(database: str) -> None:
    async with serving(database) as client:
        for who in (bearing("ann", "default", "payloads"), bearing("rita", "default", "reader", "payloads")):
            for route in ROUTES:
                answer = await client.get(f"/v1/{route}", headers=who)
                assert answer.status_code == 200, (route, answer.text)


async def test_texts_as_long_as_may_be_are_recorded(database: str) -> None:
    random = Random(7)  # noqa: S311

    def text(characters: int) -> str:
        """That Postgres cannot make smaller: four bytes a character, at random."""
        return "".join(chr(random.randrange(0x20000, 0x2A6DF)) for _ in range(characters))

    error = {"type": text(255), "message": text(20_000), "stack": text(20_000)}
    begun = {"query": text(20_000), "workflow": {"id": text(255), "name": text(255), "version": text(255)}}
    begun |= {"owner": {"id": text(255), "name": text(255)}, "session_id": text(255), "tags": [text(255)]}
    begun |= {"labels": {text(255): text(255)}, "root_execution_id": text(255), "parent_execution_id": text(255)}
    name = text(255)
    async with desk(database) as office:
        await office.record(
            Topic().add(
                event("execution.started", begun, subject=name),
                event("step.failed", {"step": {"id": text(255)}, "error": error}, subject=name, at=1),
                event("execution.failed", {"error": error}, subject=name, at=2),
            )
        )
        assert await office.events() == dict.fromkeys(range(3), "applied")
        await settle(office.store)
    async with serving(database) as client:
        rita = bearing("rita", "default", "reader", "payloads")
        answer = await client.get("/v1/executions", params={"error_type": error["type"]}, headers=rita)
        assert [item["external_id"] for item in answer.json()["items"]] == [name]
