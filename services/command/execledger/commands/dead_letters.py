"""`execledger dead-letters`."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from execledger.commands.opening import check_text, open_store
from execledger.errors import UserError

if TYPE_CHECKING:
    from execledger_recorder.settings import RecordingSettings
    from execledger_recorder.store import DeadLetter, DeadLetterFilter, Store

dead_letters = App(name="dead-letters", help="Look at the records that could not be recorded, and send them again.")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Ids = Annotated[list[int] | None, Parameter(name="--id", negative=())]
Reasons = Annotated[list[str] | None, Parameter(name="--reason", negative=())]
Fingerprints = Annotated[list[str] | None, Parameter(name="--fingerprint", negative=())]
Flag = Annotated[bool, Parameter(negative=())]


@dead_letters.command(name="list")
def list_(
    *,
    reason: Reasons = None,
    fingerprint: Fingerprints = None,
    since: str | None = None,
    each: Flag = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """List dead letters, those that are bad in the same way together.

    Parameters
    ----------
    reason
        Only these: tombstone, not_utf8, not_json, not_cloudevent, invalid, unsupported_version, too_large, unstorable,
        forbidden.
    fingerprint
        Only those that are bad in this way.
    since
        Only those whose Kafka timestamp is not older: a time as 2026-03-01T12:00:00Z, or an age as 90s, 15m, 1h, 7d.
    each
        A line for each of them.
    as_json
        Print a JSON object instead.
    """
    import asyncio

    wanted = _wanted(None, reason, fingerprint, since)
    asyncio.run(_list_each(wanted, as_json=as_json) if each else _list_groups(wanted, as_json=as_json))


@dead_letters.command
def show(id: int, *, raw: Flag = False) -> None:  # noqa: A002  # what the user calls it
    """Show one dead letter, its bytes, and where its fault lies.

    Parameters
    ----------
    id
        Its number, as `dead-letters list --each` shows it.
    raw
        Write its bytes to the standard output, as they came, and nothing else.
    """
    import asyncio

    _check_ids([id], "ID")
    asyncio.run(_show(id, raw=raw))


@dead_letters.command
def redrive(
    *,
    id: Ids = None,  # noqa: A002
    reason: Reasons = None,
    fingerprint: Fingerprints = None,
    since: str | None = None,
    all: Flag = False,  # noqa: A002
    again: Flag = False,
    dry_run: Flag = False,
    rate: str | None = None,
) -> int:
    """Send dead letters once more to the topics in which they came, as they came; exit status 1 when Kafka refused one.

    A letter is sent once. It stays what it is: when the record that was sent is bad again, that one is a new letter.

    Parameters
    ----------
    id
        These; may be repeated, as the next two may.
    reason
        All that are bad for this reason.
    fingerprint
        All that are bad in this way.
    since
        Only those whose Kafka timestamp is not older: a time as 2026-03-01T12:00:00Z, or an age as 90s, 15m, 1h, 7d.
    all
        All there are.
    again
        Those that were redriven before, too.
    dry_run
        Send nothing: say of each whether it would pass now.
    rate
        How many a second at most, as 50/s.
    """
    import asyncio

    if not (all or id or reason or fingerprint or since):
        raise UserError("which? Say --id, --reason, --fingerprint, --since or --all", exit_status=2)
    wanted, pace = _wanted(id, reason, fingerprint, since), _rate(rate)
    if dry_run:
        return asyncio.run(_judge(wanted, again=again))
    return asyncio.run(_redrive(wanted, again=again, rate=pace))


@dead_letters.command
def accept(partition: int, *, topic: str | None = None) -> None:
    """Let a partition drain that the recorder stopped because nearly all of its records are bad.

    All that its log holds by now is recorded or becomes a dead letter; what comes later is judged anew. The recorder
    may be running, and goes on within seconds, or be stopped.

    Parameters
    ----------
    partition
        Its number.
    topic
        Another topic than that of EXECLEDGER_EVENTS_TOPIC.
    """
    import asyncio

    asyncio.run(_accept(partition, topic))


def moment(text: str, now: datetime, option: str = "--since") -> datetime:
    """A time in RFC 3339, or an age as 90s, 15m, 1h or 7d.

    >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> moment("2h", noon).hour, moment("2026-03-01T12:00:00+02:00", noon).hour
    (10, 10)
    """
    try:
        if match := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UserError(
            f"{option}: should be a time as 2026-03-01T12:00:00Z or an age as 90s, 15m, 1h or 7d, this is {text!r}",
            exit_status=2,
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    if not (match := re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(/s)?", text)) or float(match[1]) == 0:
        raise UserError(f"--rate: should be how many a second, as 50/s, this is {text!r}", exit_status=2)
    return float(match[1])


def _wanted(
    ids: list[int] | None, reasons: list[str] | None, fingerprints: list[str] | None, since: str | None
) -> "DeadLetterFilter":
    from execledger_contracts.decoding import Reason
    from execledger_recorder.store import DeadLetterFilter

    if unknown := set(reasons or ()) - {reason.value for reason in Reason}:
        known = ", ".join(reason.value for reason in Reason)
        raise UserError(f"--reason: {min(unknown)!r} is not one of {known}", exit_status=2)
    _check_ids(ids or (), "--id")
    for fingerprint in fingerprints or ():
        check_text("--fingerprint", fingerprint)
    at = None if since is None else moment(since, datetime.now(UTC))
    return DeadLetterFilter(ids or None, reasons or None, fingerprints or None, at)


def _check_ids(ids: Iterable[int], option: str) -> None:
    for id_ in ids:
        if not 0 < id_ < 2**63:
            raise UserError(f"{option}: should be a number as `dead-letters list --each` shows, this is {id_}", 2)


@asynccontextmanager
async def _open() -> AsyncIterator[tuple["Store", "RecordingSettings"]]:
    from execledger.recorder_settings import recording_settings

    settings = recording_settings()
    async with open_store(statement_timeout_ms=settings.statement_timeout_ms) as store:
        yield store, settings


async def _list_groups(wanted: "DeadLetterFilter", *, as_json: bool) -> None:
    import json
    import sys

    from execledger.letters import groups_document, lines_of_group

    async with _open() as (store, _):
        groups = await store.dead_letters.groups(wanted)
    if as_json:
        sys.stdout.write(json.dumps(groups_document(groups), indent=2) + "\n")
    else:
        sys.stdout.writelines([f"{lines_of_group(group)}\n" for group in groups] or ["no dead letters\n"])


async def _list_each(wanted: "DeadLetterFilter", *, as_json: bool) -> None:
    import json
    import sys

    from execledger.letters import document_of, line_of
    from execledger.redriving import listed

    async with _open() as (store, _):
        letters = listed(store, wanted, redriven=True)
        if as_json:
            items = [document_of(letter) async for letter in letters]
            sys.stdout.write(json.dumps({"items": items}, indent=2) + "\n")
            return
        count = 0
        async for letter in letters:
            sys.stdout.write(line_of(letter) + "\n")
            count += 1
    if not count:
        sys.stdout.write("no dead letters\n")


async def _show(id_: int, *, raw: bool) -> None:
    import sys

    from rich.console import Console

    from execledger.letters import draw

    async with _open() as (store, _):
        letters = await store.dead_letters.read([id_])
    if not letters:
        raise UserError(f"there is no dead letter {id_}")
    if raw:
        sys.stdout.buffer.write(letters[0].row.value or b"")
        return
    draw(letters[0], Console(highlight=False))


async def _selected(store: "Store", wanted: "DeadLetterFilter", *, again: bool) -> "list[DeadLetter]":
    """As they are now: what comes back while these are sent is not among them."""
    import sys

    from execledger.redriving import listed

    letters = [letter async for letter in listed(store, wanted, redriven=again)]
    if not letters:
        hint = "" if again else "; --again sends what was redriven before, too"
        sys.stdout.write(f"nothing to redrive{hint}\n")
    return letters


async def _judge(wanted: "DeadLetterFilter", *, again: bool) -> int:
    import sys

    from execledger.letters import verdict_line
    from execledger.originals import Originals
    from execledger.recorder_settings import kafka_options
    from execledger.redriving import judge
    from execledger_contracts.decoding import Undecodable

    passing = failing = 0
    async with _open() as (store, settings), Originals.open(kafka_options()) as originals:
        letters = await _selected(store, wanted, again=again)
        async for letter, found in judge(store, letters, settings, originals):
            sys.stdout.write(verdict_line(letter, found) + "\n")
            passing += not isinstance(found, Undecodable)
            failing += isinstance(found, Undecodable)
    if passing or failing:
        sys.stdout.write(f"{passing} would pass, {failing} would not; nothing was sent\n")
    return 0


async def _redrive(wanted: "DeadLetterFilter", *, again: bool, rate: float | None) -> int:
    import sys

    from rich.progress import Progress

    from execledger.originals import Originals
    from execledger.publish import producing
    from execledger.recorder_settings import kafka_options
    from execledger.redriving import destination, redrive
    from execledger.stack.say import standard_error

    options = kafka_options()
    async with _open() as (store, settings):
        letters = await _selected(store, wanted, again=again)
        if not letters:
            return 0
        console = standard_error()
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("redriven", total=len(letters))
            async with producing(options) as producer, Originals.open(options) as originals:
                result = await redrive(
                    store,
                    producer,
                    lambda topic: destination(topic, settings),
                    letters,
                    originals,
                    again=again,
                    rate=rate,
                    on_progress=lambda sent: progress.update(bar, completed=sent),
                )
    sys.stderr.writelines(f"{letter.id}: {why}\n" for letter, why in result.refused)
    left_out = f", {result.left_out} left to another redrive" if result.left_out else ""
    sys.stdout.write(f"{result.sent} sent, {len(result.refused)} refused{left_out}\n")
    return 1 if result.refused else 0


async def _accept(partition: int, topic: str | None) -> None:
    import sys

    from aiokafka.errors import KafkaError

    from execledger.recorder_settings import kafka_options
    from execledger_runtime.kafka.log import KafkaLog

    options = kafka_options()
    async with _open() as (store, settings):
        topic = topic or settings.events_topic
        if partition not in {each.partition for each in await store.circuits.read([topic]) if each.drain_until is None}:
            raise UserError(
                f"partition {partition} of {topic} is not stopped: there is nothing to accept; "
                "`execledger doctor` names those that are"
            )
        try:
            async with KafkaLog.open(options) as kafka:
                extent = await kafka.extent(topic, partition)
        except KafkaError as error:
            raise UserError(
                f"Kafka did not answer: {error or type(error).__name__}; see `execledger doctor`"
            ) from error
        if extent is None:
            raise UserError(
                f"Kafka has no partition {partition} of {topic}: was the topic made anew, or is this another Kafka?"
            )
        accepted = await store.circuits.drain(topic, partition, extent.end)
    if accepted is None:
        raise UserError(f"partition {partition} of {topic} was let go by another: there is nothing to accept")
    sys.stdout.write(
        f"partition {partition} of {topic}: offsets {accepted.at_offset} to {extent.end - 1} are accepted, "
        "good and bad; the recorder goes on within seconds when it runs\n"
    )
