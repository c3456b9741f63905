"""The OpenAPI document in the hands of generators: what they make of it takes every answer."""

import asyncio
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from execledger_query import openapi
from factories_query import SECRET, bearing
from factories_recorder import Row, Topic, desk, event
from running import query

DOCUMENT: Final = openapi.document()
PATHS: Final = {
    operation["operationId"]: path
    for path, operations in DOCUMENT["paths"].items()
    for operation in operations.values()
}
UNASKED: Final = {"stream_executions", "stream_execution", "metrics"}  # what does not end, or is no JSON
OTHERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "cancel_execution": {"id": "run-2"},
    "compare_executions": {"a": "run-1", "b": "run-2"},
    "show_dead_letter": {"id": 1},
    "list_executions_of_workflow": {"id": "review"},
    "list_workflow_runs": {"workflow_id": "review"},
    "show_workflow_run": {"workflow_id": "review", "execution_id": "run-1"},
    "show_workflow": {"id": "review"},
}
"""What these are asked with; others need the id of an execution, if anything."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def generated(document: Path) -> dict[str, ModuleType]:
    """The modules of openapi-python-client, one for each operation, by its path and method."""
    folder = document.parent
    settings = folder / "settings.yaml"
    settings.write_text("package_name_override: generated_client\npost_hooks: []\n", encoding="utf-8")
    program = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    said = subprocess.run(  # noqa: S603  # our own document
        [*program, "--path", document, "--config", settings, "--output-path", folder / "generated_client"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout.strip()) == (0, f"Generating {folder / 'generated_client'}"), said.stdout
    sys.path.insert(0, str(folder))
    names = [path.relative_to(folder).with_suffix("") for path in folder.glob("generated_client/api/*/[a-z]*.py")]
    return {name.name: importlib.import_module(".".join(name.parts)) for name in names}


def test_every_operation_becomes_a_function(generated: Mapping[str, ModuleType]) -> None:
    assert generated.keys() == PATHS.keys()


def test_openapi_typescript_reads_it(document: Path) -> None:
    if (npx := shutil.which("npx")) is None:
        pytest.skip("there is no Node here")
    said = subprocess.run(  # noqa: S603  # a pinned version
        [npx, "--yes", "openapi-typescript@7.9.1", document, "--output", document.parent / "api.d.ts"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "npm error network" in said.stderr:
        pytest.skip(f"openapi-typescript cannot be fetched: {said.stderr[-200:]}")
    assert said.returncode == 0, said.stderr
    types = (document.parent / "api.d.ts").read_text()
    assert all(f"{operation}: {{" in types for operation in PATHS)


async def test_what_is_generated_takes_every_answer(
    generated: Mapping[str, ModuleType], database: str, tmp_path: Path
) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(*_traffic("run-1"), *_traffic("run-2")[:-1], b"{"))
    async with query(tmp_path, postgres_dsn=database, jwt_secret=SECRET) as service:
        token = bearing("root", "default", "admin", "payloads")["Authorization"].removeprefix("Bearer ")
        await asyncio.to_thread(_ask, generated, service.address, token)


def _traffic(run: str) -> list[Row]:
    step = {"step": {"id": "draft", "iteration": 1, "total_items": 3}}
    said: list[tuple[str, Any]] = [
        ("execution.started", {"workflow": {"id": "review", "version": "3"}, "input": {"a": 1}, "labels": {"b": "c"}}),
        ("step.started", step),
        ("llm.called", {"provider": "openai", "model": "gpt-4o", "prompt_tokens": 5, "completion_tokens": 7}),
        ("tool.called", {"tool_name": "search", "success": True, "duration_ms": 5}),
        ("step.failed", {**step, "error": {"message": "no", "type": "ValueError", "stack": "at line 1"}}),
        ("execution.failed", {"error": {"message": "no", "stack": "at line 1"}, "output": run}),
    ]
    return [event(type_, at=at, data=data, subject=run) for at, (type_, data) in enumerate(said)]


def _ask(generated: Mapping[str, ModuleType], address: str, token: str) -> None:
    client = importlib.import_module("generated_client").AuthenticatedClient(base_url=address, token=token)
    for name in generated.keys() - UNASKED:
        arguments = OTHERS.get(name, {"id": "run-1"} if "{id}" in PATHS[name] else {})
        answer = generated[name].sync_detailed(client=client, **arguments)
        assert answer.status_code in (200, 202), (name, answer)
        assert answer.parsed is not None, name
    models = importlib.import_module("generated_client.models")
    fields = [models.ListExecutionsFieldsItem(member) for member in ("id", "status")]
    items = generated["list_executions"].sync_detailed(client=client, fields=fields).parsed.items
    assert [set(item.to_dict()) for item in items] == [{"id", "status"}] * 2
