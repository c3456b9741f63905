"""Rows are read, told in signed events, and sent, a chunk at a time: the work behind `execledger import`."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from execledger.errors import UserError
from execledger.importing.columns import Refused, Row, read_row
from execledger.importing.drafts import Draft, written
from execledger.importing.parents import Mapper, mapper
from execledger.importing.progress import Place, note_place
from execledger.importing.reading import Sent, refusal_of
from execledger.importing.report import Report
from execledger.importing.shapes.registry import Shape
from execledger.publish import HEADERS, SECONDS_TO_DELIVER, refusal
from execledger_contracts.cleaning import Limits
from execledger_recorder.store import Store
from execledger_runtime.kafka.producer import TOO_LARGE, Message, Producer
from execledger_runtime.kafka.signatures import SigningKey, sign

_ROWS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Import:
    """What is imported, and how. `tenant`: of rows that name none, or the only one whose executions rows may name."""

    table: str
    shape: Shape
    tenant: str | None
    left_out: frozenset[str]
    topic: str
    topics: Sequence[str]  # that recorders read
    limits: Limits
    progress: Path | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """A row and the messages that tell it."""

    sent: Sent
    messages: Sequence[Message]


async def import_rows(
    work: Import,
    rows: AsyncIterator[Sequence[Sent]],
    place: Place,
    *,
    store: Store,
    producer: Producer,
    report: Report,
    on_progress: Callable[[Report], None] = lambda report: None,
) -> None:
    """Publish what chunks of rows tell; each is noted as done once Kafka has it. What is refused goes to the report.

    Raises UserError when Kafka takes nothing for a minute.
    """
    signing = await store.signing_keys.newest()
    done, key = place.rows, place.key
    async for chunk in rows:
        told = await _told(work, chunk, store, signing, report)
        await _send(work, producer, told, report)
        report.flush()
        done, key = done + len(chunk), chunk[-1].key or key
        note_place(work.progress, Place(place.what, done, key))
        on_progress(report)


async def chunks_of_file(rows: Iterator[Sent], done: int) -> AsyncGenerator[list[Sent], None]:
    """Rows behind those that are done, some at once; read in a thread, for a pipe may be silent for long."""
    skipped = 0
    while chunk := await asyncio.to_thread(_next_chunk, rows):
        fresh = chunk[max(0, done - skipped) :]
        skipped += len(chunk)
        if fresh:
            yield fresh


async def chunks_of_table(rows: AsyncIterator[Sent]) -> AsyncGenerator[list[Sent], None]:
    """Rows of a table, some at once."""
    chunk, size = list[Sent](), 0
    async for row in rows:
        chunk.append(row)
        size += row.size
        if len(chunk) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _next_chunk(rows: Iterator[Sent]) -> list[Sent]:
    chunk, size = list[Sent](), 0
    for row in rows:
        chunk.append(row)
        size += row.size
        if len(chunk) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
            break
    return chunk


async def _told(work: Import, chunk: Sequence[Sent], store: Store, signing: SigningKey, report: Report) -> list[_Told]:
    """The messages of each row that can be told, in their order."""
    read = [(sent, row) for sent in chunk if (row := _row(work, sent, report)) is not None]
    map_ = await mapper(store, work.shape, [row for _, row in read], work.tenant, work.topics)
    now_ms = int(time.time() * 1000)
    told = (_tell(work, sent, row, map_, signing, now_ms, report) for sent, row in read)
    return [each for each in told if each is not None]


def _row(work: Import, sent: Sent, report: Report) -> Row | None:
    report.rows += 1
    try:
        if (bad := refusal_of(sent)) is not None:
            raise bad
        return read_row(work.shape.columns, sent.row, work.left_out, is_csv=sent.is_csv)
    except Refused as why:
        report.refuse(sent, why)
        return None


def _tell(
    work: Import, sent: Sent, row: Row, map_: Mapper, signing: SigningKey, now_ms: int, report: Report
) -> _Told | None:
    try:
        messages = [_message(work, draft, signing, now_ms) for draft in map_(row)]
    except Refused as why:
        report.refuse(sent, why)
        return None
    return _Told(sent, messages)


def _message(work: Import, draft: Draft, signing: SigningKey, now_ms: int) -> Message:
    value = written(draft, work.table, work.limits, now_ms)
    headers = [*HEADERS, sign(signing, draft.key, value)]
    return Message(draft.home.topic or work.topic, draft.key, value, headers)


async def _send(work: Import, producer: Producer, told: Sequence[_Told], report: Report) -> None:
    outcomes = iter(await producer.send_each([each for row in told for each in row.messages], SECONDS_TO_DELIVER))
    for row in told:
        failed = [outcome for _ in row.messages if (outcome := next(outcomes)) is not None]
        if any(not isinstance(each, TOO_LARGE) for each in failed):
            raise UserError(
                f"{refusal(failed[0], work.topic)}; line {row.sent.line} and those behind it are not done. "
                "Import them again: what is there already counts as a duplicate."
            )
        report.events += len(row.messages) - len(failed)
        if failed:
            report.refuse(row.sent, Refused("line", "an event of it is larger than the topic takes"))
