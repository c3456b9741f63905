"""The query service reads from a replica; what must not lie behind it reads from, and writes to, the primary."""

import asyncio
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from conftest import Servers
from execledger.stack.database import with_database
from factories_query import Ledger, bearing, ledger, serving
from recorder_bench import connected
from running import eventually

# A standby has to have as much room for these as its primary.
AS_THE_PRIMARY = """
    SELECT name, setting FROM pg_settings
    WHERE name IN ('max_connections', 'max_locks_per_transaction', 'max_worker_processes', 'max_wal_senders',
                   'max_prepared_transactions', 'unix_socket_directories', 'listen_addresses')
"""
# As a recorder does every second.
LOOK = "UPDATE execledger.ledger_ends SET observed_at = now()"
SAM = bearing("sam", "acme", "service")


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


@pytest.fixture
async def replica(servers: Servers, database: str) -> AsyncIterator[str]:
    """The DSN of the same database on a standby of the server."""
    superuser = with_database(servers.postgres_dsn, "postgres")
    async with connected(superuser) as connection:
        programs = Path(await connection.fetchval("SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
        data = Path(await connection.fetchval("SHOW data_directory"))
        same = [f"-c{row['name']}={row['setting']}" for row in await connection.fetch(AS_THE_PRIMARY)]
    if not os.path.exists(programs / "pg_basebackup") or not os.path.exists(data):  # noqa: ASYNC240, PTH110
        pytest.skip("the server is on another machine: a standby of it cannot be made here")
    with standby(programs, data, superuser, same) as port:
        host = f"127.0.0.1:{port}"
        name = database.rpartition("@")[0] + "@" + host + "/" + database.rpartition("/")[2]
        await eventually(lambda: answers(name))
        yield name


@contextmanager
def standby(programs: Path, data: Path, superuser: str, settings: list[str]) -> Iterator[int]:
    user = data.stat().st_uid if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="execledger-standby-", dir="/tmp") as folder, socket.socket() as free:
        home = Path(folder)
        if user is not None:
            os.chown(home, user, -1)
        copy = (programs / "pg_basebackup", "-D", home / "data", "-R", "-X", "stream", "-c", "fast", "-d", superuser)
        subprocess.run(copy, check=True, user=user, capture_output=True)  # noqa: S603  # our own server's
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        log = (home / "log").open("wb")
        command: tuple[str | Path, ...] = (programs / "postgres", "-D", home / "data", "-p", str(port), *settings)
        server = subprocess.Popen(command, user=user, stdout=log, stderr=log)  # noqa: S603  # the same
        try:
            yield port
        finally:
            server.terminate()
            server.wait(30)
            log.close()


async def answers(dsn: str) -> bool:
    try:
        async with connected(dsn) as connection:
            return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))
    except (OSError, asyncpg.PostgresError):
        return False


async def has_looked(dsn: str) -> bool:
    """What a fresh look would hide, an old one would show anyway: the pause begins with a fresh one."""
    async with connected(dsn) as connection:
        query = "SELECT min(observed_at) > now() - interval '1 second' FROM execledger.ledger_ends"
        return bool(await connection.fetchval(query))


async def has(dsn: str, external_id: str) -> bool:
    async with connected(dsn) as connection:
        query = "SELECT EXISTS (SELECT FROM execledger.executions WHERE external_id = $1)"
        return bool(await connection.fetchval(query, external_id))


async def test_reads_come_from_the_replica_whose_delay_is_lag_and_what_is_asked_goes_to_the_primary(
    rows: Ledger, database: str, replica: str
) -> None:
    await rows.execution(external_id="run-1", tenant_id="acme")
    await rows.ends()
    await eventually(lambda: has(replica, "run-1"))
    async with serving(database, query_replica_dsn=replica) as client, connected(replica) as behind:
        assert (await client.get("/readyz")).status_code == 200
        await rows.connection.execute(LOOK)
        await eventually(lambda: has_looked(replica))
        await behind.execute("SELECT pg_wal_replay_pause()")
        await rows.execution(external_id="run-2", tenant_id="acme")
        await rows.connection.execute(LOOK)
        await asyncio.sleep(2.1)
        answer = await client.get("/v1/executions", headers=SAM)
        assert [item["external_id"] for item in answer.json()["items"]] == ["run-1"]
        assert 2 <= float(answer.headers["execledger-lag-seconds"]) < 60
        assert (await client.post("/v1/executions/run-2/cancel", headers=SAM)).status_code == 202
        await behind.execute("SELECT pg_wal_replay_resume()")
        await rows.connection.execute(LOOK)
        await eventually(lambda: has(replica, "run-2"))
        assert (await client.get("/v1/executions/run-2", headers=SAM)).status_code == 200


async def test_a_replica_that_is_away_is_said_by_the_setting_that_names_it(rows: Ledger, database: str) -> None:
    await rows.execution(external_id="run-1", tenant_id="acme")
    nowhere = database.rpartition("@")[0] + "@127.0.0.1:1/" + database.rpartition("/")[2]
    async with serving(database, query_replica_dsn=nowhere, query_connect_timeout_seconds=1) as client:
        answer = await client.get("/v1/executions", headers=SAM)
        assert answer.status_code == 503
        assert "EXECLEDGER_QUERY_REPLICA_DSN" in answer.json()["detail"]
        assert (await client.post("/v1/executions/run-1/cancel", headers=SAM)).status_code == 202
