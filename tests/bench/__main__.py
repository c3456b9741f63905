"""make bench: the recorder, whole, against a bare COPY of the same log rows, in one run.

COPY: rows decoded beforehand, 1,000 a transaction, into one unpartitioned table with the raw event, the log's columns
and two btree indexes. Recorder: one process, from a backlog on Kafka, everything on. Figures are medians of the rounds.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import asyncpg
from aiokafka import AIOKafkaProducer
from rich.console import Console

from bench.events import EVENTS_AN_EXECUTION, load
from execledger import stack
from execledger.stack import broker, database
from execledger.stack.processes import choose_port
from execledger.stack.settings import StackSettings
from execledger.stack.settings import load as load_settings
from execledger_contracts.decoding import Decoded, decode
from execledger_lifecycle import enter
from execledger_recorder.rules.rows import EventRow
from execledger_recorder.store.migrations import migrate

console = Console(highlight=False)
_BASELINE = """
CREATE TABLE copied (LIKE execledger.execution_events INCLUDING DEFAULTS);
CREATE UNIQUE INDEX ON copied (execution_id, event_id);
CREATE INDEX ON copied (partition, "offset");
"""
_ROWS_A_TRANSACTION = 1000
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """How fast the recorder was, and the most memory that it took."""

    events_per_second: float
    peak_mib: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=130_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with ExitStack() as cleanup:
        data = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="execledger-bench-"))) / "data"
        endpoints = stack.start(data, console=Console(stderr=True))
        cleanup.callback(stack.delete, data, console=Console(quiet=True))
        console.print(f"making {options.events} events …")
        records = list(load(options.events // EVENTS_AN_EXECUTION, datetime.now(UTC)))
        sizes = sorted(len(value) for _, value in records)
        console.print(
            f"{len(records)} events of {sizes[0]} to {sizes[-1]} bytes, {statistics.mean(sizes):.0f} on average"
        )
        copies, recordings = [], []
        for number in range(1, options.rounds + 1):
            with _place(endpoints) as dsn:
                copies.append(asyncio.run(_copy(dsn, records)))
                recordings.append(_record(dsn, endpoints, records, data))
            ratio = recordings[-1].events_per_second / copies[-1]
            console.print(
                f"round {number}: COPY {copies[-1]:,.0f}/s, recorder {recordings[-1].events_per_second:,.0f}/s, "
                f"ratio {ratio:.3f}, recorder's peak memory {recordings[-1].peak_mib:.0f} MiB"
            )
    ratios = [recorded.events_per_second / copied for copied, recorded in zip(copies, recordings, strict=True)]
    rate = statistics.median(recorded.events_per_second for recorded in recordings)
    console.print(
        f"median: COPY {statistics.median(copies):,.0f}/s, recorder {rate:,.0f}/s, "
        f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
        style="bold",
    )
    return 0


@contextmanager
def _place(endpoints: stack.Endpoints) -> Iterator[str]:
    name = f"bench_{token_hex(4)}"
    dsn = database.with_database(endpoints.postgres_dsn, name)
    os.environ |= {
        "EXECLEDGER_EVENTS_TOPIC": f"{name}.events",
        "EXECLEDGER_DEAD_LETTER_TOPIC": f"{name}.dead-letter",
        "EXECLEDGER_CONTROL_TOPIC": f"{name}.control",
    }
    topics = broker.wanted_topics(load_settings(StackSettings))
    asyncio.run(database.ensure_database(endpoints.postgres_dsn, name))
    asyncio.run(migrate(dsn))
    asyncio.run(broker.make_topics(endpoints.bootstrap_servers, topics))
    yield dsn
    asyncio.run(_drop(endpoints.postgres_dsn, name))


async def _drop(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


async def _copy(dsn: str, records: Sequence[tuple[bytes, bytes]]) -> float:
    """Events a second by COPY alone."""
    rows = [_row(offset, value) for offset, (_, value) in enumerate(records)]
    connection = await asyncpg.connect(dsn)
    await connection.execute(_BASELINE)
    await connection.execute("CHECKPOINT")
    start = time.perf_counter()
    for first in range(0, len(rows), _ROWS_A_TRANSACTION):
        async with connection.transaction():
            await connection.copy_records_to_table(
                "copied", records=rows[first : first + _ROWS_A_TRANSACTION], columns=EventRow._fields
            )
    seconds = time.perf_counter() - start
    await connection.close()
    return len(rows) / seconds


def _row(offset: int, value: bytes) -> EventRow:
    decoded = decode(value)
    assert isinstance(decoded, Decoded)
    event = decoded.event
    rank = enter(event, decoded.event_id).key[3]
    now = datetime.now(UTC)
    return EventRow(
        event.subject,
        decoded.event_id,
        event.tenantid,
        event.type,
        event.attempt,
        event.time,
        event.sequence,
        rank,
        now,
        "applied",
        None,
        "events",
        0,
        offset,
        decoded.digest,
        decoded.text,
    )


def _record(dsn: str, endpoints: stack.Endpoints, records: Sequence[tuple[bytes, bytes]], data: Path) -> Recorded:
    """The recorder, from its first committed batch to its last."""
    asyncio.run(_publish(endpoints.bootstrap_servers, records))
    asyncio.run(_checkpoint(dsn))
    environment = os.environ | {
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "EXECLEDGER_POSTGRES_DSN": dsn,
        "EXECLEDGER_CONSUMER_GROUP": f"bench-{token_hex(4)}",
        "EXECLEDGER_RECORDER_METRICS_PORT": str(choose_port(None)),
    }
    with (data / "bench-recorder.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "execledger_recorder"], env=environment, stdout=log, stderr=log
        )
    try:
        rate = asyncio.run(_watch(dsn, len(records)))
        peak = _peak_mib(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)
    return Recorded(rate, peak)


async def _publish(bootstrap_servers: str, records: Sequence[tuple[bytes, bytes]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5, max_batch_size=262_144)
    await producer.start()
    topic = os.environ["EXECLEDGER_EVENTS_TOPIC"]
    await asyncio.gather(*[await producer.send(topic, value, key=key) for key, value in records])
    await producer.stop()


async def _checkpoint(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP TABLE copied")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _watch(dsn: str, total: int) -> float:
    """Events a second from the moment that the first partition is opened until all are recorded."""
    connection = await asyncpg.connect(dsn)
    start, deadline = None, time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        passed = await connection.fetchval("SELECT sum(next_offset - first_offset)::bigint FROM execledger.ledger")
        if passed is not None and start is None:
            start = time.perf_counter()
        if passed == total and start is not None:
            seconds = time.perf_counter() - start
            await connection.close()
            return total / seconds
        await asyncio.sleep(0.02)
    raise TimeoutError(f"only {passed} of {total} events were recorded")


def _peak_mib(pid: int) -> float:
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(peak[1]) / 1024 if peak else float("nan")


if __name__ == "__main__":
    sys.exit(main())
