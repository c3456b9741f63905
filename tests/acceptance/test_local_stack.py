"""The local stack, started and stopped for real through the command."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from execledger import stack
from execledger.stack import ServerStatus, processes

SECRETS_OF = ("EXECLEDGER_POSTGRES_DSN", "EXECLEDGER_JWT_SECRET")


@pytest.fixture(scope="module", autouse=True)
def no_named_servers() -> Iterator[None]:
    """An environment in which no server is named."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EXECLEDGER_")]:
            patch.delenv(name)
        yield


def execledger(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "execledger", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def up(data: Path, **environment: str) -> dict[str, str]:
    """`execledger up`; returns what it exports."""
    result = execledger("up", "--data", str(data), **environment)
    assert result.returncode == 0, result.stderr
    return exported(result.stdout)


def exported(output: str) -> dict[str, str]:
    """What a shell has after `eval`."""
    shell = subprocess.run(  # noqa: S603 - our own output
        ["/bin/sh", "-c", f"{output}\nenv"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.partition("=") for line in shell.stdout.splitlines())
    return {name: value for name, _, value in pairs if name.startswith("EXECLEDGER_")}


def status(data: Path) -> dict[str, ServerStatus]:
    """How the servers are, by name."""
    return {server.name: server for server in stack.status(data)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One stack's data directory, which the tests of this file hand on to each other."""
    data = tmp_path_factory.mktemp("stack") / "data"
    yield data
    stack.delete(data)


async def test_up_starts_servers_that_answer_with_schema_and_topics(data: Path) -> None:
    exports = up(data)
    assert set(exports) == {"EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", *SECRETS_OF}
    doctor = execledger("doctor", "--data", str(data), **exports)
    assert doctor.returncode == 0, doctor.stdout
    shown = execledger("status", "--data", str(data), "--json")
    assert shown.returncode == 0
    assert {server["reachable"] for server in json.loads(shown.stdout)} == {True}


def test_up_again_says_the_same_and_restarts_nothing(data: Path) -> None:
    before, exports = status(data), up(data)
    assert up(data, **exports) == exports  # a shell that has evaluated the lines names our own servers
    assert status(data) == before


def test_no_secret_is_on_the_screen_or_in_a_log(data: Path) -> None:
    exports = up(data)
    password = exports["EXECLEDGER_POSTGRES_DSN"].split(":")[2].split("@")[0]
    shown = execledger("doctor", "--data", str(data), **exports)
    said = shown.stdout + shown.stderr + execledger("status", "--data", str(data)).stdout
    logs = "".join(log.read_text() for log in data.glob("*.log"))
    for secret in (password, exports["EXECLEDGER_JWT_SECRET"]):
        assert secret not in said + logs


async def test_data_survive_down_and_up(data: Path) -> None:
    dsn = up(data)["EXECLEDGER_POSTGRES_DSN"]
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await connection.close()
    assert "Kafka, Postgres" in execledger("down", "--data", str(data)).stderr
    assert "database system is shut down" in (data / "postgres.log").read_text()
    assert execledger("status", "--data", str(data)).returncode == 1
    again = execledger("down", "--data", str(data))
    assert (again.returncode, again.stderr) == (0, "Nothing was running.\n")
    assert up(data)["EXECLEDGER_POSTGRES_DSN"] == dsn
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT answer FROM kept") == 42
    await connection.close()


def kill(pid: int | None) -> None:
    """Kill a process, and wait until the kernel has taken it down: that of a large one takes a while."""
    process = psutil.Process(pid)
    process.kill()
    deadline = time.monotonic() + 10
    while processes.runs(process) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_killed_servers_come_back(data: Path) -> None:
    exports, before = up(data), status(data)
    for server in before.values():
        kill(server.pid)
    assert {server.running for server in status(data).values()} == {False}
    assert up(data) == exports
    assert {server.reachable for server in status(data).values()} == {True}


def test_a_pid_file_that_names_a_stranger_does_not_keep_postgres_down(data: Path) -> None:
    up(data)
    server = status(data)["Postgres"]
    kill(server.pid)
    pid_file = Path(str(server.data)) / "data" / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines(keepends=True)
    pid_file.write_text("".join([f"{os.getpid()}\n", *rest]))
    up(data)
    assert status(data)["Postgres"].reachable


def test_a_taken_port_is_left_to_its_taker(data: Path) -> None:
    former = up(data)
    execledger("down", "--data", str(data))
    port = int(former["EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        exports = up(data, **former)  # a shell still has the former address: it was ours
        assert exports["EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS"] != former["EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS"]
        assert exports["EXECLEDGER_POSTGRES_DSN"] == former["EXECLEDGER_POSTGRES_DSN"]
        assert execledger("doctor", "--data", str(data), **exports).returncode == 0  # as advertised


def test_two_stacks_live_side_by_side_and_two_ups_at_once_make_one(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    command = [sys.executable, "-m", "execledger", "up", "--data", str(other)]
    try:
        first, second = (
            subprocess.Popen(  # noqa: S603 - our own command
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        )
        # communicate() ends at the end of the pipes: the servers do not hold them open
        assert first.communicate(timeout=60)[0] == second.communicate(timeout=60)[0]
        mine, theirs = status(data), status(other)
        assert {server.reachable for server in [*mine.values(), *theirs.values()]} == {True}
        assert len({server.pid for server in [*mine.values(), *theirs.values()]}) == 4
    finally:
        deleted = execledger("down", "--data", str(other), "--delete-data")
    assert "Kafka, Postgres" in deleted.stderr
    assert not other.exists()
    assert {server.running for server in status(data).values()} == {True}


def test_named_servers_are_used_and_not_started(data: Path, tmp_path: Path) -> None:
    exports = up(data)
    assert up(tmp_path / "user", **exports) == exports
    assert not (tmp_path / "user" / "kafka").exists()
    assert execledger("down", "--data", str(tmp_path / "user"), **exports).stderr == "Nothing was running.\n"
    assert {server.reachable for server in status(data).values()} == {True}


def test_a_named_server_that_does_not_answer_is_an_error_with_its_address(tmp_path: Path) -> None:
    result = execledger(
        "up",
        "--data",
        str(tmp_path / "data"),
        EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9",
        EXECLEDGER_POSTGRES_DSN="postgresql://u:hidden@127.0.0.1:9/x",
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert "127.0.0.1:9" in result.stderr
    assert "hidden" not in result.stderr
    assert "Traceback" not in result.stderr


def test_without_a_registry_the_error_says_what_is_missing_and_nothing_stays_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    result = execledger(
        "up",
        "--data",
        str(data),
        EXECLEDGER_MAVEN_REPOSITORY="http://127.0.0.1:9/maven",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        NO_PROXY="127.0.0.1",
    )
    try:
        assert result.returncode == 1
        assert "proxy" in result.stderr
        assert "Traceback" not in result.stderr
        assert {server.running for server in status(data).values()} == {False}
    finally:
        stack.delete(data)


def test_servers_of_a_deleted_directory_are_still_stopped(data: Path) -> None:
    up(data)
    (data / "stack.json").rename(data / "was.json")
    try:
        assert "Kafka, Postgres" in execledger("down", "--data", str(data)).stderr
    finally:
        (data / "was.json").rename(data / "stack.json")
