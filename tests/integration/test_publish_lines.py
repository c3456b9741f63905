"""`execledger publish`: JSON lines to a real topic."""

import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Servers, Topics
from consuming import consumed
from execledger.errors import UserError
from execledger.publish import BadLine, Counts, open_lines, publish_lines
from execledger_contracts import schema
from execledger_contracts.decoding import Decoded, decode
from execledger_contracts.samples import LENIENT, VALID

SAMPLES = (*VALID, *LENIENT)


def line(subject: str, **attributes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"{subject}-1",
        "source": "urn:test",
        "type": "execution.started",
        "subject": subject,
        "time": "2026-03-01T12:00:00Z",
    }
    return json.dumps(event | attributes).encode() + b"\n"


async def test_lines_arrive_with_the_key_that_they_say(servers: Servers, topics: Topics) -> None:
    lines = [
        line("a", partitionkey="key", data={"root_execution_id": "root"}),
        b"\r\n",
        line("b", data={"root_execution_id": "root"}),
        line("c"),
    ]
    counts = await publish_lines(lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events)
    assert counts == Counts(lines=4, read=3, sent=3)
    records = await consumed(servers.bootstrap_servers, topics.events)
    assert {record.key for record in records} == {b"key", b"root", b"c"}
    assert all(isinstance(decode(record.value, record.headers, record.timestamp), Decoded) for record in records)


async def test_a_bad_line_is_named_and_left_out(
    servers: Servers, topics: Topics, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line("a"), b"{\n", line("b", time="noon"), line("c")]
    counts = await publish_lines(lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events)
    assert counts == Counts(lines=4, read=4, sent=2, refused=2)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("line 2: not_json")
    assert said[1].startswith("line 3: invalid: time")
    assert len(await consumed(servers.bootstrap_servers, topics.events)) == 2


async def test_unchecked_sends_what_is_there(servers: Servers, topics: Topics) -> None:
    lines = [b"{\n", line("b", time="noon"), b'{"partitionkey": 5}\n']
    counts = await publish_lines(
        lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events, unchecked=True
    )
    assert counts == Counts(lines=3, read=3, sent=3)
    assert sorted(str(record.key) for record in await consumed(servers.bootstrap_servers, topics.events)) == [
        "None",
        "None",
        "b'b'",
    ]


async def test_a_line_that_the_topic_does_not_take_does_not_stop_the_others(servers: Servers, topics: Topics) -> None:
    bad: list[BadLine] = []
    lines = [line("a"), line("b", data={"input": "x" * 2_000_000}), line("c")]
    counts = await publish_lines(
        lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events, on_bad_line=bad.append
    )
    assert counts == Counts(lines=3, read=3, sent=2, refused=1)
    assert [(refused.number, refused.reason) for refused in bad] == [(2, "too_large")]
    assert len(await consumed(servers.bootstrap_servers, topics.events)) == 2


@pytest.mark.message_limits(events=1000)
async def test_lines_that_are_too_large_only_together_are_all_taken(servers: Servers, topics: Topics) -> None:
    bad: list[BadLine] = []
    lines = [line("one", id=str(number)) for number in range(20)]
    lines.insert(10, line("one", data={"input": "x" * 1000}))
    counts = await publish_lines(
        lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events, on_bad_line=bad.append
    )
    assert counts == Counts(lines=21, read=21, sent=20, refused=1)
    assert [refused.number for refused in bad] == [11]
    assert len(await consumed(servers.bootstrap_servers, topics.events)) == 20


async def test_many_lines_arrive_in_order_and_progress_is_told(servers: Servers, topics: Topics) -> None:
    seen: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(20_000):
            yield line("one", id=str(number), sequence=number)

    counts = await publish_lines(
        lines(),
        bootstrap_servers=servers.bootstrap_servers,
        topic=topics.events,
        on_progress=lambda counts: seen.append(counts.sent),
    )
    assert counts.sent == 20_000
    assert seen == sorted(seen)
    assert len(seen) >= 40
    sequences = [
        json.loads(record.value)["sequence"] for record in await consumed(servers.bootstrap_servers, topics.events)
    ]
    assert sequences == list(range(20_000))


async def test_a_pipe_that_falls_silent_holds_nothing_back(servers: Servers, topics: Topics) -> None:
    reading, writing = os.pipe()
    arrived = threading.Event()

    def write() -> None:
        os.write(writing, line("a"))
        assert arrived.wait(10)
        os.write(writing, line("b"))
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as stream:
        counts = await publish_lines(
            stream,
            bootstrap_servers=servers.bootstrap_servers,
            topic=topics.events,
            on_progress=lambda counts: arrived.set(),
        )
    writer.join()
    assert counts.sent == 2


async def test_an_error_in_reading_is_the_caller_s(servers: Servers, topics: Topics) -> None:
    def lines() -> Iterator[bytes]:
        yield line("a")
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        await publish_lines(lines(), bootstrap_servers=servers.bootstrap_servers, topic=topics.events)
    assert len(await consumed(servers.bootstrap_servers, topics.events)) == 1


async def test_no_broker_is_an_error_that_says_so() -> None:
    with pytest.raises(UserError, match="No answer from Kafka"):
        await publish_lines([], bootstrap_servers="127.0.0.1:1", topic="x")


def test_a_file_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read"), open_lines(str(tmp_path / "none")):
        pass


def test_a_line_without_end_is_cut_and_the_next_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execledger.publish.LONGEST_LINE", 10)
    file = tmp_path / "lines"
    file.write_bytes(b"x" * 35 + b"\n" + b"short\n" + b"y" * 11)
    with open_lines(str(file)) as lines:
        assert [len(text) for text in lines] == [11, 6, 11]


def test_a_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    with open_lines("-") as lines:
        assert list(lines) == [b"a\n", b"b\n"]


async def test_the_samples_of_the_contract_are_taken_as_they_lie(
    servers: Servers, topics: Topics, tmp_path: Path
) -> None:
    """Written over many lines, wrapped in what is said of them, in either mode; also several of them in one file."""
    files = [schema.ROOT / "samples" / ("lenient" if s in LENIENT else "valid") / f"{s.name}.json" for s in SAMPLES]
    (tmp_path / "all.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(file.read_bytes() for file in files) + line("last"))
    with open_lines(str(tmp_path / "all.jsonl")) as lines:
        counts = await publish_lines(lines, bootstrap_servers=servers.bootstrap_servers, topic=topics.events)
    assert (counts.read, counts.sent, counts.refused) == (len(files) + 1, len(files) + 1, 0)
    records = await consumed(servers.bootstrap_servers, topics.events)
    arrived = [decode(record.value, record.headers, record.timestamp) for record in records]
    sent = [decode(*sample.record()) for sample in SAMPLES]
    digests = sorted(each.digest for each in sent if isinstance(each, Decoded))
    last = [each.digest for each in arrived if isinstance(each, Decoded) and each.event.subject == "last"]
    assert sorted(each.digest for each in arrived if isinstance(each, Decoded)) == sorted([*digests, *last])
    assert len(last) == 1


def test_an_object_that_is_cut_off_swallows_no_line_behind_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b'{\n  "a": 1\n' + line("a") + b'{\n  "b": 2\n}\n' + line("c"))
    with open_lines(str(tmp_path / "file")) as lines:
        assert list(lines) == [b"{\n", b'  "a": 1\n', line("a"), b'{\n  "b": 2\n}\n', line("c")]
