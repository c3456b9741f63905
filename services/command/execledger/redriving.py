"""Dead letters, judged anew or sent once more: the work behind `execledger dead-letters redrive`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from execledger.errors import UserError
from execledger.originals import GONE, Originals
from execledger.publish import SECONDS_TO_DELIVER, refusal
from execledger_contracts.decoding import Reason, Undecodable
from execledger_recorder.recording import Trust, read
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import Found, Read
from execledger_recorder.rules.dead_letter import REDRIVEN_FROM
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.settings import RecordingSettings
from execledger_recorder.store import DeadLetter, DeadLetterFilter, KeptDeadLetter, Store, unpack_headers
from execledger_runtime.errors import MustWait
from execledger_runtime.kafka.producer import TOO_LARGE, Message, Producer

_AT_ONCE: Final = 100
_BYTES_AT_ONCE: Final = 32 * 1024 * 1024
_PAGE: Final = 1000

Whither = Callable[[str], str]
"""To which topic a letter goes that lay in one."""


@dataclass(slots=True)
class Redriven:
    """How many were sent, how many somebody else redrove meanwhile; which were not, and why."""

    sent: int = 0
    left_out: int = 0
    refused: list[tuple[DeadLetter, str]] = field(default_factory=list)


async def listed(store: Store, wanted: DeadLetterFilter, *, redriven: bool) -> AsyncIterator[DeadLetter]:
    """Dead letters in the order in which they came, as many as there are."""
    after = 0
    while page := await store.dead_letters.page(wanted, redriven=redriven, after=after, limit=_PAGE):
        for letter in page:
            yield letter
        after = page[-1].id


async def judge(
    store: Store, letters: Sequence[DeadLetter], settings: RecordingSettings, originals: Originals
) -> AsyncIterator[tuple[KeptDeadLetter, Found]]:
    """What each would be if it came now. Only recording shows whether Postgres takes what it refused before."""
    trust = Trust(store, settings.bindings)
    for chunk in chunks(letters, _AT_ONCE):
        for letter in await store.dead_letters.read([each.id for each in chunk]):
            if (row := await originals.of(letter.row)) is None:
                yield letter, Undecodable(Reason(letter.row.reason), GONE)
                continue
            yield (
                letter,
                _found(await trust.judge(read([_as_sent_now(row, settings)], settings.limits, settings.translations))),
            )


async def redrive(
    store: Store,
    producer: Producer,
    whither: Whither,
    letters: Sequence[DeadLetter],
    originals: Originals,
    *,
    again: bool = False,
    rate: float | None = None,
    on_progress: Callable[[int], None] = lambda sent: None,
) -> Redriven:
    """Send dead letters on, `rate` a second at most, and note of each that it was sent, once the broker has it.

    When this process dies between the two, the next one sends some again: what is recorded by then is a duplicate.
    Raises UserError when Kafka or Postgres stops answering, or it is cancelled: somebody must hear what was sent.
    """
    result = Redriven()
    try:
        sending = _Sending(store, producer, whither, originals, again=again)
        await _redrive_chunks(sending, letters, result, rate=rate, on_progress=on_progress)
    except MustWait as error:
        raise UserError(f"Postgres did not answer: {error}; {_so_far(result)}") from error
    except asyncio.CancelledError:
        raise UserError(f"interrupted; {_so_far(result)}", exit_status=130) from None
    return result


def chunks(letters: Sequence[DeadLetter], most: int) -> Iterator[Sequence[DeadLetter]]:
    """The letters in order, so many at once at most, and so few that their bytes fit the memory."""
    chunk: list[DeadLetter] = []
    size = 0
    for letter in letters:
        if chunk and (len(chunk) >= most or size + letter.value_bytes > _BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += letter.value_bytes
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class _Sending:
    """Where dead letters come from and go to."""

    store: Store
    producer: Producer
    whither: Whither
    originals: Originals
    again: bool


async def _redrive_chunks(
    sending: _Sending,
    letters: Sequence[DeadLetter],
    result: Redriven,
    *,
    rate: float | None,
    on_progress: Callable[[int], None],
) -> None:
    began = monotonic()
    for chunk in chunks(letters, _AT_ONCE if rate is None else max(1, min(_AT_ONCE, int(rate)))):
        failure = await _redrive_chunk(sending, chunk, result)
        on_progress(result.sent)
        if failure is not None:
            raise UserError(f"{refusal(*failure)}; {_so_far(result)}") from failure[0]
        if rate is not None:
            await asyncio.sleep(began + result.sent / rate - monotonic())


async def _redrive_chunk(
    sending: _Sending, chunk: Sequence[DeadLetter], result: Redriven
) -> tuple[BaseException, str] | None:
    """Why one was not sent, and to which topic; returned, not raised: what was sent is noted all the same."""
    async with sending.store.dead_letters.redriving([letter.id for letter in chunk], again=sending.again) as taken:
        whole = {letter.id: await sending.originals.of(letter.row) for letter in taken.letters}
        messages = {id_: _message(sending.whither(row.topic), row) for id_, row in whole.items() if row is not None}
        sent = await sending.producer.send_each(list(messages.values()), SECONDS_TO_DELIVER)
        outcomes = dict(zip(messages, sent, strict=True))
        done = [id_ for id_, outcome in outcomes.items() if outcome is None]
        await taken.sent(done)
    result.sent += len(done)
    result.left_out += len(chunk) - len(whole)
    for letter in chunk:
        if whole.get(letter.id, letter) is None:
            result.refused.append((letter, GONE))
        elif isinstance(outcomes.get(letter.id), TOO_LARGE):
            result.refused.append((letter, _too_large(letter, messages[letter.id].topic)))
    failures = [
        (outcome, messages[id_].topic)
        for id_, outcome in outcomes.items()
        if outcome is not None and not isinstance(outcome, TOO_LARGE)
    ]
    return failures[0] if failures else None


def _too_large(letter: DeadLetter, topic: str) -> str:
    size = f"{letter.value_bytes} bytes and what goes with them"
    return f"{size} are more than {topic} takes: raise its max.message.bytes, and redrive it again"


def _message(topic: str, row: DeadLetterRow) -> Message:
    origin = f"{row.topic}/{row.partition}/{row.offset}"
    return Message(topic, row.key, row.value, [*unpack_headers(row.headers), (REDRIVEN_FROM, origin.encode())])


def destination(topic: str, settings: RecordingSettings) -> str:
    """Where a letter goes that lay in a topic: there, to which is bound what it may say, as long as it is read."""
    return topic if topic in settings.topics else settings.events_topic


def _found(reads: Sequence[Read]) -> Found:
    """What a record comes to: of several events the first that is bad, else the first."""
    return next((found for _, found in reads if isinstance(found, Undecodable)), reads[0][1])


def _as_sent_now(row: DeadLetterRow, settings: RecordingSettings) -> Record:
    """As it would come."""
    now_ms, headers = int(time() * 1000), unpack_headers(row.headers)
    return Record(
        destination(row.topic, settings), row.partition, row.offset, now_ms, row.key, headers, row.value, row.offset
    )


def _so_far(result: Redriven) -> str:
    return f"{result.sent} were sent. Begin again: what was sent is left out, and a repetition counts as a duplicate"
