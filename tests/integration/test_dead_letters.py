"""`execledger dead-letters`: found, looked at, and sent once more, on real servers."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError

from command_line import Said, execledger
from conftest import Servers, Topics
from consuming import consumed
from execledger.commands.dead_letters import moment
from execledger.errors import UserError
from execledger.originals import GONE, Originals
from execledger.redriving import Redriven, chunks, listed, redrive
from execledger.stack import broker
from execledger_recorder.rules.dead_letter import REDRIVEN_FROM
from execledger_recorder.store import DeadLetter, DeadLetterFilter, Redriving, Store
from execledger_runtime.errors import StoreUnavailable
from execledger_runtime.kafka.producer import Producer
from factories_recorder import NOON, NOON_MS, event
from recorded_topic import producing, publish, record_topic
from running import eventually

TOO_EARLY = event(subject="too early")
CUT_OFF = b'{"specversion": "1.0", "id": "cut o'
ALL = DeadLetterFilter()


class Box:
    """A topic whose bad records lie in the dead letters, a store, and a superuser's look at the tables."""

    def __init__(self, servers: Servers, topic: str, dsn: str, store: Store, connection: asyncpg.Connection) -> None:
        self.servers = servers
        self.topic = topic
        self.dsn = dsn
        self.store = store
        self.connection = connection

    async def command(self, *arguments: str) -> Said:
        return await execledger(
            "dead-letters",
            *arguments,
            postgres_dsn=self.dsn,
            kafka_bootstrap_servers=self.servers.bootstrap_servers,
            events_topic=self.topic,
        )

    async def redrive(self, wanted: DeadLetterFilter = ALL, **said: Any) -> Redriven:
        letters = [letter async for letter in listed(self.store, wanted, redriven=said.get("again", False))]
        kafka = {"bootstrap_servers": self.servers.bootstrap_servers}
        async with Producer.open(kafka) as producer, Originals.open(kafka) as originals:
            return await redrive(self.store, producer, lambda _: self.topic, letters, originals, **said)

    async def record(self) -> None:
        await record_topic(self.store, self.servers, self.topic)

    async def sent(self) -> list[Any]:
        """What lies in the topic besides the seven records that it began with."""
        records = await consumed(self.servers.bootstrap_servers, self.topic)
        return [record for record in records if (record.partition, record.offset) >= (0, 7)]

    async def value(self, query: str) -> Any:
        return await self.connection.fetchval(query)


@pytest.fixture
async def box(servers: Servers, topics: Topics, database: str) -> AsyncIterator[Box]:
    """Partition 0 holds a good event, and six bad ones; the last would be good now: it was ahead of its record's time.

    Their ids are 1 to 6, their offsets too.
    """
    async with producing(servers) as producer:
        await publish(producer, topics.events, event(), CUT_OFF, b'{"other": ', timestamp_ms=NOON_MS)
        await publish(producer, topics.events, b'{"id": "\xff"}', event(attempt=0), None, timestamp_ms=NOON_MS + 1000)
        headers = [("content-type", b"application/json"), ("x", b"\x1b[31m")]
        await publish(producer, topics.events, TOO_EARLY, timestamp_ms=NOON_MS - 2 * 86_400_000, headers=headers)
    connection = await asyncpg.connect(database)
    try:
        async with Store(database) as store:
            box = Box(servers, topics.events, database, store, connection)
            await box.record()
            yield box
    finally:
        await connection.close()


async def test_dead_letters_are_listed_in_groups_or_each(box: Box) -> None:
    groups = await box.command("list", "--json")
    table = await box.command("list", "--reason", "not_json")
    each = await box.command("list", "--each", "--json", "--reason", "invalid", "--since", "2026-03-01T00:00:00Z")
    lines = await box.command("list", "--each")
    items = json.loads(groups.out)["items"]
    assert [(item["reason"], item["letters"]) for item in items] == [
        ("not_json", 1), ("not_json", 1), ("not_utf8", 1), ("invalid", 1), ("tombstone", 1), ("invalid", 1),
    ]  # fmt: skip
    assert items[0]["detail"].startswith("character 29: ")
    assert items[0]["first_at"] == items[0]["last_at"] == "2026-03-01T12:00:00.123Z"
    assert (items[0]["redriven"], len(items[0]["fingerprint"])) == (0, 16)
    assert table.out.splitlines()[:2] == [
        f"      1  not_json: {items[0]['detail']}",
        f"         fingerprint {items[0]['fingerprint']}, 2026-03-01 12:00:00Z to 2026-03-01 12:00:00Z",
    ]
    assert "tombstone" not in table.out
    [letter] = json.loads(each.out)["items"]
    assert letter == {
        "id": 4, "topic": box.topic, "partition": 0, "offset": 4, "timestamp": "2026-03-01T12:00:01.123Z",
        "reason": "invalid", "detail": "attempt: must be at least 1, this is 0",
        "fingerprint": letter["fingerprint"], "redriven_at": None,
    }  # fmt: skip
    assert [line.split()[0] for line in lines.out.splitlines()] == list("123456")


async def test_a_dead_letter_is_shown_with_a_finger_on_its_fault(box: Box) -> None:
    text, broken, invalid, none, missing = [await box.command("show", id_) for id_ in ("1", "3", "4", "5", "99")]
    assert CUT_OFF.decode() in text.out
    line, carets = text.out.splitlines()[-2:]
    assert line[carets.index("^") :] == '"cut o'
    for fact in (box.topic, "key", "2026-03-01T12:00:00.123Z", "not_json"):
        assert fact in text.out
    dump, carets = broken.out.splitlines()[-2:]
    assert dump[carets.index("^^") :].startswith("ff ")
    *_, line, carets = invalid.out.splitlines()
    assert line[carets.index("^") : carets.rindex("^") + 1] == "0"
    assert (await box.command("show", "3", "--raw")).raw == b'{"id": "\xff"}'
    assert none.out.splitlines()[-1].split() == ["value", "none"]
    assert (missing.status, missing.err) == (1, "execledger: there is no dead letter 99\n")


async def test_bytes_of_a_producer_do_not_steer_the_terminal(box: Box) -> None:
    assert "\x1b" not in (await box.command("show", "6")).out


async def test_a_dry_run_says_which_would_pass_and_sends_nothing(box: Box) -> None:
    said = await box.command("redrive", "--all", "--dry-run")
    lines = said.out.splitlines()
    assert (said.status, lines[-1]) == (0, "1 would pass, 5 would not; nothing was sent")
    assert lines[5] == f"6  {box.topic}/0/6  would pass: execution.started of too early"
    assert lines[3].endswith("would not pass: invalid: attempt: must be at least 1, this is 0")
    assert await box.sent() == []
    assert await box.value("SELECT count(redriven_at) FROM execledger.dead_letters") == 0


async def test_a_redriven_letter_goes_out_as_it_came_once(box: Box) -> None:
    said = await box.command("redrive", "--id", "6", "--rate", "100/s")
    assert (said.status, said.out) == (0, "1 sent, 0 refused\n")
    [record] = await box.sent()
    assert json.loads(record.value) == TOO_EARLY
    assert record.key == b"key"
    assert record.headers == (
        ("content-type", b"application/json"), ("x", b"\x1b[31m"), (REDRIVEN_FROM, f"{box.topic}/0/6".encode()),
    )  # fmt: skip
    await box.record()
    assert await box.value("SELECT count(*) FROM execledger.executions WHERE external_id = 'too early'") == 1
    assert await box.value("SELECT sum(dead_lettered) FROM execledger.ledger") == 6
    assert await box.value("SELECT array_agg(id) FROM execledger.dead_letters WHERE redriven_at IS NOT NULL") == [6]
    nothing = await box.command("redrive", "--id", "6")
    again = await box.command("redrive", "--id", "6", "--again")
    assert (nothing.status, nothing.out.split(";")[0]) == (0, "nothing to redrive")
    assert again.out == "1 sent, 0 refused\n"


async def test_what_is_bad_again_is_a_new_letter_that_says_where_it_comes_from(box: Box) -> None:
    assert (await box.redrive()).sent == 6
    await box.record()
    assert await box.value("SELECT count(*) FROM execledger.dead_letters") == 11
    assert (await box.redrive()).sent == 5
    chains = sorted(
        [value.decode() for name, value in record.headers if name == REDRIVEN_FROM] for record in await box.sent()
    )
    firsts = [[f"{box.topic}/0/{offset}"] for offset in range(1, 7)]
    assert [chain for chain in chains if len(chain) == 1] == firsts
    assert sorted(chain[0] for chain in chains if len(chain) == 2) == [first for [first] in firsts[:5]]


async def test_a_redrive_that_dies_before_it_could_note_so_is_harmless(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any) -> None:
        raise StoreUnavailable("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(Redriving, "sent", dies)
        with pytest.raises(UserError, match="the connection was lost; 0 were sent"):
            await box.redrive(DeadLetterFilter(ids=[6]))
    assert (await box.redrive(DeadLetterFilter(ids=[6]))).sent == 1
    await box.record()
    assert await box.value("SELECT count(*) FROM execledger.executions WHERE external_id = 'too early'") == 1
    assert await box.value("SELECT sum(duplicate) FROM execledger.ledger") == 1


async def test_two_redrives_at_once_send_each_letter_once(box: Box) -> None:
    both = await asyncio.gather(box.redrive(), box.redrive())
    assert sum(result.sent for result in both) == 6
    assert len(await box.sent()) == 6


async def test_what_another_redrive_has_in_hand_is_left_out(box: Box) -> None:
    async with box.store.dead_letters.redriving([1, 2], again=False) as other:
        assert [letter.id for letter in other.letters] == [1, 2]
        result = await box.redrive()
        await other.sent([1, 2])
    assert (result.sent, result.left_out) == (4, 2)
    assert (await box.redrive()).sent == 0


async def test_a_rate_is_kept(box: Box) -> None:
    began = monotonic()
    assert (await box.redrive(rate=10)).sent == 6
    assert 0.6 <= monotonic() - began < 5


async def test_a_letter_that_the_topic_is_too_small_for_is_refused_and_the_others_go(box: Box) -> None:
    async with broker.admin(box.servers.bootstrap_servers) as client:
        resource = ConfigResource(ConfigResourceType.TOPIC, box.topic, configs={"max.message.bytes": "250"})
        await client.alter_configs([resource])
    async with producing(box.servers) as producer:

        async def applied() -> bool:
            try:
                await producer.send_and_wait(box.topic, b"x" * 251)
            except MessageSizeTooLargeError:
                return True
            return False

        await eventually(applied)  # a broker confirms a setting a moment before it applies it
    result = await box.redrive()
    assert [letter.id for letter, _ in result.refused] == [4, 6]
    assert result.sent == 4
    waiting = await box.value("SELECT array_agg(id ORDER BY id) FROM execledger.dead_letters WHERE redriven_at IS NULL")
    assert waiting == [4, 6]
    said = await box.command("redrive", "--id", "4")
    assert (said.status, said.out) == (1, "0 sent, 1 refused\n")
    assert said.err.startswith("4: ")
    assert said.err.endswith(f"more than {box.topic} takes: raise its max.message.bytes, and redrive it again\n")


async def test_a_topic_that_is_not_there_is_named(box: Box) -> None:
    letters = [letter async for letter in listed(box.store, ALL, redriven=False)]
    kafka = {"bootstrap_servers": box.servers.bootstrap_servers}
    async with Producer.open(kafka, request_timeout_ms=500) as producer:
        with pytest.raises(UserError, match=r"^Kafka has no topic nowhere, which `execledger up` makes; 0 were sent. "):
            async with Originals.open(kafka) as originals:
                await redrive(box.store, producer, lambda _: "nowhere", letters, originals)


async def test_who_interrupts_it_hears_what_was_sent(box: Box) -> None:
    begun = asyncio.Event()
    redriving = asyncio.create_task(box.redrive(rate=0.01, on_progress=lambda sent: begun.set()))
    await begun.wait()
    redriving.cancel()
    with pytest.raises(UserError, match=r"^interrupted; 1 were sent. Begin again: ") as said:
        await redriving
    assert said.value.exit_status == 130


async def test_a_record_without_key_and_value_is_sent_too(box: Box) -> None:
    await box.connection.execute("UPDATE execledger.dead_letters SET key = NULL WHERE reason = 'tombstone'")
    assert (await box.redrive(DeadLetterFilter(reasons=["tombstone"]))).sent == 1
    [record] = await box.sent()
    assert (record.key, record.value) == (None, None)


async def test_what_the_user_got_wrong_is_said_in_one_line(box: Box) -> None:
    for arguments, status, text in (
        (["redrive"], 2, "which?"),
        (["redrive", "--all", "--rate", "fast"], 2, "--rate"),
        (["list", "--reason", "bad"], 2, "--reason: 'bad' is not one of tombstone"),
        (["list", "--since", "yesterday"], 2, "--since"),
    ):
        said = await box.command(*arguments)
        assert (said.status, said.err.count("\n")) == (status, 1), said.err
        assert text in said.err
    nowhere = await execledger("dead-letters", "redrive", "--all", postgres_dsn=box.dsn)
    assert nowhere.status == 2
    assert "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS" in nowhere.err


async def test_a_list_of_nothing_says_so(database: str) -> None:
    assert (await execledger("dead-letters", "list", postgres_dsn=database)).out == "no dead letters\n"


@pytest.mark.parametrize(
    ("text", "at"),
    [("90s", "11:58:30"), ("2h", "10:00:00"), ("2026-03-01T09:00:00+02:00", "07:00:00"), ("2026-03-01", "00:00:00")],
)
def test_since_is_a_time_or_an_age(text: str, at: str) -> None:
    assert f"{moment(text, NOON.replace(microsecond=0)):%H:%M:%S}" == at


def test_letters_are_sent_in_chunks_that_fit_the_memory() -> None:
    sizes = [1, 1, 1, 30_000_000, 30_000_000, 99_000_000, 1]
    letters = [DeadLetter(id_, "t", 0, id_, NOON, "invalid", "", "", None, size) for id_, size in enumerate(sizes)]
    assert [[letter.id for letter in chunk] for chunk in chunks(letters, 2)] == [[0, 1], [2, 3], [4], [5], [6]]


@pytest.mark.message_limits(events=2_000_000)
async def test_one_that_was_cut_is_read_again_from_kafka_while_it_is_there(box: Box) -> None:
    value = b"{" + b"x" * 1_100_000
    async with producing(box.servers, max_request_size=2_000_000) as producer:
        for partition in (1, 2):
            await publish(producer, box.topic, value, partition=partition, headers=[("h", b"1")])
    await box.record()
    letters = await box.connection.fetch("SELECT id, length(value) AS kept FROM execledger.dead_letters WHERE id > 6")
    assert [row["kept"] for row in letters] == [1_048_576, 1_048_576]
    gone, there = (row["id"] for row in letters)
    async with broker.admin(box.servers.bootstrap_servers) as client:
        await client.delete_records({TopicPartition(box.topic, 1): RecordsToDelete(before_offset=1)})
    said = await box.command("redrive", "--dry-run", "--id", str(gone), "--id", str(there))
    assert GONE in said.out.splitlines()[0]
    assert said.out.splitlines()[1].endswith(
        "would not pass: not_json: character 1: Expecting property name enclosed in double quotes"
    )
    result = await box.redrive(DeadLetterFilter(ids=[gone, there]))
    assert (result.sent, [(letter.id, why) for letter, why in result.refused]) == (1, [(gone, GONE)])
    [sent] = [record for record in await box.sent() if record.value == value and len(record.headers) == 2]
    assert dict(sent.headers) == {"h": b"1", REDRIVEN_FROM: f"{box.topic}/2/0".encode()}
    shown = await box.command("show", str(gone))
    assert "cut" in shown.out
    assert "bytes 1100001" in shown.out
