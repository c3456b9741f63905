"""The audit: what the tables hold against the counters, and against what Kafka still holds."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from command_line import Said, execledger
from conftest import Servers, Topics
from execledger.stack import broker
from execledger_recorder.duties.audit import read_ledger
from execledger_recorder.rules.ledger import LedgerReport
from execledger_recorder.store import Store
from execledger_runtime.kafka import log as kafka_log
from execledger_runtime.kafka.log import KafkaLog
from factories_recorder import event
from recorded_topic import producing, publish, record_topic


class Books:
    """A topic, the ledger of it, and a superuser's hand in the tables."""

    def __init__(self, servers: Servers, topic: str, dsn: str, store: Store, connection: asyncpg.Connection) -> None:
        self.servers = servers
        self.topic = topic
        self.dsn = dsn
        self.store = store
        self.connection = connection
        self.progress: list[tuple[int, int | None]] = []

    async def record(self) -> None:
        await record_topic(self.store, self.servers, self.topic)

    async def execute(self, statement: str) -> None:
        await self.connection.execute(statement)

    async def audit(self) -> LedgerReport:
        self.progress.clear()
        async with KafkaLog.open({"bootstrap_servers": self.servers.bootstrap_servers}) as log:
            return await read_ledger(
                self.store,
                audit=True,
                log=log,
                on_progress=lambda row, reached: self.progress.append((row.partition, reached)),
            )

    async def found(self) -> list[tuple[int, int | None, str, str]]:
        """Where the audit finds a difference, what it expected there, and what it found."""
        report = await self.audit()
        assert report.audited
        assert {difference.topic for difference in report.differences} <= {self.topic}
        return [(each.partition, each.offset, each.expected, each.found) for each in report.differences]


@pytest.fixture
async def books(servers: Servers, topics: Topics, database: str) -> AsyncIterator[Books]:
    """Two partitions with records of all outcomes, recorded; partition 0 holds offsets 0 to 5, 1 holds 0 and 1."""
    completed = event("execution.completed", at=9)
    events = (completed, event(at=1), completed, event("execution.failed", at=10), b"{", event("tool.called", at=11))
    async with producing(servers) as producer:
        await publish(producer, topics.events, *events)
        await publish(producer, topics.events, event(subject="other"), None, partition=1)
    connection = await asyncpg.connect(database)
    try:
        async with Store(database) as store:
            books = Books(servers, topics.events, database, store, connection)
            await books.record()
            yield books
    finally:
        await connection.close()


async def test_clean_books_are_clean(books: Books) -> None:
    report = await books.audit()
    assert report.is_balanced
    assert report.audited
    assert report.differences == []
    outcomes = [(row.applied, row.late, row.duplicate, row.rejected, row.dead_lettered) for row in report.partitions]
    assert outcomes == [(2, 1, 1, 1, 1), (1, 0, 0, 0, 1), (0, 0, 0, 0, 0)]
    assert {(0, 6), (1, 2), (2, 0)} <= set(books.progress)


async def test_rows_that_are_gone_are_named(books: Books) -> None:
    gone = {("execution_events", 1, "late"), ("duplicates", 2, "duplicate"), ("dead_letters", 4, "dead_lettered")}
    for table, offset, _ in gone:
        await books.execute(f'DELETE FROM execledger.{table} WHERE partition = 0 AND "offset" = {offset}')  # noqa: S608
    assert set(await books.found()) == {
        *((0, None, f"1 {outcome}", f"0 {outcome}") for _, _, outcome in gone),
        *((0, offset, "recorded", "nothing") for _, offset, _ in gone),
    }


async def test_a_row_that_is_gone_is_named_even_when_the_counters_agree(books: Books) -> None:
    """As if the recorder had taken a record for a gap: only Kafka knows better."""
    await books.execute('DELETE FROM execledger.execution_events WHERE partition = 0 AND "offset" = 5')
    await books.execute("UPDATE execledger.ledger SET applied = applied - 1, gaps = gaps + 1 WHERE partition = 0")
    assert (await read_ledger(books.store, audit=True)).is_balanced
    assert await books.found() == [(0, 5, "recorded", "nothing")]


async def test_a_counter_that_moved_is_named(books: Books) -> None:
    await books.execute("UPDATE execledger.ledger SET applied = applied + 1 WHERE partition = 1")
    report = await books.audit()
    assert [(each.partition, each.offset, each.expected, each.found) for each in report.differences] == [
        (1, None, "2 applied", "1 applied")
    ]
    assert report.unaccounted == 0
    assert not report.is_balanced


async def test_an_offset_under_two_headings_is_named(books: Books) -> None:
    await books.execute(
        "INSERT INTO execledger.duplicates SELECT topic, partition, \"offset\", execution_id, event_id, 'repeated'"
        ' FROM execledger.execution_events WHERE partition = 0 AND "offset" = 5'
    )
    assert await books.found() == [
        (0, None, "1 duplicate", "2 duplicate"),
        (0, 5, "one outcome", "applied, duplicate"),
    ]


async def test_what_a_transaction_left_behind_is_no_difference(books: Books) -> None:
    async with producing(books.servers, transactional_id=books.topic) as producer:
        for fate in ("kept", "aborted", "kept", "aborted"):
            await producer.begin_transaction()
            await publish(producer, books.topic, event(subject=fate), event("run.progressed", subject=fate))
            await (producer.commit_transaction() if fate == "kept" else producer.abort_transaction())
    await books.record()
    report = await books.audit()
    assert report.differences == []
    assert report.is_balanced
    assert (report.partitions[0].next_offset, report.partitions[0].gaps) == (14, 4)


async def test_a_record_that_kafka_never_had_is_named(books: Books) -> None:
    async with producing(books.servers, transactional_id=books.topic) as producer:
        await producer.begin_transaction()
        await publish(producer, books.topic, event(subject="aborted"))
        await producer.abort_transaction()
        await producer.begin_transaction()
        await publish(producer, books.topic, event(subject="kept"))
        await producer.commit_transaction()
    await books.record()
    await books.execute(
        "INSERT INTO execledger.duplicates SELECT topic, partition, 6, execution_id, event_id, reason"
        " FROM execledger.duplicates"
    )
    assert (0, 6, "nothing: Kafka has no such record", "duplicate") in await books.found()
    await _alter(books, {"cleanup.policy": "compact"})
    assert 6 not in {offset for _, offset, _, _ in await books.found()}


async def test_what_retention_deleted_is_no_difference_and_its_rows_stand(books: Books) -> None:
    await _delete_records(books, upto=4)
    assert await books.found() == []
    await books.execute('DELETE FROM execledger.execution_events WHERE partition = 0 AND "offset" IN (1, 5)')
    assert [found for found in await books.found() if found[1] is not None] == [(0, 5, "recorded", "nothing")]
    await _delete_records(books, upto=-1)
    assert [found for found in await books.found() if found[1] is not None] == []


async def test_what_retention_deletes_during_the_audit_is_no_difference(books: Books) -> None:
    extent = KafkaLog.extent

    async def then_deleted(log: KafkaLog, topic: str, partition: int) -> Any:
        before = await extent(log, topic, partition)
        if partition == 0:
            await _delete_records(books, upto=3)
        return before

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaLog, "extent", then_deleted)
        assert await books.found() == []


async def test_a_log_that_ends_before_the_ledger_is_one_difference(books: Books) -> None:
    await books.execute("UPDATE execledger.ledger SET next_offset = 5, gaps = 3 WHERE partition = 1")
    assert await books.found() == [(1, 2, "records up to offset 4", "the end of Kafka's log")]


async def test_a_topic_that_is_gone_leaves_the_tables_to_be_counted(books: Books) -> None:
    await books.execute("UPDATE execledger.ledger SET topic = 'gone'")
    await books.execute("UPDATE execledger.execution_events SET topic = 'gone'")
    await books.execute("UPDATE execledger.duplicates SET topic = 'gone'")
    await books.execute("UPDATE execledger.dead_letters SET topic = 'gone'")
    assert (await books.audit()).is_balanced
    assert books.progress == [(0, None), (1, None), (2, None)]


async def test_a_long_log_is_compared_in_pieces(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "_STRETCH", 2)
    await books.execute('DELETE FROM execledger.execution_events WHERE partition = 0 AND "offset" = 3')
    assert (0, 3, "recorded", "nothing") in await books.found()
    assert [reached for partition, reached in books.progress if partition == 0] == [2, 4, 6, 6]


async def test_records_beyond_the_ledger_are_not_expected_yet(books: Books) -> None:
    async with producing(books.servers) as producer:
        await publish(producer, books.topic, event(subject="later"), event(subject="much later"))
    assert await books.found() == []


async def test_the_command_says_what_it_read_and_ends_with_1_on_a_difference(books: Books) -> None:
    alone = await execledger("ledger", "--audit", "--json", postgres_dsn=books.dsn)
    both = await _ledger(books, "--audit", "--json")
    assert (alone.status, json.loads(alone.out)["audited"]) == (0, True)
    assert alone.err.startswith("Only the tables were counted: EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS")
    assert (both.status, json.loads(both.out)["differences"]) == (0, [])
    assert f"{books.topic}/1 read again" in both.err
    await books.execute('DELETE FROM execledger.execution_events WHERE partition = 0 AND "offset" = 5')
    wrong, shown = await _ledger(books, "--audit", "--json"), await _ledger(books, "--audit")
    assert (wrong.status, shown.status) == (1, 1)
    lost = {"topic": books.topic, "partition": 0, "offset": 5, "expected": "recorded", "found": "nothing"}
    assert lost in json.loads(wrong.out)["differences"]
    assert f"{books.topic}/0/5: expected recorded, found nothing" in shown.out.replace("\n", "")


async def test_a_ledger_that_does_not_balance_ends_with_1_without_an_audit_too(books: Books) -> None:
    balanced = await _ledger(books, "--json")
    assert (balanced.status, json.loads(balanced.out)["audited"]) == (0, False)
    await books.execute("UPDATE execledger.ledger SET applied = applied - 1 WHERE partition = 0")
    await books.execute("UPDATE execledger.ledger SET applied = applied + 1 WHERE partition = 1")
    wrong, shown = await _ledger(books, "--json"), await _ledger(books)
    assert (wrong.status, shown.status) == (1, 1)
    assert json.loads(wrong.out)["unaccounted"] == 2  # what is too much makes up for nothing


async def test_a_kafka_that_does_not_answer_is_one_line(books: Books) -> None:
    refused = await execledger("ledger", "--audit", postgres_dsn=books.dsn, kafka_bootstrap_servers="127.0.0.1:1")
    assert refused.status == 1
    assert refused.err.startswith("execledger: Kafka did not answer")
    assert refused.err.count("\n") == 1


async def _ledger(books: Books, *arguments: str) -> Said:
    return await execledger(
        "ledger", *arguments, postgres_dsn=books.dsn, kafka_bootstrap_servers=books.servers.bootstrap_servers
    )


async def _delete_records(books: Books, upto: int) -> None:
    async with broker.admin(books.servers.bootstrap_servers) as client:
        await client.delete_records({TopicPartition(books.topic, 0): RecordsToDelete(before_offset=upto)})


async def _alter(books: Books, configs: dict[str, str]) -> None:
    async with broker.admin(books.servers.bootstrap_servers) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, books.topic, configs=configs)])
