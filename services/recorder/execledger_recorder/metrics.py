"""The recorder's metrics, all of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import product
from time import perf_counter, time
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from execledger_contracts.decoding import Reason
from execledger_contracts.events import EVENTS, OtherEvent
from execledger_contracts.ignored import Rule
from execledger_contracts.status import EXECUTION_STATUSES, STEP_STATUSES, TERMINAL
from execledger_lifecycle import Outcome
from execledger_recorder.recording import Report
from execledger_recorder.rules.ledger import LedgerRow
from execledger_recorder.rules.partition import TopicPartition
from execledger_runtime.build import build_info

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_RECORDS: Final = (1, 5, 10, 50, 100, 250, 500, 1000, 2000, 4000, 10_000)

Phase = Literal["decode", "record"]


class Metrics:
    """Names, labels and meanings; labels come from closed sets, never from ids."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"execledger_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"execledger_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"execledger_{name}", text, labels, registry=registry, buckets=buckets)

        self.records = counter("records", "Consumed Kafka records by what became of them", "outcome", "type")
        self.dead_letters = counter("dead_letters", "Records that could not be decoded or stored", "reason")
        self.conflicts = counter("conflicts", "Repeated event ids whose content differs from the first")
        self.transitions = counter("transitions", "Changes of an execution's status", "from", "to")
        self.ignored_fields = counter(
            "ignored_fields",
            "Fields left out of recorded events, or read otherwise than they were sent",
            "type",
            "rule",
        )
        self.rejections = counter("rejected_transitions", "Endings that came after another one decided", "reason")
        self.commands = counter("commands", "Commands to orchestrators, written with what called for them", "type")
        self.refolds = counter("refolds", "Executions folded again from the log, because an event lay behind")
        self.retries = counter("retries", "Tries that failed because Postgres or Kafka could not be reached")
        self.rebalances = counter("rebalances", "Assignments of partitions by the consumer group")
        self.missed = counter("missed_records", "Offsets that Kafka deleted before they were read")
        self.paused = gauge("paused", "1 while Postgres or Kafka cannot be reached, or the outbox is full")
        self.stalled = gauge("stalled", "1 while records wait in Kafka and none has come for half a minute")
        self.topic_dangers = gauge(
            "topic_dangers", "1 while Kafka keeps a topic of events so that some get lost", "topic", "danger"
        )
        self.circuit_open = gauge(
            "circuit_open",
            "1 while a partition is stopped, for nearly all of its records are bad",
            "topic",
            "partition",
        )
        self.batch_size = histogram("batch_records", "Records in a batch", _RECORDS)
        self.batch_seconds = histogram("batch_seconds", "Seconds of a batch by phase", _SECONDS, "phase")
        self.lag_seconds = histogram(
            "end_to_end_lag_seconds", "From the oldest event of a batch to its commit", _SECONDS
        )
        self.consumer_lag_records = gauge(
            "consumer_lag_records", "Records between the ledger and Kafka's end", "topic", "partition"
        )
        self.consumer_lag_seconds = gauge(
            "consumer_lag_seconds", "Age of the oldest unrecorded record", "topic", "partition"
        )
        self.open_transaction_seconds = gauge(
            "open_transaction_seconds",
            "How long a transaction that is open has hidden what lies behind it; 0 without one",
            "topic",
            "partition",
        )
        self.unaccounted = gauge("unaccounted_records", "Offsets that the ledger cannot account for: must be 0")
        self.mismatches = gauge("record_mismatches", "Executions found not to be what the log gives: must be 0")
        self.endings = counter(
            "watchdog_endings", "Executions that the watchdog ended, by the limit they passed", "kind"
        )
        self.feed_changes = gauge("feed_changes", "Changes that are kept for those who follow them")
        self.outbox = gauge("outbox_messages", "Messages that wait to be sent")
        self.outbox_age = gauge("outbox_oldest_seconds", "How long the oldest message has waited to be sent")

        build_info(registry, "recorder")
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show each label before it is first counted: else the first dead letter is no increase."""
        types = [*(event.canonical for event in EVENTS if event is not OtherEvent), "other"]
        for counter, *labels in (
            (self.dead_letters, Reason),
            (self.records, (Outcome.DUPLICATE, Outcome.DEAD_LETTERED, Outcome.SKIPPED), ("none",)),
            (self.records, (Outcome.APPLIED, Outcome.LATE, Outcome.REJECTED), types),
            (self.ignored_fields, types, Rule),
            (self.rejections, [f"already {status}" for status in STEP_STATUSES if status in TERMINAL]),
            (self.commands, ("execution.halt", "execution.warning", "execution.cancel")),
        ):
            for values in product(*labels):
                counter.labels(*values)
        for before, after in product(("none", *EXECUTION_STATUSES), EXECUTION_STATUSES):
            if before != after:
                self.transitions.labels(before, after)
        self.watched({})

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Time a phase of a batch."""
        start = perf_counter()
        yield
        self.batch_seconds.labels(name).observe(perf_counter() - start)

    def waited(self, seconds: float) -> None:
        """Count how long the first records of a batch waited, decoded, for the batch before."""
        self.batch_seconds.labels("wait").observe(seconds)

    def recorded(self, report: Report, records: int, lag_seconds: float | None) -> None:
        """Count a batch that was committed."""
        self.batch_size.observe(records)
        for (type_, outcome), count in report.types.items():
            self.records.labels(outcome, type_).inc(count)
        for reason, count in report.dead_letters.items():
            self.dead_letters.labels(reason).inc(count)
            self.records.labels("dead_lettered", "none").inc(count)
        for (before, after), count in report.transitions.items():
            self.transitions.labels(before, after).inc(count)
        for rejection, count in report.rejections.items():
            self.rejections.labels(rejection).inc(count)
        for event in report.ignored:
            for note in event.notes:
                self.ignored_fields.labels(event.type, note.rule).inc()
        self.commanded(report.commands)
        self.records.labels("duplicate", "none").inc(report.duplicates)
        skipped = sum(count for (_, outcome), count in report.outcomes.items() if outcome is Outcome.SKIPPED)
        self.records.labels(Outcome.SKIPPED, "none").inc(skipped)
        self.conflicts.inc(report.conflicts)
        self.refolds.inc(report.refolded)
        if lag_seconds is not None:
            self.lag_seconds.observe(max(0.0, lag_seconds))

    def commanded(self, commands: Mapping[str, int]) -> None:
        """Count commands that were committed."""
        for type_, count in commands.items():
            self.commands.labels(type_).inc(count)

    def waiting(self, messages: int, oldest_seconds: float) -> None:
        """Show how much waits in the outbox."""
        self.outbox.set(messages)
        self.outbox_age.set(oldest_seconds)

    def lagging(self, partition: TopicPartition, records: int, oldest_ms: int | None) -> None:
        """Show how far the ledger is behind Kafka; `oldest_ms` is None when nothing waits."""
        self.consumer_lag_records.labels(*partition).set(0 if oldest_ms is None else max(0, records))
        seconds = 0.0 if oldest_ms is None else max(0.0, time() - oldest_ms / 1000)
        self.consumer_lag_seconds.labels(*partition).set(seconds)

    def hidden(self, partition: TopicPartition, seconds: float) -> None:
        """Show for how long an open transaction has hidden what lies behind it."""
        self.open_transaction_seconds.labels(*partition).set(seconds)

    def forget(self, partition: TopicPartition) -> None:
        """Show no more of a partition that another recorder reads now."""
        shown_by_partition = (
            self.consumer_lag_records,
            self.consumer_lag_seconds,
            self.open_transaction_seconds,
            self.circuit_open,
        )
        for shown in shown_by_partition:
            with suppress(KeyError):  # it was never shown
                shown.remove(*partition)

    def watched(self, decisions: Mapping[str, int]) -> None:
        """Count what the watchdog decided."""
        for kind in ("timeout", "silence"):
            self.endings.labels(kind).inc(decisions.get(kind, 0))

    def accounted(self, ledger: list[LedgerRow]) -> None:
        """Show what the ledger says of itself."""
        self.unaccounted.set(sum(abs(row.unaccounted) for row in ledger))
