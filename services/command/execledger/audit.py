"""The ledger audited, with its progress on standard error: the work behind `execledger ledger --audit`."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from execledger.recorder_settings import kafka_options, names_kafka
from execledger_recorder.duties.audit import read_ledger
from execledger_recorder.rules.ledger import LedgerReport, LedgerRow
from execledger_recorder.store import Store
from execledger_runtime.kafka.log import KafkaLog


async def audit(store: Store, console: Console) -> LedgerReport:
    """Recount the tables, and compare them with Kafka when the environment names one. Raises what both raise."""
    if not names_kafka():
        console.print("Only the tables were counted: EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS names no Kafka to read again.")
        return await read_ledger(store, audit=True)
    columns = (TextColumn("{task.description} read again"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with KafkaLog.open(kafka_options()) as log:
        with Progress(*columns, console=console) as bars:
            return await read_ledger(store, audit=True, log=log, on_progress=_Bars(bars).move)


class _Bars:
    """A bar for each partition."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._of: dict[tuple[str, int], TaskID] = {}

    def move(self, row: LedgerRow, reached: int | None) -> None:
        place = f"{row.topic}/{row.partition}"
        if reached is None:
            self._bars.console.print(f"{place} is not in Kafka: only its tables were counted.")
            return
        key = (row.topic, row.partition)
        if key not in self._of:
            self._of[key] = self._bars.add_task(place, total=row.next_offset - row.first_offset)
        self._bars.update(self._of[key], completed=reached - row.first_offset)
