"""`execledger ledger`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from execledger.commands.opening import open_store
from execledger.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from execledger_recorder.rules.ledger import LedgerReport


ledger = App(name="ledger", help="The account of every consumed record.")


@ledger.default
def show(
    *,
    audit: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """The account of every consumed record, by partition; exit status 1 when one is unaccounted for.

    Parameters
    ----------
    audit
        Count again what the log, the duplicates and the dead letters hold, instead of believing the counters; and when
        EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS is set, read again all that Kafka still holds and compare each offset.
    as_json
        Print a JSON object instead of a table.
    """
    import asyncio
    import json
    import sys

    from rich.console import Console

    report = asyncio.run(_read(with_audit=audit))
    if as_json:
        sys.stdout.write(json.dumps(report.as_document(), indent=2) + "\n")
    else:
        console = Console(highlight=False)
        console.print(table(report))
        for difference in report.differences:
            at = "" if difference.offset is None else f"/{difference.offset}"
            where = f"{difference.topic}/{difference.partition}{at}"
            console.print(f"{where}: expected {difference.expected}, found {difference.found}", style="red")
    return 0 if report.is_balanced else 1


@ledger.command
def skip(topic: str, partition: int, offset: int, *, reason: str) -> None:
    """Have the recorder pass over one record, whatever is in it: for one that nothing else gets it past.

    It is counted as skipped, and the reason kept. A recorder that the record has ended is to be started again.

    Parameters
    ----------
    topic
        The topic that it lies in.
    partition
        Its partition.
    offset
        Its offset: the next one of the account, or one that lies ahead of it.
    reason
        Why, for those who read the account later.
    """
    import asyncio
    import sys

    if not reason.strip():
        raise UserError("--reason: say why, for those who read the account later", exit_status=2)
    if not 0 <= partition < 2**31 or not 0 <= offset < 2**63:
        raise UserError("PARTITION and OFFSET are numbers from 0, as `execledger ledger` shows", exit_status=2)
    position = asyncio.run(_skip(topic, partition, offset, reason))
    if position is None:
        raise UserError(f"there is no account of partition {partition} of {topic}; `execledger ledger` shows all")
    if offset < position:
        sys.stdout.write(f"{topic}/{partition}/{offset}: skipped; the recorder goes on at {position}\n")
    else:
        sys.stdout.write(f"{topic}/{partition}/{offset}: will be skipped; the account stands at {position}\n")


async def _skip(topic: str, partition: int, offset: int, reason: str) -> int | None:
    async with open_store() as store:
        positions = {(row.topic, row.partition): row.next_offset for row in await store.ledger.read()}
        if (position := positions.get((topic, partition))) is not None and offset < position:
            raise UserError(f"{topic}/{partition}/{offset} is counted already: the account stands at {position}")
        return await store.ledger.skip(topic, partition, offset, reason)


async def _read(*, with_audit: bool) -> "LedgerReport":
    from aiokafka.errors import KafkaError

    from execledger.audit import audit
    from execledger.stack.say import standard_error
    from execledger_recorder.duties.audit import read_ledger

    try:
        async with open_store() as store:
            return await (audit(store, standard_error()) if with_audit else read_ledger(store, audit=False))
    except KafkaError as error:
        raise UserError(f"Kafka did not answer: {error or type(error).__name__}; see `execledger doctor`") from error


def table(report: "LedgerReport") -> "Table":
    """The account as a table for the terminal."""
    from rich import box
    from rich.table import Table

    from execledger_lifecycle import Outcome

    rows = report.partitions
    always = ("applied", "late", "duplicate", "rejected", "dead_lettered", "unaccounted")
    sometimes = [name for name in ("gaps", "missed", Outcome.SKIPPED.value) if any(getattr(row, name) for row in rows)]
    counts = (*sometimes, *always)  # eighty columns hold them
    topics = sorted({row.topic for row in rows})
    drawn = Table(
        title=", ".join(topics) or "nothing consumed yet",
        caption="consumed = the columns to the right of it, added up; lag = what Kafka has beyond that",
        box=box.SIMPLE_HEAD,
        padding=0,  # eighty columns hold it
        show_edge=False,
        show_footer=True,
    )
    drawn.add_column("partition", footer="all")
    drawn.add_column("lag", justify="right", footer=str(sum(row.lag or 0 for row in rows)))
    drawn.add_column("consumed", justify="right", footer=str(sum(row.next_offset - row.first_offset for row in rows)))
    for name in counts:
        total = sum(getattr(row, name) for row in rows)
        style = "red" if name in ("missed", Outcome.SKIPPED, "unaccounted") and total else ""
        drawn.add_column(name.replace("dead_lettered", "dead"), justify="right", footer=str(total), style=style)
    for row in rows:
        place = str(row.partition) if len(topics) == 1 else f"{row.topic}/{row.partition}"
        consumed = row.next_offset - row.first_offset
        lag = "?" if row.lag is None else str(row.lag)
        drawn.add_row(place, lag, str(consumed), *(str(getattr(row, name)) for name in counts))
    return drawn
