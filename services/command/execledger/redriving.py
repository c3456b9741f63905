"""Dead letters, judged anew or sent once more: the work behind `execledger dead-letters redrive`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from execledger.errors import UserError
from execledger.publish import SECONDS_TO_DELIVER, refusal
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, Undecodable, decode
from execledger_recorder.errors import StoreUnavailable
from execledger_recorder.rules.dead_letter import REDRIVEN_FROM
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import DeadLetter, DeadLetterFilter, KeptDeadLetter, Store, unpack_headers

_AT_ONCE: Final = 100
_BYTES_AT_ONCE: Final = 32 * 1024 * 1024
_PAGE: Final = 1000
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


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
    for chunk in chunks(letters, _AT_ONCE):
        for letter in await store.dead_letters.read([each.id for each in chunk]):
            headers = unpack_headers(letter.row.headers)
            yield letter, decode(letter.row.value, headers, int(time() * 1000), limits)


async def redrive(
    store: Store,
    producer: AIOKafkaProducer,
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
    except StoreUnavailable as error:
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
    producer: AIOKafkaProducer,
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
    producer: AIOKafkaProducer,
    topic: str,
    chunk: Sequence[DeadLetter],
    result: Redriven,
    *,
    again: bool,
) -> BaseException | None:
    """Why not all were sent, if so. It is returned, not raised: what was sent is noted all the same."""
    failure = None
    async with store.dead_letters.redriving([letter.id for letter in chunk], again=again) as taken:
        outcomes = await _send_all(producer, topic, taken.letters)
        sent = [id_ for id_, outcome in outcomes.items() if outcome is None]
        await taken.sent(sent)
    result.sent += len(sent)
    result.left_out += len(chunk) - len(outcomes)
    for letter in chunk:
        outcome = outcomes.get(letter.id)
        if isinstance(outcome, _TOO_LARGE):
            result.refused.append(letter)
        elif isinstance(outcome, KafkaError | TimeoutError | OSError):
            failure = outcome
        elif outcome is not None:
            raise outcome
    return failure


async def _send_all(
    producer: AIOKafkaProducer, topic: str, letters: Sequence[KeptDeadLetter]
) -> dict[int, BaseException | None]:
    """Why each was not sent, if so. What a batch was refused for need not be the fault of all that were in it."""

    async def send(some: Sequence[KeptDeadLetter]) -> dict[int, BaseException | None]:
        sendings = (_send(producer, topic, letter.row) for letter in some)
        results = await asyncio.gather(*sendings, return_exceptions=True)
        return {letter.id: result for letter, result in zip(some, results, strict=True)}

    outcomes = await send(letters)
    for letter in letters if len(letters) > 1 else ():
        if isinstance(outcomes[letter.id], _TOO_LARGE):
            outcomes |= await send([letter])
    return outcomes


async def _send(producer: AIOKafkaProducer, topic: str, row: DeadLetterRow) -> None:
    origin = f"{row.topic}/{row.partition}/{row.offset}"
    headers = [*unpack_headers(row.headers), (REDRIVEN_FROM, origin.encode())]
    async with asyncio.timeout(SECONDS_TO_DELIVER):
        if row.key is None and row.value is None:  # Kafka allows it, and `send` does not
            batch = producer.create_batch()
            batch.append(key=None, value=None, timestamp=None, headers=headers)
            sending = await producer.send_batch(batch, topic, partition=0)
        else:
            sending = await producer.send(topic, row.value, row.key, headers=headers)
        await sending


def _so_far(result: Redriven) -> str:
    return f"{result.sent} were sent. Begin again: what was sent is left out, and a repetition counts as a duplicate"
