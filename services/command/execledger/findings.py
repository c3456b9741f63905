"""What the doctor finds, and what it says to do about it. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from execledger_recorder.rules.circuit import Circuit
    from execledger_runtime.kafka.transactions import OpenTransaction

STUCK_SECONDS: Final = 60.0  # an outbox that is sent is empty within seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do when it is not in order."""

    subject: str
    fact: str
    advice: str | None = None


def ledger_finding(unaccounted: int) -> Finding:
    """Whether each consumed record is accounted for."""
    if unaccounted:
        return Finding(
            "ledger",
            f"{unaccounted} record(s) unaccounted for",
            "Run `execledger ledger --audit`, and keep what it says: this is a bug.",
        )
    return Finding("ledger", "every consumed record is accounted for")


def stopped_partition(circuit: "Circuit") -> Finding:
    """A partition that waits for an operator, or for good records."""
    from execledger_recorder.rules.circuit import accepting

    return Finding(
        f"partition {circuit.partition} of {circuit.topic}",
        f"stopped at offset {circuit.at_offset}, {circuit.bad} of {circuit.seen} records could not be read",
        f"See `execledger dead-letters list` and mend the producer, or run `{accepting(circuit)}`.",
    )


def outbox_finding(waiting: int, oldest_seconds: float) -> Finding:
    """Whether messages to Kafka are on their way."""
    fact = f"{waiting} message(s) wait for Kafka"
    if waiting and oldest_seconds > STUCK_SECONDS:
        return Finding(
            "outbox",
            f"{fact}, the oldest for {oldest_seconds:.0f} s",
            "See that a recorder runs and that the topics above are there; its log line outbox_waits says why.",
        )
    return Finding("outbox", fact)


def keys_finding(keys: int) -> Finding:
    """Whether our own records can be signed, and are believed."""
    if not keys:
        fact = "no key is there: nothing can be sent under Execledger's own name, and nothing of it is believed"
        return Finding("signing keys", fact, "Run `execledger keys rotate`.")
    return Finding("signing keys", f"{keys} verify, the newest signs")


def recording_finding(group: str, members: int, waiting: int) -> Finding:
    """Whether anybody records what waits in Kafka."""
    if members:
        return Finding("recording", f"{members} member(s) in the consumer group {group}, {waiting} record(s) wait")
    if waiting:
        return Finding(
            "recording",
            f"nothing is recording: {waiting} record(s) wait, and nobody is in the consumer group {group}",
            "Start `execledger recorder`; if one runs, compare its EXECLEDGER_CONSUMER_GROUP and its log.",
        )
    return Finding("recording", f"nothing waits; nobody is in the consumer group {group}")


def open_transaction_finding(open_: "OpenTransaction") -> Finding:
    """What it hides, since when, and what ends it."""
    from execledger_runtime.kafka.transactions import ending

    since = "" if open_.since is None else f" since {open_.since:%Y-%m-%d %H:%M:%S} UTC"
    return Finding(
        f"partition {open_.partition} of {open_.topic}",
        f"a transaction is open{since}, from offset {open_.offset} on: it hides {open_.hidden} offset(s)",
        f"See that its producer ends it, or run Kafka's `{ending(open_.topic, open_.partition, open_.offset)}`.",
    )
