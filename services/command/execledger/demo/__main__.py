"""python -m execledger.demo: the main job on one machine, from nothing to what was recorded."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

import asyncpg
import httpx2
from aiokafka import AIOKafkaProducer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from execledger import stack
from execledger.demo.live import Overspent, overspend
from execledger.demo.traffic import Facts, Traffic, simulate
from execledger.errors import UserError
from execledger.stack import broker, database
from execledger.stack.processes import choose_port
from execledger.stack.settings import StackSettings, load
from execledger_contracts.decoding import Reason
from execledger_contracts.status import EXECUTION_STATUSES
from execledger_recorder.store.migrations import migrate

console = Console(highlight=False)
_BY_THE_WATCHDOG: Final = (
    "SELECT count(*) FROM execledger.execution_events WHERE execution_id IN (SELECT execution_id FROM "
    "execledger.watchdog_decisions) AND type = 'execution.timed_out' AND raw->>'source' = 'execledger:watchdog'"
)
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """Where this run of the demo keeps everything: a database and topics of its own, dropped when it ends."""

    endpoints: stack.Endpoints
    dsn: str
    recorder_port: int
    query_port: int
    data: Path

    @property
    def query(self) -> str:
        return f"http://127.0.0.1:{self.query_port}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when every record is accounted for, and what was recorded is what was published."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C, and say how to look further")
    parser.add_argument("--data", type=Path, default=Path(".execledger-demo"), help="where the local servers live")
    options = parser.parse_args(arguments)
    try:
        with ExitStack() as cleanup:
            return _demonstrate(cleanup, options.data, options.keep)
    except UserError as error:
        print(f"demo: {error}", file=sys.stderr)  # noqa: T201  # the command's voice
        return error.exit_status
    except KeyboardInterrupt:
        return 130


def _demonstrate(cleanup: ExitStack, data: Path, keep: bool) -> int:
    started = time.monotonic()
    _say("1. A real Kafka and a real Postgres")
    endpoints = stack.start(data, console=Console(stderr=True))
    cleanup.callback(stack.down, data, console=Console(quiet=True))
    run = cleanup.enter_context(_place(endpoints, data))
    _say("2. The recorder and the query service, each a process of its own")
    cleanup.enter_context(_service(run, "recorder", run.recorder_port))
    cleanup.enter_context(_service(run, "query", run.query_port))
    _say("3. An hour of five orchestrators, published in one stream")
    traffic = simulate(until=datetime.now(UTC))
    seconds = asyncio.run(_publish_and_wait(run, traffic))
    _say("4. One more orchestrator, live: its child spends more than their budget")
    overspent = asyncio.run(_overspend_and_wait(run, len(traffic.records)))
    sound = _report(run, traffic, overspent, seconds)
    console.print(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    if keep:
        _stay(run, traffic.facts)
    return 0 if sound else 1


@contextmanager
def _place(endpoints: stack.Endpoints, data: Path) -> Iterator[Run]:
    name = f"execledger_demo_{token_hex(4)}"
    dsn = database.with_database(endpoints.postgres_dsn, name)
    for file in ("EXECLEDGER_POSTGRES_DSN_FILE", "EXECLEDGER_JWT_SECRET_FILE"):
        os.environ.pop(file, None)  # what it holds is known by now
    os.environ |= {
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "EXECLEDGER_POSTGRES_DSN": dsn,
        "EXECLEDGER_JWT_SECRET": endpoints.jwt_secret,
        "EXECLEDGER_EVENTS_TOPIC": f"{name}.events",
        "EXECLEDGER_DEAD_LETTER_TOPIC": f"{name}.dead-letter",
        "EXECLEDGER_CONTROL_TOPIC": f"{name}.control",
        "EXECLEDGER_CONSUMER_GROUP": name,
    }
    topics = broker.wanted_topics(load(StackSettings))
    asyncio.run(database.ensure_database(endpoints.postgres_dsn, name))
    asyncio.run(migrate(dsn))
    asyncio.run(broker.make_topics(endpoints.bootstrap_servers, topics))
    try:
        yield Run(endpoints, dsn, choose_port(None), choose_port(None), data)
    finally:
        asyncio.run(_clear(endpoints, name, [topic.name for topic in topics]))


async def _clear(endpoints: stack.Endpoints, name: str, topics: list[str]) -> None:
    connection = await asyncpg.connect(endpoints.postgres_dsn)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.close()
    async with broker.admin(endpoints.bootstrap_servers) as admin:
        await admin.delete_topics(topics)


@contextmanager
def _service(run: Run, name: str, port: int) -> Iterator[None]:
    """A service, ready; ended by SIGTERM, as an operator would."""
    log = run.data / f"demo-{name}.log"
    environment = os.environ | {
        "EXECLEDGER_RECORDER_METRICS_PORT": str(run.recorder_port),
        "EXECLEDGER_QUERY_PORT": str(run.query_port),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"execledger_{name}"], env=environment, stdout=output, stderr=output
        )
    try:
        _wait_until_ready(process, name, f"http://127.0.0.1:{port}", log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait_until_ready(process: subprocess.Popen[bytes], name: str, address: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UserError(f"the {name} ended with status {process.returncode}; its log is {log}")
        try:
            if httpx2.get(f"{address}/readyz", timeout=5).status_code == httpx2.codes.OK:
                console.print(f"   the {name} answers at {address}")
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise UserError(f"the {name} was not ready after {_PATIENCE_SECONDS:.0f} s; its log is {log}")


async def _publish_and_wait(run: Run, traffic: Traffic) -> float:
    """Publish everything; the seconds from the first record sent to the last one recorded."""
    total = len(traffic.records)
    columns = (TextColumn("   {task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.monotonic()
    with Progress(*columns, console=console) as progress:
        published = progress.add_task("published", total=total)
        recorded = progress.add_task("recorded", total=total)
        publishing = asyncio.create_task(_publish(traffic, lambda sent: progress.update(published, completed=sent)))
        await _recorded(run, total, lambda done: progress.update(recorded, completed=done), publishing)
        seconds = time.monotonic() - started
        await publishing
    return seconds


async def _overspend_and_wait(run: Run, records: int) -> Overspent:
    """One execution beyond so many records, whose events are recorded too."""
    settings = load(StackSettings)
    overspent = await overspend(run.endpoints.bootstrap_servers, settings.events_topic, settings.control_topic)
    await _recorded(run, records + overspent.events)
    return overspent


async def _recorded(
    run: Run,
    total: int,
    on_progress: Callable[[int], object] = lambda _: None,
    publishing: asyncio.Task[None] | None = None,
) -> None:
    """Wait until so many records are recorded; raises what the publishing raises."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    connection = await asyncpg.connect(run.dsn)
    try:
        while (done := await _consumed(connection)) < total:
            on_progress(done)
            if publishing is not None and publishing.done():
                publishing.result()
            if time.monotonic() > deadline:
                raise UserError(f"only {done} of {total} records were recorded; see the logs in {run.data}")
            await asyncio.sleep(0.05)
        on_progress(done)
    finally:
        await connection.close()


async def _publish(traffic: Traffic, on_progress: Callable[[int], None]) -> None:
    settings = load(StackSettings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all", linger_ms=5)
    await producer.start()
    try:
        sending = []
        for number, (key, value, headers) in enumerate(traffic.records, 1):
            sending.append(await producer.send(settings.events_topic, value, key=key, headers=headers))
            if number % 500 == 0:
                on_progress(number)
        await asyncio.gather(*sending)
        on_progress(len(traffic.records))
    finally:
        await producer.stop()


async def _consumed(connection: asyncpg.Connection) -> int:
    """How many records of ours: the watchdog publishes, too, when it finds executions of the past hour overdue."""
    passed: int | None = await connection.fetchval(
        f"SELECT sum(next_offset - first_offset)::bigint - ({_BY_THE_WATCHDOG}) FROM execledger.ledger"  # noqa: S608
    )
    return passed or 0


def _report(run: Run, traffic: Traffic, overspent: Overspent, seconds: float) -> bool:
    """Show what was recorded; whether it is what was published."""
    rows = asyncio.run(_fetch(run.dsn, overspent.external_id))
    halted = _halted(overspent, rows.overspent)
    _say("5. What was recorded: executions by workflow and status")
    console.print(_by_workflow(rows.executions))
    _say("6. The account of every record, counted again from the tables")
    balanced = _command("ledger", "--audit") == 0
    failed = traffic.facts.failed_in_loop
    _say(f"7. One that failed: execledger show {failed.external_id} --tenant {failed.tenant}")
    shown = _command("show", failed.external_id, "--tenant", failed.tenant) == 0
    _say("8. What could not be read, and why: each kept with its bytes, and copied to the dead-letter topic")
    console.print(_dead_letters(rows.dead_letters))
    _say("9. The rate")
    total = len(traffic.records)
    console.print(f"   {total} records published and recorded in {seconds:.1f} s: {total / seconds:,.0f} a second")
    return balanced and shown and halted and _agrees(traffic.facts, overspent, rows)


def _halted(overspent: Overspent, row: asyncpg.Record) -> bool:
    """Say how the one that overspent ended; whether that is as it should."""
    limit = overspent.stop.limit if overspent.stop else None
    if limit is None:
        console.print(f"   nobody stopped it: {row['status']} after spending ${row['cost_usd']:f}", style="red")
        return False
    console.print(
        f"   halted at ${limit.consumed:.2f} of ${limit.value:.2f}, by its {limit.scope}: both tasks were cancelled"
    )
    console.print(
        f"   recorded as {row['status']}, killed by budget: {'yes' if row['killed_by_budget'] else 'no'}; "
        f"its child {row['child_status']}; ${row['cost_usd']:.2f}"
    )
    return row["status"] == row["child_status"] == "cancelled" and row["killed_by_budget"] is True


@dataclass(frozen=True, slots=True)
class _Rows:
    executions: list[asyncpg.Record]
    dead_letters: list[asyncpg.Record]
    outcomes: asyncpg.Record
    overspent: asyncpg.Record


async def _fetch(dsn: str, overspent_id: str) -> _Rows:
    connection = await asyncpg.connect(dsn)
    try:
        executions = await connection.fetch(
            "SELECT coalesce(workflow_name, workflow_id, '(unknown)') AS workflow, status, count(*) AS number "
            "FROM execledger.executions GROUP BY 1, 2 ORDER BY 1, 2"
        )
        letters = await connection.fetch(
            "SELECT reason, detail, count(*) AS number FROM execledger.dead_letters GROUP BY 1, 2 ORDER BY 1, 2"
        )
        outcomes = await connection.fetchrow(
            f"SELECT sum(applied + late + rejected)::bigint - ({_BY_THE_WATCHDOG}) AS events, "  # noqa: S608
            "sum(duplicate)::bigint AS duplicates, "
            "(SELECT count(*) FROM execledger.executions) AS executions FROM execledger.ledger"
        )
        overspent = await connection.fetchrow(
            "SELECT root.status, root.killed_by_budget, child.status AS child_status, "
            "root.cost_usd + child.cost_usd AS cost_usd FROM execledger.executions AS root "
            "JOIN execledger.executions AS child ON child.root_execution_id = root.external_id AND child.id <> root.id "
            "WHERE root.external_id = $1",
            overspent_id,
        )
        assert outcomes is not None  # noqa: S101  # an aggregate without GROUP BY has one row
        assert overspent is not None  # noqa: S101  # its events are recorded
        return _Rows(executions, letters, outcomes, overspent)
    finally:
        await connection.close()


def _agrees(facts: Facts, overspent: Overspent, rows: _Rows) -> bool:
    """The orchestrators know what they sent: the record must say the same."""
    letters: dict[str, int] = {}
    for row in rows.dead_letters:
        letters[row["reason"]] = letters.get(row["reason"], 0) + row["number"]
    comparisons = {
        "events": (facts.events + overspent.events, rows.outcomes["events"]),
        "duplicates": (facts.duplicates, rows.outcomes["duplicates"]),
        "executions": (facts.executions + 2, rows.outcomes["executions"]),
        "dead letters": ({reason.value: n for reason, n in facts.dead_letters.items() if n}, letters),
    }
    for name, (sent, recorded) in comparisons.items():
        if sent != recorded:
            console.print(f"   {name}: {sent} sent, {recorded} recorded", style="red")
    return all(sent == recorded for sent, recorded in comparisons.values())


def _by_workflow(rows: list[asyncpg.Record]) -> Table:
    numbers = {(row["workflow"], row["status"]): row["number"] for row in rows}
    table = Table(show_footer=True, box=SIMPLE, padding=0, collapse_padding=True)  # within 80 columns
    table.add_column("workflow", footer="all", no_wrap=True)
    for status in EXECUTION_STATUSES:
        total = sum(number for (_, of), number in numbers.items() if of == status)
        table.add_column(status, justify="right", footer=str(total))
    for workflow in sorted({workflow for workflow, _ in numbers}):
        table.add_row(workflow, *(str(numbers.get((workflow, status), "")) for status in EXECUTION_STATUSES))
    return table


def _dead_letters(rows: list[asyncpg.Record]) -> Table:
    table = Table(expand=True)
    table.add_column("records", justify="right", width=7)
    table.add_column("reason", width=max(len(reason) for reason in Reason))
    table.add_column("detail", ratio=1)
    for row in rows:
        table.add_row(str(row["number"]), row["reason"], row["detail"])
    return table


def _stay(run: Run, facts: Facts) -> None:
    token = _output(
        "token", "--sub", "you", "--tenant", facts.failed_in_loop.tenant, "--role", "reader", "--ttl", "12h"
    )
    _say("Look further, in another terminal; Ctrl-C here ends everything")
    for name in ("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "EXECLEDGER_POSTGRES_DSN", "EXECLEDGER_EVENTS_TOPIC"):
        print(f"export {name}='{os.environ[name]}'")  # noqa: T201  # to be copied: not wrapped
    execledger = Path(sys.executable).with_name("execledger")
    print(f"{execledger} show {facts.cancelled.external_id} --tenant {facts.cancelled.tenant}")  # noqa: T201
    print(f"curl -H 'Authorization: Bearer {token}' '{run.query}/v1/executions?status=failed&limit=5'")  # noqa: T201
    print(f"{run.query}/metrics and http://127.0.0.1:{run.recorder_port}/metrics")  # noqa: T201
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("\nStopping …")


def _command(*arguments: str) -> int:
    """Run a command as a user would; its exit status."""
    return subprocess.run([sys.executable, "-m", "execledger", *arguments], check=False).returncode


def _output(*arguments: str) -> str:
    command = [sys.executable, "-m", "execledger", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _say(heading: str) -> None:
    console.print(f"\n{heading}", style="bold")


if __name__ == "__main__":
    sys.exit(main())
