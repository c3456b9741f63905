"""The service as a process, and the commands that go with it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx2
import jwt
import pytest

from execledger_runtime.listener import listening
from factories_query import NOON, SECRET, bearing, ledger, serving

ROOT = "http://127.0.0.1"


async def test_the_service_serves_until_it_is_told_to_stop(database: str) -> None:
    async with ledger(database) as rows:
        await rows.execution(external_id="run-1")
    port = _free_port()
    async with _service(database, port) as process:
        async with httpx2.AsyncClient(base_url=f"{ROOT}:{port}") as client:
            shown = await client.get("/v1/executions/run-1?include=", headers=bearing("x", "acme", "reader"))
            assert shown.status_code == 200
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
        assert process.returncode == 0
    lines = [json.loads(line) for line in said.decode().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert {(line["route"], line["status"]) for line in requests} >= {("/v1/executions/{id}", 200), ("/healthz", 200)}
    assert "include" not in said.decode()
    assert "Bearer" not in said.decode()
    assert lines[-1]["event"] == "stopped"


async def test_an_open_request_is_answered_before_the_service_stops(database: str) -> None:
    port = _free_port()
    async with _service(database, port) as process, ledger(database) as rows:
        async with httpx2.AsyncClient(base_url=f"{ROOT}:{port}", timeout=20) as client:
            async with rows.connection.transaction():
                await rows.connection.execute("LOCK execledger.executions")
                asked = asyncio.create_task(client.get("/v1/executions", headers=bearing()))
                await asyncio.sleep(0.5)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.5)
            assert (await asked).status_code == 200
        assert await process.wait() == 0


async def test_the_service_starts_while_the_database_is_away() -> None:
    port = _free_port()
    async with _service("postgresql://reader:hunter2@127.0.0.1:1/nothing", port) as process:
        async with httpx2.AsyncClient(base_url=f"{ROOT}:{port}") as client:
            assert (await client.get("/readyz")).status_code == 503
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
        assert process.returncode == 0
    away = [line for line in map(json.loads, said.decode().splitlines()) if line["event"] == "database_unavailable"]
    assert [line["address"] for line in away] == ["127.0.0.1:1"]
    assert "hunter2" not in said.decode()


def test_a_port_that_is_taken_is_one_line(database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "execledger_query"], env=_environment(database, port), capture_output=True, text=True
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(port) in done.stderr


def test_answers_are_sent_at_once() -> None:
    """Without the protocol's name asyncio leaves Nagle's algorithm on, and every answer waits for 44 ms."""
    with listening("127.0.0.1", 0, "EXECLEDGER_QUERY_PORT") as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_a_token_of_the_command_opens_the_service(database: str) -> None:
    async with ledger(database) as rows, serving(database) as client:
        await rows.execution(external_id="run-1", owner_id="ann")
        printed = _command("token", "--sub", "rita", "--tenant", "acme", "--role", "reader", "--role", "payloads")
        headers = {"Authorization": f"Bearer {printed.stdout.strip()}"}
        assert (await client.get("/v1/executions/run-1?include=payloads", headers=headers)).status_code == 200
        named = {"EXECLEDGER_JWT_AUDIENCE": "execledger", "EXECLEDGER_JWT_ISSUER": "urn:us"}
        meant = _command("token", "--sub", "rita", "--tenant", "acme", **named)
        claims = jwt.decode(meant.stdout.strip(), options={"verify_signature": False})
        assert (claims["aud"], claims["iss"]) == ("execledger", "urn:us")
    for wrong in (["--ttl", "soon"], ["--role", "king"]):
        refused = _command("token", "--sub", "rita", "--tenant", "acme", *wrong)
        assert refused.returncode == 2
        assert wrong[0] in refused.stderr


async def test_show_draws_an_execution_and_where_it_failed(database: str) -> None:
    await _failed(database)
    shown = _command("show", "run-1", EXECLEDGER_POSTGRES_DSN=database)
    assert shown.returncode == 0, shown.stderr
    for text in ("failed", "Research 3", "ann", "$0.5", "attempt 1", "attempt 2", "1 LLM call", "draft item 2 of 3"):
        assert text in shown.stdout, text
    assert shown.stdout.index("failed at draft item 2 of 3") < shown.stdout.rindex("TimeoutError: too slow")
    assert "'chapter': 2" in shown.stdout


async def test_show_as_json(database: str) -> None:
    execution = await _failed(database)
    shown = json.loads(_command("show", str(execution), "--json", EXECLEDGER_POSTGRES_DSN=database).stdout)
    assert shown["execution"]["external_id"] == "run-1"
    assert [(attempt["attempt"], attempt["status"]) for attempt in shown["attempts"]] == [
        (1, "cancelled"),
        (2, "failed"),
    ]
    assert shown["failing"]["step_id"] == "draft"
    assert shown["failing"]["input"] == {"chapter": 2}
    assert len(shown["steps"]) == 4


async def test_show_says_what_it_cannot_find(database: str) -> None:
    async with ledger(database) as rows:
        for tenant in ("acme", "umbra"):
            await rows.execution(tenant_id=tenant, external_id="both")
    missing = _command("show", "nothing", EXECLEDGER_POSTGRES_DSN=database)
    assert (missing.returncode, missing.stderr) == (1, "execledger: there is no execution 'nothing'\n")
    several = _command("show", "both", EXECLEDGER_POSTGRES_DSN=database)
    assert several.returncode == 1
    assert "acme, umbra" in several.stderr
    assert _command("show", "both", "--tenant", "umbra", EXECLEDGER_POSTGRES_DSN=database).returncode == 0
    away = _command("show", "both", EXECLEDGER_POSTGRES_DSN="postgresql://u:hunter2@127.0.0.1:1/x")
    assert away.returncode == 1
    assert away.stderr.count("\n") == 1
    assert "hunter2" not in away.stderr


async def _failed(database: str) -> UUID:
    """Cancelled at first; tried again, it fails in the second round of a loop within a phase."""

    def at(seconds: float) -> dict[str, object]:
        return {"started_at": NOON + timedelta(seconds=seconds), "first_event_at": NOON + timedelta(seconds=seconds)}

    started, failed = UUID(int=1), UUID(int=2)
    async with ledger(database) as rows:
        execution = await rows.execution(
            external_id="run-1", owner_id="ann", workflow_id="research", workflow_name="Research", workflow_version="3",
            status="failed", attempt=2, started_at=NOON + timedelta(seconds=3), ended_at=NOON + timedelta(seconds=9),
            duration_ms=6000, total_tokens=1234, cost_usd="0.50", cost_source="reported", error_message="too slow",
            error_type="TimeoutError", error_event_id=failed,
        )  # fmt: skip
        await rows.event(execution, "execution.cancelled", attempt=1, occurred_at=NOON + timedelta(seconds=2))
        await rows.event(execution, "execution.started", attempt=2, occurred_at=NOON + timedelta(seconds=3))
        await rows.event(execution, "llm.called", attempt=2, occurred_at=NOON + timedelta(seconds=4))
        await rows.event(execution, "node.started", {"input": {"chapter": 2}}, attempt=2, event_id=started)
        broken = {"error": {"message": "too slow", "type": "TimeoutError", "stack": "line 1"}}
        await rows.event(execution, "node.failed", broken, attempt=2, event_id=failed)
        await rows.step(execution, "write", status="cancelled", attempt=1, provisional=True, **at(0))
        ended = NOON + timedelta(seconds=9)
        await rows.step(execution, "write", status="failed", attempt=2, ended_at=ended, duration_ms=6000, **at(3))
        inner = {"parent_id": "write", "total_items": 3, "attempt": 2}
        first = {"iteration": 1, "status": "completed", "ended_at": NOON + timedelta(seconds=5), "duration_ms": 2000}
        await rows.step(execution, "draft", **inner, **first, **at(3))
        second = {"iteration": 2, "status": "failed", "ended_at": NOON + timedelta(seconds=8), "duration_ms": 3000}
        said = {
            "input_event_id": started,
            "error_event_id": failed,
            "error_message": "too slow",
            "error_type": "TimeoutError",
        }
        await rows.step(execution, "draft", **inner, **second, **said, **at(5))
        return execution


def _command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", _MAIN, *arguments],
        env={**kept, "EXECLEDGER_JWT_SECRET": SECRET, "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
    )


_MAIN = """
import sys
from cyclopts import App
from execledger.commands.show import show
from execledger.commands.token import token
from execledger.errors import UserError
app = App()
app.command(show)
app.command(token)
try:
    app()
except UserError as error:
    print(f"execledger: {error}", file=sys.stderr)
    sys.exit(error.exit_status)
"""


@asynccontextmanager
async def _service(dsn: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "execledger_query",
        env=_environment(dsn, port),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await _answering(port)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _environment(dsn: str, port: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")},
        "EXECLEDGER_POSTGRES_DSN": dsn,
        "EXECLEDGER_JWT_SECRET": SECRET,
        "EXECLEDGER_QUERY_PORT": str(port),
    }


async def _answering(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"{ROOT}:{port}") as client:
        for _ in range(100):
            try:
                await client.get("/healthz")
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    pytest.fail("the service did not come up")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
