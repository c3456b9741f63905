"""Two recorders on a real store, with batches cut anywhere, crashes between any two statements, and old records again.

Hypothesis drives them over a log of two partitions. What they read on from, and what they do when the ledger stands
elsewhere, is what the consumer does. Whatever happened, the record is the pure fold of the distinct events.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from comparing import outcomes
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import reread
from execledger_contracts.events import Event
from execledger_lifecycle import ExecutionRecord, StepRecord
from execledger_recorder.recording import read, record
from execledger_recorder.rules.account import Misplaced, Record
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.rules.pricing import price_unreported
from execledger_recorder.store import Store
from execledger_recorder.store.postgres import _prepare_connection
from execledger_runtime.errors import StoreUnavailable
from factories_recorder import LETTERS, Row, assert_balanced, record_of
from histories import History, histories
from reference_fold import reference_record, reference_steps

PARTITIONS: Final = (0, 1)
JSON_COLUMNS: Final = ("tags", "labels", "metadata")
Counts = tuple[int, int]
"""How many records of each partition a batch takes."""


@dataclass(slots=True)
class Fuse:
    """Cuts the connection at a statement, before it is sent or before its answer comes."""

    statements: int = 0
    loses_answer: bool = False

    def burns(self) -> bool:
        self.statements -= 1
        return self.statements == 0


def fragile(fuse: Fuse) -> type[asyncpg.Connection]:
    """Connections with that fuse."""

    def fused(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        statement = getattr(asyncpg.Connection, name)

        async def send(self: Any, *arguments: Any, **options: Any) -> Any:
            burns = fuse.burns()
            if burns and not fuse.loses_answer:
                self._transport.abort()
            answer = await statement(self, *arguments, **options)
            if burns:
                self._transport.abort()
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            return answer

        return send

    names = ("execute", "fetch", "fetchval", "fetchrow", "copy_records_to_table", "copy_to_table")
    return type("Fragile", (asyncpg.Connection,), {name: fused(name) for name in names})


@dataclass(slots=True)
class Log:
    """Kafka's log: what lies at which offset of a partition; an offset that holds nothing is a gap."""

    topic: str
    records: dict[int, dict[int, Row | bytes | None]] = field(default_factory=lambda: {each: {} for each in PARTITIONS})
    ends: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PARTITIONS, 0))

    def add(self, partition: int, value: Row | bytes | None) -> None:
        self.records[partition][self.ends[partition]] = value
        self.ends[partition] += 1

    def read(self, partition: int, start: int, most: int) -> list[tuple[int, Row | bytes | None]]:
        return [(offset, value) for offset, value in self.records[partition].items() if offset >= start][:most]


@dataclass(slots=True)
class Recorder:
    """A consumer without its client: where it reads on, and whether a fetch from there proves a gap."""

    dsn: str
    log: Log
    store: Store
    fuse: Fuse = field(default_factory=Fuse)
    positions: dict[int, int] = field(default_factory=dict)
    sought: dict[int, int] = field(default_factory=dict)

    async def start(self) -> None:
        self.store, self.fuse = Store(self.dsn), Fuse()
        self.store._database._pool = await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=2,
            connection_class=fragile(self.fuse),
            init=_prepare_connection,
            server_settings={"timezone": "UTC", "jit": "off"},
        )
        await self.find_place()

    async def die(self) -> None:
        assert self.store._database._pool is not None
        self.store._database._pool.terminate()

    async def find_place(self) -> None:
        accounts = await self.store.ledger.open({TopicPartition(self.log.topic, number): 0 for number in PARTITIONS})
        self.positions = {id_.partition: offset for id_, offset in accounts.items()}
        self.sought = dict(self.positions)

    async def record(self, counts: Sequence[int]) -> None:
        batch = [each for partition in PARTITIONS for each in self.take(partition, counts[partition])]
        if not batch:
            return
        try:
            await record(self.store, read(batch, Limits()), LETTERS)
        except Misplaced:
            await self.find_place()
        except StoreUnavailable as error:
            assert "deadlock" not in str(error)  # noqa: PT017  # the order of locks forbids it
            await self.die()
            await self.start()

    def take(self, partition: int, most: int) -> Iterator[Record]:
        found = self.log.read(partition, self.positions[partition], most)
        reach = self.sought.pop(partition, found[0][0]) if found else 0
        for offset, value in found:
            yield record_of(value, offset, topic=self.log.topic, partition=partition, reaches_back_to=reach)
            self.positions[partition] = reach = offset + 1


@dataclass(frozen=True, slots=True)
class World:
    """What the machines of a run share."""

    dsn: str
    loop: asyncio.AbstractEventLoop
    connection: asyncpg.Connection
    numbers: Iterator[int] = field(default_factory=count)


batches = st.tuples(st.integers(0, 8), st.integers(0, 8))
recorders = st.integers(0, 1)
partitions = st.sampled_from(PARTITIONS)


class Recorders(RuleBasedStateMachine):
    """Two recorders over one log."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        number = next(world.numbers)
        self.tenant = f"tenant-{number}"
        self.log = Log(f"topic-{number}")
        self.recorders = [Recorder(world.dsn, self.log, Store(world.dsn)) for _ in range(2)]
        for recorder in self.recorders:
            self.run(recorder.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.world.loop.run_until_complete(asyncio.wait_for(work, 30))

    @rule(history=histories, spread=st.lists(partitions, min_size=1, max_size=4), run=st.sampled_from(["a", "a", "b"]))
    def publish(self, history: History, spread: list[int], run: str) -> None:
        """Events of one execution, over both partitions when the keys are bad."""
        for number, event in enumerate(history):
            said = msgspec.to_builtins(event)
            self.log.add(spread[number % len(spread)], {**said, "subject": run, "tenantid": self.tenant})

    @rule(partition=partitions, value=st.sampled_from([None, b"{", b"\xff"]))
    def publish_garbage(self, partition: int, value: bytes | None) -> None:
        self.log.add(partition, value)

    @rule(partition=partitions, offsets=st.integers(1, 3))
    def leave_a_gap(self, partition: int, offsets: int) -> None:
        self.log.ends[partition] += offsets

    @rule(who=recorders, counts=batches)
    def record(self, who: int, counts: Counts) -> None:
        self.run(self.recorders[who].record(counts))

    @rule(counts=batches, others=batches)
    def record_at_once(self, counts: Counts, others: Counts) -> None:
        one, other = self.recorders

        async def both() -> None:
            await asyncio.gather(one.record(counts), other.record(others))

        self.run(both())

    @rule(who=recorders, counts=batches, statements=st.integers(1, 24), loses_answer=st.booleans())
    def crash(self, who: int, counts: Counts, statements: int, loses_answer: bool) -> None:
        """The connection is cut; the recorder begins anew, and reads on from where the ledger stands."""
        recorder = self.recorders[who]
        recorder.fuse.statements, recorder.fuse.loses_answer = statements, loses_answer
        self.run(recorder.record(counts))
        self.run(recorder.die())
        self.run(recorder.start())

    @rule(who=recorders, partition=partitions, offsets=st.integers(1, 12), counts=batches)
    def read_again(self, who: int, partition: int, offsets: int, counts: Counts) -> None:
        """Kafka gives it old records, and whatever comes after them."""
        recorder = self.recorders[who]
        recorder.positions[partition] = max(0, recorder.positions[partition] - offsets)
        self.run(recorder.record(counts))

    @rule(who=recorders, lost=batches, counts=batches)
    def lose(self, who: int, lost: Counts, counts: Counts) -> None:
        """A batch is fetched and not recorded, and the next one is."""
        recorder = self.recorders[who]
        for partition in PARTITIONS:
            list(recorder.take(partition, lost[partition]))
        self.run(recorder.record(counts))

    @invariant()
    def every_offset_is_counted_once(self) -> None:
        self.run(self.check_ledger())

    async def check_ledger(self) -> None:
        await assert_balanced(self.world.connection)
        found = await outcomes(self.world.connection)
        mine = {
            (partition, offset): each for (topic, partition, offset), each in found.items() if topic == self.log.topic
        }
        assert all(len(each) == 1 for each in mine.values()), mine
        positions = await self.positions()
        passed = {
            (partition, offset)
            for partition in PARTITIONS
            for offset in self.log.records[partition]
            if offset < positions[partition]
        }
        assert mine.keys() == passed

    async def positions(self) -> dict[int, int]:
        query = "SELECT partition, next_offset FROM execledger.ledger WHERE topic = $1"
        rows = await self.world.connection.fetch(query, self.log.topic)
        return {row["partition"]: row["next_offset"] for row in rows}

    def teardown(self) -> None:
        try:
            self.run(self.finish())
        finally:
            for recorder in self.recorders:
                self.run(recorder.die())

    async def finish(self) -> None:
        """Record the rest; then each event is in the log, and the record is what the rules say of them."""
        for _ in range(2):  # the first may find that the ledger stands elsewhere
            await self.recorders[0].find_place()
            await self.recorders[0].record((1000, 1000))
        await self.check_ledger()
        ends = {partition: max(records, default=-1) + 1 for partition, records in self.log.records.items()}
        assert await self.positions() == ends
        published: dict[str, dict[tuple[str, str], list[Row]]] = {}
        for value in (each for records in self.log.records.values() for each in records.values()):
            if isinstance(value, dict):
                published.setdefault(value["subject"], {}).setdefault((value["source"], value["id"]), []).append(value)
        for run, events in published.items():
            told = await self.logged(run)
            assert sorted((event.source, event.id) for _, event in told) == sorted(events)
            for _, event in told:
                assert any(reread(json.dumps(said)) == event for said in events[event.source, event.id])
            logged = [msgspec.structs.replace(event, id=event_id) for event_id, event in told]  # type: ignore[type-var]  # all are structs
            # What was answered from a cache costs nothing, also when nobody says so; all else has no price.
            prices = {event.id: cost for event in logged if (cost := price_unreported(event)) is not None}
            assert await self.rows("executions", ExecutionRecord._fields, run) == [
                reference_record(logged, run, prices)
            ]
            steps = {
                (step["step_id"], step["iteration"], step["attempt"], step["try_number"]): step
                for step in await self.rows("steps", StepRecord._fields, run)
            }
            assert steps == reference_steps(logged)

    async def logged(self, run: str) -> list[tuple[str, Event]]:
        """Events with the ids that they have here."""
        rows = await self.world.connection.fetch(
            "SELECT event_id, raw FROM execledger.execution_events JOIN execledger.execution_aliases AS alias"
            " ON alias.id = execution_id WHERE alias.tenant_id = $1 AND external_id = $2 ORDER BY event_id",
            self.tenant,
            run,
        )
        return [(str(row["event_id"]), reread(row["raw"])) for row in rows]

    async def rows(self, table: str, columns: Sequence[str], run: str) -> list[Row]:
        own = "id" if table == "executions" else "execution_id"
        rows = await self.world.connection.fetch(
            f"SELECT {', '.join(f'told.{name}' for name in columns if name != 'fold')} FROM execledger.{table} AS told"  # noqa: S608
            f" JOIN execledger.execution_aliases AS alias ON alias.id = told.{own}"
            " WHERE alias.tenant_id = $1 AND alias.external_id = $2",
            self.tenant,
            run,
        )
        return [{name: as_reference(name, value) for name, value in row.items()} for row in rows]


def as_reference(name: str, value: Any) -> Any:
    """As the reference says it."""
    if name in JSON_COLUMNS and value is not None:
        return json.loads(value)
    return str(value) if name.endswith("_event_id") and name != "trigger_event_id" and value is not None else value


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """A loop of its own: Hypothesis is not asynchronous."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(database))
    yield World(database, loop, connection)
    loop.run_until_complete(connection.close())
    loop.close()


def test_two_recorders_that_crash_and_overtake_each_other_record_what_one_would(world: World) -> None:
    run_state_machine_as_test(
        lambda: Recorders(world),  # type: ignore[arg-type]  # it takes whatever makes a machine
        settings=settings(
            max_examples=60,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,  # each run the same: one that fails can be repeated
            suppress_health_check=list(HealthCheck),
        ),
    )
