"""A pooler between the services and Postgres: a real pgbouncer in transaction mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import execledger
from pgbouncer import pgbouncer
from recorder_bench import Bench
from running import eventually, query

IGNORED = "statement_timeout, jit, idle_in_transaction_session_timeout, default_transaction_read_only, plan_cache_mode"
SAID = "EXECLEDGER_POSTGRES_DSN: leads to a pooler"


@pytest.fixture(params=["", IGNORED], ids=["that refuses parameters", "that ignores them"])
def pooled(request: pytest.FixtureRequest, tmp_path: Path, bench: Bench) -> Iterator[str]:
    with pgbouncer(tmp_path, bench.dsn, ignoring=request.param) as dsn:
        yield dsn


async def test_the_services_wait_and_say_whose_setting_leads_there(pooled: str, bench: Bench, tmp_path: Path) -> None:
    async with bench.recorder(ready=False, postgres_dsn=pooled) as recorder:

        async def says_why() -> bool:
            return not await recorder.is_ready() and SAID in recorder.log.read_text()

        await eventually(says_why)
        assert (await recorder.get("/readyz")).status_code == 503
        assert "Traceback" not in recorder.log.read_text()
    async with query(tmp_path, ready=False, postgres_dsn=pooled, insecure_anonymous="1") as service:

        async def has_said() -> bool:
            causes = [line["cause"] for line in service.said("database_unavailable")]
            return not await service.is_ready() and any(SAID in cause for cause in causes)

        await eventually(has_said)
        assert (await service.get("/readyz")).status_code == 503
        assert "Traceback" not in service.log.read_text()


async def test_a_command_ends_with_that_line(pooled: str) -> None:
    for command in (("ledger",), ("migrate",)):
        said = await execledger(*command, postgres_dsn=pooled)
        assert said.status == 1
        assert SAID in said.err
        assert len(said.err.splitlines()) <= 2, said.err
