"""CloudEvents as JSON lines to the events topic: the work behind `execledger publish FILE`."""

import asyncio
import queue
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from execledger.checking import Check, check_event, checking
from execledger.errors import UserError
from execledger.samples import Headers, unwrapped
from execledger.terminal import escaped
from execledger_contracts.cleaning import Limits
from execledger_contracts.parsing import BOM
from execledger_runtime.kafka.producer import TOO_LARGE, Message, Producer

HEADERS: Final[Headers] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
LONGEST_LINE: Final = Limits().record_bytes
LINES_AT_ONCE: Final = 500
LARGE_LINE: Final = 65_536
_MOST_LINES: Final = 100_000  # of one object
SECONDS_TO_DELIVER: Final = 60.0


@dataclass(slots=True)
class Counts:
    """How many lines there were, how many not blank, how many of those were sent, and how many refused."""

    lines: int = 0
    read: int = 0
    sent: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no event, or that the broker does not take. Numbers begin at 1."""

    number: int
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}: {escaped(self.detail)}"


def to_standard_error(bad: BadLine) -> None:
    """Tell the user of a bad line."""
    print(bad, file=sys.stderr)  # noqa: T201 - the command's voice


async def publish_lines(
    lines: Iterable[bytes],
    *,
    bootstrap_servers: str,
    topic: str,
    unchecked: bool = False,
    adapter: str | None = None,
    key: str | None = None,
    on_bad_line: Callable[[BadLine], None] = to_standard_error,
    on_progress: Callable[[Counts], None] | None = None,
    kafka_options: Mapping[str, Any] | None = None,
) -> Counts:
    """Publish every line that is an event, in order; a bad one is told and left out, or sent too when `unchecked`.

    With an `adapter` a line is what that reads, sent as it is; `key` is then the key of all records.
    Lines are read as they come, some hundred ahead, so the file may be endless. Returns when all that was sent is
    acknowledged. Raises UserError when the broker does not take events for a minute.
    """
    counts = Counts()
    check = check_event if adapter is None else checking(adapter, key)
    options = {"bootstrap_servers": bootstrap_servers, **(kafka_options or {})}
    async with producing(options) as producer, aclosing(_chunks(lines)) as chunks:
        async for chunk in chunks:
            wanted = list(_wanted(chunk, counts, check, unchecked, on_bad_line))
            await _send(producer, topic, wanted, counts, on_bad_line)
            if on_progress:
                on_progress(counts)
    return counts


@contextmanager
def open_lines(file: str, lines: Callable[[BinaryIO], Iterable[bytes]] | None = None) -> Iterator[Iterable[bytes]]:
    """The lines of a file, `-` being the standard input; `lines` says what they are, if not what may be events."""
    lines = lines or _lines
    if file == "-":
        yield lines(sys.stdin.buffer)
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - opened apart, so that only this failure is told so
    except OSError as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.") from None
    with stream:
        yield lines(stream)


@asynccontextmanager
async def producing(kafka_options: Mapping[str, Any]) -> AsyncIterator[Producer]:
    """Connect for as long as the block lasts. Raises UserError when no broker answers."""
    async with AsyncExitStack() as opened:
        try:
            opening = Producer.open(kafka_options, linger_ms=5, request_timeout_ms=20_000)
            producer = await opened.enter_async_context(opening)
        except (KafkaError, OSError, TimeoutError) as error:
            servers = kafka_options["bootstrap_servers"]
            raise UserError(
                f"No answer from Kafka at {servers} ({type(error).__name__}): see `execledger doctor`"
            ) from None
        yield producer


def refusal(error: BaseException, topic: str) -> str:
    """Why Kafka takes no records for a topic."""
    if isinstance(error, UnknownTopicOrPartitionError):
        return f"Kafka has no topic {topic}, which `execledger up` makes"
    return f"Kafka does not take records for {topic} ({type(error).__name__})"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: bytes | None
    headers: Headers
    key: bytes | None


def _wanted(
    chunk: list[bytes], counts: Counts, check: Check, unchecked: bool, on_bad_line: Callable[[BadLine], None]
) -> Iterator[_Line]:
    """The lines that are to be sent; a sample of the contract stands for the record in it."""
    now_ms = int(time.time() * 1000)
    for text in chunk:
        counts.lines += 1
        if not text.strip():
            continue
        counts.read += 1
        number, clean = counts.lines, text.strip()
        counts.lines += clean.count(b"\n")
        value, headers = (unwrapped(clean) or (clean, HEADERS)) if check is check_event else (clean, ())
        checked = check(value, headers, now_ms)
        if checked.refusal is None:
            yield _Line(number, value, headers, checked.key)
        elif unchecked:
            sent = text.rstrip(b"\r\n") if value is clean else value
            yield _Line(number, sent, headers, checked.key)
        else:
            counts.refused += 1
            on_bad_line(BadLine(number, checked.refusal.reason, checked.refusal.detail))


async def _send(
    producer: Producer,
    topic: str,
    lines: list[_Line],
    counts: Counts,
    on_bad_line: Callable[[BadLine], None],
) -> None:
    messages = [Message(topic, line.key, line.text, line.headers) for line in lines]
    failures: list[BaseException] = []
    for line, outcome in zip(lines, await producer.send_each(messages, SECONDS_TO_DELIVER), strict=True):
        if outcome is None:
            counts.sent += 1
        elif isinstance(outcome, TOO_LARGE):
            counts.refused += 1
            on_bad_line(
                BadLine(line.number, "too_large", f"{len(line.text or b'')} bytes are more than the topic takes")
            )
        else:
            failures.append(outcome)
    if failures:
        raise _not_taken(failures[0], topic, counts)


def _not_taken(error: BaseException, topic: str, counts: Counts) -> UserError:
    return UserError(
        f"{refusal(error, topic)}; {counts.sent} were acknowledged. "
        "Publishing them again does no harm: what is there already counts as a duplicate."
    )


async def _chunks(lines: Iterable[bytes]) -> AsyncGenerator[list[bytes], None]:
    """What there is of the lines, some at once. Read in a thread: a pipe may be silent for long."""
    waiting: queue.Queue[bytes | _End] = queue.Queue(LINES_AT_ONCE)
    is_over = threading.Event()
    threading.Thread(target=_read, args=(lines, waiting, is_over), name="read-lines", daemon=True).start()
    try:
        while True:
            chunk = [await asyncio.to_thread(waiting.get)]
            while not waiting.empty() and len(chunk) < LINES_AT_ONCE:
                chunk.append(waiting.get_nowait())
            if texts := [text for text in chunk if isinstance(text, bytes)]:
                yield texts
            if isinstance(end := chunk[-1], _End):
                if end.error is not None:
                    raise end.error
                return
            for _ in chunk:
                waiting.task_done()
    finally:
        is_over.set()


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None = None


def _read(lines: Iterable[bytes], waiting: "queue.Queue[bytes | _End]", is_over: threading.Event) -> None:
    end = _End()
    try:
        for line in lines:
            _put(waiting, line, is_over)
            if is_over.is_set():
                return
            if len(line) > LARGE_LINE:
                _wait_until_done(waiting, is_over)
    except Exception as error:  # noqa: BLE001 - raised again where the lines are wanted
        end = _End(error)
    _put(waiting, end, is_over)


def _put(waiting: "queue.Queue[bytes | _End]", item: "bytes | _End", is_over: threading.Event) -> None:
    while not is_over.is_set():
        with suppress(queue.Full):
            waiting.put(item, timeout=0.2)
            return


def _wait_until_done(waiting: "queue.Queue[bytes | _End]", is_over: threading.Event) -> None:
    """Let large lines through one by one, or hundreds of them would be held at once."""
    while waiting.unfinished_tasks and not is_over.is_set():
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait(0.2)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines without a byte order mark; an object that is written over many, indented, is one of them."""
    parts: list[bytes] = []
    for number, text in enumerate(_short_lines(stream)):
        line = text if number else text.removeprefix(BOM)
        if parts and not (line[:1].isspace() or line.rstrip() == b"}"):
            yield from parts  # it was no such object
            parts = []
        if not parts and line.rstrip() != b"{":
            yield line
            continue
        parts.append(line)
        if line.rstrip() == b"}" or len(parts) > _MOST_LINES:
            yield b"".join(parts)
            parts = []
    yield from parts


def _short_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines, one that is too long to be an event cut behind the length that shows it."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE)
