"""Who may say what."""

import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from execledger_contracts.decoding import Reason
from execledger_contracts.events import IMPORT_SOURCE, WATCHDOG_SOURCE
from execledger_publisher import Collector
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.trust import is_ours, refusal_of_bound, refusal_of_likeness, refusal_of_ours
from execledger_recorder.settings import RecordingSettings
from execledger_runtime.kafka.adapters import consumed
from execledger_runtime.kafka.bindings import Bindings
from execledger_runtime.kafka.signatures import HEADER, SigningKey, read_signature, sign
from factories import started
from factories_recorder import event, record_of

KEY = SigningKey("4f1d5c2a-0b7e-4c57-9d57-2d0a5f6f9be1", b"1" * 32)
RETIRED = SigningKey(str(UUID(int=2)), b"2" * 32)
KEYS = dict([KEY, RETIRED])
ENDING = json.dumps(event("execution.timed_out", {"provisional": True}, source=WATCHDOG_SOURCE)).encode()


def sent(*headers: tuple[str, bytes | None], key: bytes | None = b"run-1", value: bytes = ENDING) -> Record:
    return record_of(value, key=key, headers=headers)


def why(record: Record) -> str:
    refused = refusal_of_ours(record, KEYS)
    assert refused is not None
    assert refused.reason is Reason.FORBIDDEN
    return refused.detail.rpartition("and ")[2]


@pytest.mark.parametrize("key", [KEY, RETIRED])
@pytest.mark.parametrize("of", [b"run-1", b"", None])
def test_what_one_of_our_keys_signed_is_ours(key: SigningKey, of: bytes | None) -> None:
    assert refusal_of_ours(sent(sign(key, of, ENDING), key=of), KEYS) is None


def test_other_headers_change_nothing_of_that() -> None:
    headers: Sequence[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json"), ("x", None)]
    redriven = ("execledger-redriven-from", b"events/0/7")
    assert refusal_of_ours(sent(*headers, sign(KEY, b"run-1", ENDING), redriven), KEYS) is None


def test_what_is_not_signed_is_not_ours() -> None:
    assert why(sent()) == "it did not sign this record"


def test_a_signature_is_of_one_key_and_one_value() -> None:
    moved = sign(KEY, b"run-1", ENDING)
    assert why(sent(moved, key=b"run-2")) == "the signature is of another record"
    assert why(sent(moved, value=ENDING + b" ")) == "the signature is of another record"
    assert why(sent(sign(KEY, b"run-1" + ENDING[:1], ENDING[1:]))) == "the signature is of another record"
    assert why(sent(sign(KEY, None, ENDING), key=b"")) == "the signature is of another record"


def test_another_secret_signs_nothing_of_ours() -> None:
    assert why(sent(sign(SigningKey(KEY.id, b"3" * 32), b"run-1", ENDING))) == "the signature is of another record"
    strange = SigningKey(str(UUID(int=3)), b"3" * 32)
    assert why(sent(sign(strange, b"run-1", ENDING))) == "the key that signed this record is not one of its own"


def test_a_value_that_we_signed_is_no_event_of_ours_under_other_headers() -> None:
    attributes = [("ce_specversion", b"1.0"), ("ce_source", WATCHDOG_SOURCE.encode()), ("ce_id", b"another")]
    assert why(sent(*attributes, sign(KEY, b"run-1", ENDING))) == "never in binary mode"


def test_of_several_signatures_the_first_counts() -> None:
    """Each costs a digest of the whole record."""
    assert why(sent((HEADER, b""), sign(KEY, b"run-1", ENDING))) == "it did not sign this record"


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"1:2",
        b"1:" + KEY.id.upper().encode() + b":00",
        b"1:{" + KEY.id.encode() + b"}:00",
        b"2:" + KEY.id.encode() + b":00",
        b"1:" + KEY.id.encode() + b":\xff",
        b"1:" + KEY.id.encode() + b":" + b"0" * 1000,
    ],
)
def test_what_we_did_not_write_is_no_signature(header: bytes | None) -> None:
    assert read_signature(header) is None


@pytest.mark.parametrize("source", [WATCHDOG_SOURCE, f"{IMPORT_SOURCE}:table", "execledger:anything"])
def test_what_begins_like_our_sources_says_to_be_ours(source: str) -> None:
    assert is_ours(started(source=source))
    with pytest.raises(ValueError, match="only Execledger itself"):
        Collector(source)


LIKE_OURS = {
    "capitals": "EXECLEDGER:watchdog",
    "percent-encoded": "%65xecledger%3Awatchdog",
    "percent-encoded twice": "%2565xecledger:watchdog",
    "zero width": "exec\u200bled\u2060ger:watchdog",
    "variation selector": "e\ufe0fxecledger:watchdog",
    "before it": "\u00a0\u2800execledger:watchdog",
    "soft hyphen": "exec\u00adledger:watchdog",
    "Cyrillic": "\u0435\u0445\u0435\u0441l\u0435dg\u0435\u0433:watchdog",
    "Cyrillic in capitals": "\u0415\u0425\u0415\u0421LEDGER:watchdog",
    "Greek in capitals": "\u0395\u03a7ECLEDGER:watchdog",
    "one for l": "exec1edger:watchdog",
    "capital i for l": "execIedger:watchdog",
    "full width": "\uff45\uff58ecledger\uff1awatchdog",
    "bold": "\U0001d41e\U0001d431ecledger:watchdog",
    "accents": "\u00e9x\u00e8cledg\u0117r:watchdog",
    "small capitals": "\u1d07x\u1d07\u1d04\u029f\u1d07\u1d05\u0262\u1d07\u0280:watchdog",
    "another colon": "execledger\ua789watchdog",
    "a colon of Hebrew": "execledger\u05c3watchdog",
    "a colon of Syriac": "execledger\u0703watchdog",
    "a colon of Devanagari": "execledger\u0903watchdog",
    "a colon of runes": "execledger\u16ecwatchdog",
    "a colon for vertical text": "execledger\ufe30watchdog",
    "letters that no table lists": "\u1971\U000118ecec\u1963edger:watchdog",
    "script g": "execled\u0261er:watchdog",
    "encoded Cyrillic": "%D0%B5xecledger:watchdog",
}


@pytest.mark.parametrize("source", LIKE_OURS.values(), ids=LIKE_OURS.keys())
def test_what_reads_like_one_of_ours_speaks_for_nobody(source: str) -> None:
    assert not is_ours(started(source=source))
    refused = refusal_of_likeness(source)
    assert refused is not None
    assert refused.reason is Reason.FORBIDDEN
    with pytest.raises(ValueError, match="only Execledger itself"):
        Collector(source)


OTHERS = [
    "urn:execledger:watchdog",
    "execledger-import",
    "execledger",
    "/execledger:watchdog",
    "https://execledger.example/",
    "\u5de5\u4f5c\u6d41\u7a0b\u8c03\u5ea6\u4e2d\u5fc3\u4e00\u53f7:jobs",
    "ex\u5de5\u4f5c\u6d41\u7a0b\u8c03\u5ea6\u4e2d\u5fc3:jobs",
]


@pytest.mark.parametrize("source", OTHERS)
def test_other_sources_are_anybodys(source: str) -> None:
    assert refusal_of_likeness(source) is None
    assert not is_ours(started(source=source))
    Collector(source)


SAID = "acme.events = acme, shared;urn:umbra:=umbra|hive, shared=acme|umbra, mine;urn:me:=me"
BOUND = Bindings.read(SAID)


@pytest.mark.parametrize(
    ("topic", "source", "tenant", "rule"),
    [
        ("acme.events", "urn:any", "acme", None),
        ("acme.events", "urn:any", "umbra", "tenantid: acme.events does not speak for this tenant"),
        ("acme.events", "urn:any", "default", "tenantid: acme.events does not speak for this tenant"),
        ("shared", "urn:any", "acme", None),
        ("shared", "urn:umbra:lab", "hive", None),
        # The longest prefix decides: what it does not name, a shorter one does not give back.
        ("shared", "urn:umbra:lab", "acme", "tenantid: shared;urn:umbra: does not speak for this tenant"),
        ("shared", "urn:any", "hive", "tenantid: shared does not speak for this tenant"),
        ("mine", "urn:me:1", "me", None),
        ("mine", "urn:you", "me", "source: mine is bound to other sources"),
        ("executions.events", "urn:any", "anybody", None),
    ],
)
def test_a_topic_and_its_sources_speak_for_the_tenants_that_they_are_bound_to(
    topic: str, source: str, tenant: str, rule: str | None
) -> None:
    refused = refusal_of_bound(BOUND, topic, source, tenant)
    assert (refused and refused.detail.partition(", this is ")[0]) == rule


@pytest.mark.parametrize("text", ["acme", "=acme", "a=", "a=b|", "a;x=b,a;x=c", "a=b,a=c", ";urn:=x"])
def test_bindings_that_say_nothing_or_two_things_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic_tenants"):
        RecordingSettings(postgres_dsn="postgresql://localhost/x", topic_tenants=text)


def test_the_topics_that_are_bound_are_read_besides_the_events_topic() -> None:
    assert consumed("executions.events", SAID, None) == ("executions.events", "acme.events", "shared", "mine")
    assert consumed("shared", SAID, "runs=openlineage") == ("shared", "acme.events", "mine", "runs")
    with pytest.raises(ValueError, match="another topic's name"):
        RecordingSettings(postgres_dsn="postgresql://localhost/x", topic_tenants="a=b", control_topic="a")
