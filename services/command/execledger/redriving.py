"""Dead letters, judged anew or sent once more: the work behind `execledger dead-letters redrive`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from execledger.errors import UserError
from execledger.publish import SECONDS_TO_DELIVER, refusal
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, Undecodable
from execledger_recorder.recording import Trust, read
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.dead_letter import REDRIVEN_FROM
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import DeadLetter, DeadLetterFilter, KeptDeadLetter, Store, unpack_headers
from execledger_runtime.errors import MustWait
from execledger_runtime.kafka.producer import TOO_LARGE, Message, Producer

_AT_ONCE: Final = 100
_BYTES_AT_ONCE: Final = 32 * 1024 * 1024
_PAGE: Final = 1000


@dataclass(slots=True)
class Redriven:
    """How many were sent, how many somebody else redrove meanwhile, and which the topic is too small for."""

    sent: int = 0
    left_out: int = 0
    refused: list[DeadLetter] = field(default_factory=list)


async def listed(store: Store, wanted: DeadLetterFilter, *, redriven: bool) -> AsyncIterator[DeadLetter]:
    """Dead letters in the order in which they came, as many as there are."""
    after = 0
    while page := await store.dead_letters.page(wanted, redriven=redriven, after=after, limit=_PAGE):
        for letter in page:
            yield letter
        after = page[-1].id


async def judge(
    store: Store, letters: Sequence[DeadLetter], limits: Limits
) -> AsyncIterator[tuple[KeptDeadLetter, Decoded | Undecodable]]:
    """What each would be if it came now. Only recording shows whether Postgres takes what it refused before."""
    trust = Trust(store)
    for chunk in chunks(letters, _AT_ONCE):
        for letter in await store.dead_letters.read([each.id for each in chunk]):
            [(_, found)] = await trust.judge(read([_as_sent_now(letter.row)], limits))
            yield letter, found


async def redrive(
    store: Store,
    producer: Producer,
    topic: str,
    letters: Sequence[DeadLetter],
    *,
    again: bool = False,
    rate: float | None = None,
    on_progress: Callable[[int], None] = lambda sent: None,
) -> Redriven:
    """Send dead letters to a topic, `rate` a second at most, and note of each that it was, once the broker has it.

    When this process dies between the two, the next one sends some again: what is recorded by then is a duplicate.
    Raises UserError when Kafka or Postgres stops answering, or it is cancelled: somebody must hear what was sent.
    """
    result = Redriven()
    try:
        await _redrive_chunks(store, producer, topic, letters, result, again=again, rate=rate, on_progress=on_progress)
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


async def _redrive_chunks(
    store: Store,
    producer: Producer,
    topic: str,
    letters: Sequence[DeadLetter],
    result: Redriven,
    *,
    again: bool,
    rate: float | None,
    on_progress: Callable[[int], None],
) -> None:
    began = monotonic()
    for chunk in chunks(letters, _AT_ONCE if rate is None else max(1, min(_AT_ONCE, int(rate)))):
        failure = await _redrive_chunk(store, producer, topic, chunk, result, again=again)
        on_progress(result.sent)
        if failure is not None:
            raise UserError(f"{refusal(failure, topic)}; {_so_far(result)}") from failure
        if rate is not None:
            await asyncio.sleep(began + result.sent / rate - monotonic())


async def _redrive_chunk(
    store: Store,
    producer: Producer,
    topic: str,
    chunk: Sequence[DeadLetter],
    result: Redriven,
    *,
    again: bool,
) -> BaseException | None:
    """Why not all were sent, if so. It is returned, not raised: what was sent is noted all the same."""
    async with store.dead_letters.redriving([letter.id for letter in chunk], again=again) as taken:
        messages = [_message(topic, letter.row) for letter in taken.letters]
        outcomes = await producer.send_each(messages, SECONDS_TO_DELIVER)
        by_id = {letter.id: outcome for letter, outcome in zip(taken.letters, outcomes, strict=True)}
        sent = [id_ for id_, outcome in by_id.items() if outcome is None]
        await taken.sent(sent)
    result.sent += len(sent)
    result.left_out += len(chunk) - len(by_id)
    result.refused += [letter for letter in chunk if isinstance(by_id.get(letter.id), TOO_LARGE)]
    failures = [outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, TOO_LARGE)]
    return failures[0] if failures else None


def _message(topic: str, row: DeadLetterRow) -> Message:
    origin = f"{row.topic}/{row.partition}/{row.offset}"
    return Message(topic, row.key, row.value, [*unpack_headers(row.headers), (REDRIVEN_FROM, origin.encode())])


def _as_sent_now(row: DeadLetterRow) -> Record:
    """What came would be read like this; its place says nothing of what it says."""
    now_ms, headers = int(time() * 1000), unpack_headers(row.headers)
    return Record(row.topic, row.partition, row.offset, now_ms, row.key, headers, row.value, row.offset)


def _so_far(result: Redriven) -> str:
    return f"{result.sent} were sent. Begin again: what was sent is left out, and a repetition counts as a duplicate"
