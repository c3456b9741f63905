"""make bench-query: the query service on many executions, beside SELECT 1 and a plain application.

Each route and filter is asked again and again over one connection. `of 1` and `of plain` are its requests a second as a
share of those of `SELECT 1` through FastAPI and asyncpg, and of a hand-written list over one table, each measured right
before it. The first request of each is shown apart: plans and pages are cold then. Servers of its own come up and are
deleted at the end. docs/performance.md says what each figure means.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import jwt
import psutil
from rich.console import Console

from bench.__main__ import servers_of_its_own
from bench.query.asking import Asked, ask
from bench.query.filling import TENANT, fill
from bench.query.plain import TABLE
from bench.report import table
from bench.site import Servers, connected, database
from execledger.stack.processes import choose_port
from running import eventually, query

_SECRET = "a secret of the benchmark, long enough to sign"
_QUICK, _SIZES = 5_000, {"1m": 1_000_000, "10m": 10_000_000}
_HEAD = ("route", "first ms", "p50", "p95", "p99", "req/s", "of 1", "of plain")
# What is asked, and what of the plain application is the same; both with places for an id and a time.
_LISTS = (
    ("", "list"),
    ("status=failed", "list?status=failed"),
    ("workflow_id=workflow-3", "list?workflow_id=workflow-3"),
    ("status=failed&status=timed_out", "list"),
    ("owner_id=user-7", "list"),
    ("session_id=session-77", "list"),
    ("error_type=RareError", "list"),
    ("tag=rare", "list"),
    ("tag=nightly", "list"),
    ("label.venture_id=venture-3", "list"),
    ("started_before={time}", "list?before={time}"),
    ("started_after={time}", "list"),
    ("duration_ms_gte=590000", "list"),
    ("cost_usd_gte=2.9", "list"),
    ("parent={root}", "list"),
    ("root={root}", "list"),
    ("paused=false", "list"),
    ("killed_by_budget=true", "list"),
    ("q=albatross", "list"),
    ("q=research", "list"),
    ("sort=-created_at", "list"),
    ("sort=-started_at", "list"),
    ("sort=-duration_ms", "list"),
    ("sort=-cost_usd", "list"),
    ("fields=id,status", "list"),
    ("total=true", "list"),
    ("limit=50&cursor={cursor}", "list?before={time}"),
)
_OF_ONE = (("", ""), ("/steps", "/steps"), ("/events", ""), ("/timeline", ""), ("/llm-calls", ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 130 when interrupted. Slow figures are no failure."""
    parser = argparse.ArgumentParser(
        prog="make bench-query", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=_SIZES, default="1m", help="executions; a million takes ten minutes, 8 GB")
    parser.add_argument("--quick", action="store_true", help="a few thousand, for half a second each: no figures")
    options = parser.parse_args(arguments)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    executions, seconds = (_QUICK, 0.5) if options.quick else (_SIZES[options.size], 3.0)
    try:
        with servers_of_its_own(console, 1) as servers:
            for line in asyncio.run(_measured(servers, executions, seconds, console.print)):
                print(line)  # noqa: T201
    except KeyboardInterrupt:
        return 130
    return 0


async def _measured(servers: Servers, executions: int, seconds: float, say: Callable[[str], None]) -> list[str]:
    async with database(servers) as dsn, connected(dsn) as connection:
        await fill(connection, executions, say)
        await connection.execute(TABLE)
        root = f"run-{executions // 2 - executions // 2 % 10}"
        (one,) = await connection.fetch("SELECT id, created_at FROM execledger.executions WHERE external_id = $1", root)
        settings: dict[str, Any] = {
            "query_subject_requests": 100,
            "query_subject_requests_per_second": 1e6,
            "log_level": "warning",
        }
        with _plain(dsn) as plain:
            async with query(servers.folder, postgres_dsn=dsn, jwt_secret=_SECRET, **settings) as service:
                await eventually(lambda: _is_served(f"{plain}/one"))
                run = _Run(service.address, plain, seconds, say)
                lines = await run.all(str(one["id"]), one["created_at"], root)
                memory = psutil.Process(service.process.pid).memory_info().rss / 2**20
    return [f"{executions:,} executions", *lines, f"memory of the service: {memory:.0f} MiB"]


class _Run:
    """Each route in turn, right behind what it is compared with."""

    def __init__(self, ours: str, plain: str, seconds: float, say: Callable[[str], None]) -> None:
        self._ours, self._plain, self._seconds, self._say = ours, plain, seconds, say
        said = {"sub": "bench", "tenant": TENANT, "roles": ["reader"], "exp": datetime.now(UTC) + timedelta(days=1)}
        self._token = jwt.encode(said, _SECRET)

    async def all(self, id_: str, at: datetime, root: str) -> list[str]:
        """The table of all of them, and what eight connections come to."""
        time = at.isoformat().replace("+00:00", "Z")
        cursor = await self._deep()
        rows = []
        for asked, same in _LISTS:
            places = {"time": time, "root": root, "cursor": cursor}
            name = asked.split("{")[0].rstrip("=") or "newest 50"
            path = f"/v1/executions?{asked.format(**places)}".rstrip("?")
            rows.append(await self._compared("50,000 deep" if "cursor" in asked else name, path, same.format(**places)))
        for part, same in _OF_ONE:
            path = f"/v1/executions/{id_}{part}"
            rows.append(await self._compared(f"one{part}", path, f"executions/{id_}{same}"))
        rows.append(await self._compared("one by external id", f"/v1/executions/{root}", f"executions/{id_}"))
        lines = table(_HEAD, rows)
        for connections in (1, 8):
            ours = await ask(f"{self._ours}/v1/executions", self._token, self._seconds, connections)
            plain = await ask(f"{self._plain}/list", None, self._seconds, connections)
            lines.append(f"{connections} connections, newest 50: {ours.rate:,.0f} req/s; plain {plain.rate:,.0f}")
        return lines

    async def _compared(self, name: str, path: str, same: str) -> tuple[str, ...]:
        floor = await ask(f"{self._plain}/one", None, self._seconds / 3)
        plain = await ask(f"{self._plain}/{same}", None, self._seconds / 3)
        ours = await ask(f"{self._ours}{path}", self._token, self._seconds)
        self._say(f"{name}: {ours.rate:,.0f} req/s")
        return (name[:28], *_figures(ours), f"{ours.rate / floor.rate:.2f}", f"{ours.rate / plain.rate:.2f}")

    async def _deep(self) -> str:
        """The cursor behind 50,000 executions."""

        async with httpx2.AsyncClient(
            base_url=self._ours, headers={"Authorization": f"Bearer {self._token}"}
        ) as client:
            cursor = ""
            for _ in range(5 if self._seconds < 1 else 250):
                answer = await client.get(f"/v1/executions?fields=id&limit=200{cursor}")
                cursor = f"&cursor={answer.json()['next_cursor']}"
        return cursor.removeprefix("&cursor=")


def _figures(asked: Asked) -> Iterator[str]:
    yield f"{asked.first * 1e3:.1f}"
    for share in (0.5, 0.95, 0.99):
        yield f"{asked.percentile(share) * 1e3:.1f}"
    yield f"{asked.rate:,.0f}"


@contextmanager
def _plain(dsn: str) -> Iterator[str]:
    port = choose_port(None)
    folder = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-m", "bench.query.plain", dsn, str(port)], cwd=folder)  # noqa: S603
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _is_served(url: str) -> bool:
    try:
        return bool((await ask(url, None, 0)).first)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
