"""All steps of an execution in one answer, as columns."""

from datetime import UTC, datetime
from typing import Any

import pytest

from execledger_query.execution import columns
from execledger_query.views import Step
from factories_query import NOON, bearing, ledger, serving

ANN = bearing("ann", "acme")
_MANY = """
    INSERT INTO execledger.steps (
        execution_id, step_id, iteration, iteration_key, attempt, try_number, tenant_id, status, provisional,
        unexpected, first_event_at, started_at, ended_at, duration_ms, name, fold
    )
    SELECT $1, 'step-' || i, i, i, 1, 1, 'acme', 'completed', false, false, at, at, at + interval '1234 ms', 1234,
           'step-' || i, ''
    FROM (SELECT i, timestamptz '2026-03-01 12:00Z' + i * interval '1 s' AS at FROM generate_series(1, 10000) AS i) AS t
"""


async def test_columns_say_what_the_list_says(database: str) -> None:
    async with ledger(database) as rows, serving(database) as client:
        execution = await rows.execution(owner_id="ann", external_id="run-1")
        error = await rows.event(execution, "step.failed", {"error": {"stack": "secret"}})
        said: dict[str, Any] = {"error_event_id": error, "error_message": 'a "b"\n\x01', "metadata": {"x": [1]}}
        await rows.step(execution, "b", iteration=0, total_items=2, started_at=NOON, duration_ms=5, **said)
        await rows.step(execution, "a", parent_id="b", agent_id="é", status="completed", ended_at=NOON)
        await rows.step(execution, "a", try_number=2, status="skipped", provisional=True)
        listed = (await client.get("/v1/executions/run-1/steps", headers=ANN)).json()["items"]
        answer = await client.get("/v1/executions/run-1/steps?as=columns", headers=ANN)
    shown = answer.json()
    assert "secret" not in answer.text
    assert shown["count"] == 3
    assert set(shown["columns"]) == set(Step.model_fields) - {"input", "output"}
    for step in listed:
        for name in ("started_at", "ended_at"):
            step[name] = None if step[name] is None else _milliseconds(step[name])
    assert shown["columns"] == {name: [step[name] for step in listed] for name in shown["columns"]}


def _milliseconds(shown: str) -> int:
    at = datetime.fromisoformat(shown) - datetime(1970, 1, 1, tzinfo=UTC)
    return at.days * 86_400_000 + at.seconds * 1000 + at.microseconds // 1000


async def test_ten_thousand_steps_are_one_answer_below_a_megabyte(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ledger(database) as rows, serving(database) as client:
        execution = await rows.execution(owner_id="ann", external_id="run-1")
        await rows.connection.execute(_MANY, execution)
        answer = await client.get("/v1/executions/run-1/steps?as=columns", headers=ANN)
        assert len(answer.content) < 1_000_000
        shown = answer.json()
        assert shown["count"] == 10_000
        assert {len(values) for values in shown["columns"].values()} == {10_000}
        assert (shown["columns"]["iteration"][41], shown["columns"]["started_at"][0]) == (42, 1772366401000)
        monkeypatch.setattr(columns, "MOST_BYTES", 400 * 9_999)
        refused = await client.get("/v1/executions/run-1/steps?as=columns", headers=ANN)
        assert (refused.status_code, refused.json()["type"]) == (504, "urn:execledger:problem:too-slow")


async def test_columns_of_no_steps_are_empty_and_go_without_pages(database: str) -> None:
    async with ledger(database) as rows, serving(database) as client:
        await rows.execution(owner_id="ann", external_id="run-1")
        path = "/v1/executions/run-1/steps"
        empty = (await client.get(f"{path}?as=columns", headers=ANN)).json()
        assert (empty["count"], empty["columns"]["step_id"], len(empty["columns"])) == (0, [], 16)
        for wrong in ("as=rows", "as=columns&limit=5", "as=columns&include=payloads"):
            refused = await client.get(f"{path}?{wrong}", headers=ANN)
            assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (400, "as"), wrong
        assert (await client.get(f"{path}?as=columns", headers=bearing("ann", "umbra"))).status_code == 404
