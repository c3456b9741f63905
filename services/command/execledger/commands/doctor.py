"""`execledger doctor`: what is wrong with an installation, and what to do about it."""

import asyncio
import difflib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from execledger.commands.options import DEFAULT_DATA, Data
from execledger.findings import (
    Finding,
    keys_finding,
    ledger_finding,
    open_transaction_finding,
    outbox_finding,
    recording_finding,
    stopped_partition,
)

if TYPE_CHECKING:
    from execledger.stack.broker import Topic
    from execledger.stack.settings import StackSettings
    from execledger_runtime.settings import EnvironmentSettings

OLDEST_POSTGRES = 16
SHORTEST_SECRET = 32
SETTINGS_MODULES = ("execledger.stack.settings", "execledger_recorder.settings", "execledger_query.settings")
# Read by other code than a settings class.
OTHER_NAMES = frozenset({"EXECLEDGER_TEST_DOCKER"})


def doctor(*, data: Data = DEFAULT_DATA) -> int:
    """Check settings, broker, topics, database, schema, ledger, outbox and recorders; exit status 1 on a fault.

    Looks at the servers that the environment names, else at those of the local stack. Names stopped partitions.
    """
    findings = list(examine(data, os.environ))
    sys.stdout.writelines(_line(finding) + "\n" for finding in findings)
    return 1 if any(finding.advice for finding in findings) else 0


def examine(data: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything in turn; what depends on something broken is left out."""
    from execledger.stack.local import known_endpoints
    from execledger.stack.settings import StackSettings, load
    from execledger_runtime.kafka.settings import KafkaSettings

    classes = settings_classes()
    faults = [*unknown_settings(environment, known_names(classes)), *refused_settings(classes)]
    yield from faults or [Finding("settings", "every EXECLEDGER_ variable is known and valid")]
    yield from _secret(environment)
    if any(finding.advice for finding in refused_settings([StackSettings, KafkaSettings])):
        return
    bootstrap_servers, dsn = known_endpoints(data)
    settings = load(StackSettings)
    servers = [*asyncio.run(_kafka(bootstrap_servers, settings)), *asyncio.run(_postgres(dsn, settings.topics))]
    yield from servers
    if bootstrap_servers and dsn and not any(finding.advice for finding in servers):
        yield asyncio.run(_recording(bootstrap_servers, dsn, settings))


def settings_classes() -> list[type["EnvironmentSettings"]]:
    """The settings classes of the stack and of the services that are installed."""
    from execledger_runtime.settings import EnvironmentSettings

    modules = [import_module(name) for name in SETTINGS_MODULES if _is_there(name)]
    return [
        member
        for module in modules
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, EnvironmentSettings) and member.__module__ == module.__name__
    ]


def known_names(classes: Iterable[type["EnvironmentSettings"]]) -> set[str]:
    """The environment variables that settings classes read."""
    return {*OTHER_NAMES, *(name for settings in classes for name in settings.variables())}


def unknown_settings(environment: Iterable[str], known: Iterable[str]) -> list[Finding]:
    """The EXECLEDGER_ variables that nothing reads: a mistyped one would pass without a word."""
    known = sorted(known)
    unknown = sorted(name for name in environment if name.startswith("EXECLEDGER_") and name not in known)
    return [Finding(name, "nothing reads this setting", _suggestion(name, known)) for name in unknown]


def refused_settings(classes: Iterable[type["EnvironmentSettings"]]) -> list[Finding]:
    """The settings whose values are refused. A missing address or secret is for the checks of their own."""
    from execledger_runtime.settings import SettingsError

    found: dict[str, Finding] = {}
    for settings in classes:
        try:
            settings.load()
        except SettingsError as error:
            for fault in error.faults:
                if not fault.is_missing:
                    advice = "Correct the value or unset the variable."
                    found.setdefault(fault.variable, Finding(fault.variable, fault.reason, advice))
    return list(found.values())


async def _kafka(bootstrap_servers: str | None, settings: "StackSettings") -> list[Finding]:
    from execledger.stack import broker

    if bootstrap_servers is None:
        return [_nowhere("Kafka", "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS")]
    options = _security()
    if fault := await broker.fault(bootstrap_servers, **options):
        return [Finding("Kafka", f"{bootstrap_servers}: {fault}", _start("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS"))]
    wanted = broker.wanted_topics(settings)
    existing = await broker.existing_topics(bootstrap_servers, [topic.name for topic in wanted], **options)
    events = [existing[name] for name in settings.topics if name in existing]
    return [
        Finding("Kafka", f"{bootstrap_servers} answers"),
        *(_topic(topic, existing.get(topic.name)) for topic in wanted),
        *_dead_letter_room(events, existing.get(settings.dead_letter_topic)),
        *[
            danger
            for topic in events
            for danger in await _dangers({"bootstrap_servers": bootstrap_servers, **options}, topic.name)
        ],
        *await _open_transactions({"bootstrap_servers": bootstrap_servers, **options}, [each.name for each in events]),
    ]


async def _dangers(options: Mapping[str, Any], topic: str) -> list[Finding]:
    """The ways in which Kafka keeps a topic of events and loses some."""
    from execledger_runtime.kafka.topics import ADVICE, keeping

    if (kept := await keeping(options, topic)) is None:
        return [Finding(f"topic {topic}", "how Kafka keeps it was not looked at: this account may not know")]
    return [Finding(f"topic {topic}", kept.fact(danger), ADVICE[danger]) for danger in kept.dangers]


async def _open_transactions(options: Mapping[str, Any], topics: Sequence[str]) -> list[Finding]:
    """Those that have been open for longer than producers let them be."""
    from execledger_runtime.kafka.transactions import SUSPICIOUS_SECONDS, open_transactions

    found = await open_transactions(options, topics) if topics else []
    now = datetime.now(UTC)
    return [
        open_transaction_finding(each)
        for each in found
        if each.since is None or (now - each.since).total_seconds() > SUSPICIOUS_SECONDS
    ]


def _security() -> dict[str, Any]:
    """How to speak to a Kafka that the environment names; the local one has no security."""
    from execledger.recorder_settings import kafka_options, names_kafka

    options = kafka_options() if names_kafka() else {}
    return {name: value for name, value in options.items() if name != "bootstrap_servers"}


def _topic(wanted: "Topic", found: "Topic | None") -> Finding:
    if found is None:
        return Finding(
            f"topic {wanted.name}",
            "does not exist",
            f"Run `execledger up`, or create it with {wanted.partitions} partition(s) and "
            f"max.message.bytes={wanted.max_message_bytes}.",
        )
    fact = f"{found.partitions} partition(s), max.message.bytes={found.max_message_bytes}"
    return Finding(f"topic {wanted.name}", fact)


def _dead_letter_room(topics: "Sequence[Topic]", dead_letters: "Topic | None") -> list[Finding]:
    """A copy on the topic holds a whole record and more: the largest should fit."""
    if not topics or dead_letters is None:
        return []
    events = max(topics, key=lambda topic: topic.max_message_bytes)
    needed = 2 * events.max_message_bytes
    if dead_letters.max_message_bytes >= needed:
        return []
    return [
        Finding(
            f"topic {dead_letters.name}",
            f"takes messages up to {dead_letters.max_message_bytes} bytes, {events.name} up to "
            f"{events.max_message_bytes}: the copy of a large dead letter there is cut and marked, "
            "the table dead_letters keeps the whole",
            f"Set max.message.bytes of {dead_letters.name} to {needed} or more.",
        )
    ]


async def _postgres(dsn: str | None, topics: Sequence[str]) -> list[Finding]:
    from execledger.stack import database

    if dsn is None:
        return [_nowhere("Postgres", "EXECLEDGER_POSTGRES_DSN")]
    place = database.shown(dsn)
    if fault := await database.fault(dsn):
        return [Finding("Postgres", f"{place}: {fault}", _start("EXECLEDGER_POSTGRES_DSN"))]
    major = await database.version(dsn) // 10_000
    if major < OLDEST_POSTGRES:
        advice = f"Use PostgreSQL {OLDEST_POSTGRES} or newer."
        return [Finding("Postgres", f"{place} is version {major}", advice)]
    schema = await _schema(dsn)
    work = [] if schema.advice else await _work(dsn, topics)
    return [Finding("Postgres", f"{place} answers, version {major}"), schema, *work]


async def _work(dsn: str, topics: Sequence[str]) -> list[Finding]:
    """What stands still or does not add up, by what the recorders wrote down."""
    import asyncpg

    from execledger_recorder.duties.audit import read_ledger
    from execledger_recorder.store import Store
    from execledger_runtime.errors import MustWait

    try:
        async with Store(dsn) as store:
            report = await read_ledger(store, audit=False)
            circuits = await store.circuits.read(topics)
            waiting, oldest_seconds = await store.outbox.state()
            keys = await store.signing_keys.count()
    except asyncpg.InsufficientPrivilegeError:
        return [Finding("recording", "not looked at: this account may not read the ledger")]
    except MustWait as error:
        return [Finding("Postgres", str(error), _start("EXECLEDGER_POSTGRES_DSN"))]
    return [
        ledger_finding(report.unaccounted),
        *(stopped_partition(circuit) for circuit in circuits if circuit.drain_until is None),
        outbox_finding(waiting, oldest_seconds),
        keys_finding(keys),
    ]


async def _recording(bootstrap_servers: str, dsn: str, settings: "StackSettings") -> Finding:
    """Whether anybody records what waits."""
    from aiokafka.errors import KafkaError

    from execledger.unrecorded import members, waiting
    from execledger_recorder.store import Store

    options = {"bootstrap_servers": bootstrap_servers, **_security()}
    group = settings.consumer_group
    try:
        async with Store(dsn) as store:
            waits = await waiting(options, settings.topics, store)
        return recording_finding(group, await members(options, group), waits)
    except KafkaError as error:
        return Finding("recording", f"not looked at: {type(error).__name__}")


async def _schema(dsn: str) -> Finding:
    from execledger_recorder.store.migrations import SchemaMismatchError, pending

    try:
        missing = await pending(dsn)
    except SchemaMismatchError as error:
        return Finding("schema", str(error), "Install the version of Execledger that migrated the database.")
    if missing:
        return Finding("schema", f"not current, missing {', '.join(missing)}", "Run `execledger migrate`.")
    return Finding("schema", "current")


def _secret(environment: Mapping[str, str]) -> list[Finding]:
    secret = environment.get("EXECLEDGER_JWT_SECRET")
    if secret is None and not any(map(environment.get, ("EXECLEDGER_JWT_SECRET_FILE", "EXECLEDGER_JWKS_URL"))):
        fact = "neither EXECLEDGER_JWT_SECRET nor EXECLEDGER_JWKS_URL is set: no token can be checked"
        return [Finding("tokens", fact, 'Set one; `eval "$(execledger up)"` sets a secret.')]
    if secret is not None and len(secret.encode()) < SHORTEST_SECRET:
        fact = f"EXECLEDGER_JWT_SECRET has fewer than {SHORTEST_SECRET} bytes"
        return [Finding("tokens", fact, "Set a longer random text.")]
    return []


def _nowhere(server: str, variable: str) -> Finding:
    return Finding(server, f"{variable} is not set and no local stack is there", _start(variable))


def _start(variable: str) -> str:
    return f"Start the server (locally: `execledger up`), or correct {variable}."


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}?" if close else "Unset it."


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _line(finding: Finding) -> str:
    mark = "fault" if finding.advice else "ok   "
    advice = f"\n       {finding.advice}" if finding.advice else ""
    return f"{mark}  {finding.subject}: {finding.fact}{advice}"
