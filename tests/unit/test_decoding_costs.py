"""What decoding costs, whatever was sent: work in proportion to its bytes, memory to what Python's own reader takes.

Some bytes that reader refuses at their beginning; so the memory that it takes for as many bytes of a plain list counts
where that is more. How long it all takes, `make attack` shows.
"""

import base64
import json
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

import pytest

from execledger_contracts.cleaning import MOST_PARTS
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode, reread
from execledger_contracts.ignored import MORE, MOST, Ignored, Rule
from factories_recorder import event

BYTES: Final = 100_000
HEADERS: Final = [(f"ce_{name}", str(said).encode()) for name, said in event().items()]
OTHER_HEADERS: Final = [
    *((name, value) for name, value in HEADERS if name != "ce_type"),
    ("ce_type", b"agent.thinking"),
]
MOST_CALLS: Final = 2  # for each byte; NaN and nesting that is too deep, again and again, take 1.8


def many(item: bytes, around: bytes = b"[%s]") -> bytes:
    return around % b",".join([item] * (BYTES // (len(item) + 1)))


def sent(data: bytes, type_: str = "execution.started", **attributes: Any) -> bytes:
    return json.dumps(event(type_, **attributes)).encode()[:-1] + b',"data":' + data + b"}"


def members(value: bytes) -> bytes:
    return b"{" + b",".join(b'"k%d":' % n + value for n in range(BYTES // (len(value) + 8))) + b"}"


NESTED: Final = b"[" * 95 + b"]" * 95
TOO_DEEP: Final = b"[" * 110 + b"]" * 110
SHAPES: Final[dict[str, bytes]] = {
    "tags that are numbers": sent(b'{"tags":%s}' % many(b"0")),
    "tags that are null": sent(b'{"tags":%s}' % many(b"null")),
    "tags that are objects": sent(b'{"tags":%s}' % many(b"{}")),
    "tags that are NaN": sent(b'{"tags":%s}' % many(b"NaN")),
    "tags that are too long": sent(b'{"tags":%s}' % many(b'"' + b"x" * 300 + b'"')),
    "tags that nest": sent(b'{"tags":%s}' % many(NESTED)),
    "labels that are lists": sent(b'{"labels":%s}' % members(b"[]")),
    "labels that are numbers": sent(b'{"labels":%s}' % members(b"1")),
    "labels": sent(b'{"labels":%s}' % members(b'"v"')),
    "labels that nest": sent(b'{"labels":%s}' % members(NESTED)),
    "metadata of many parts": sent(b'{"metadata":%s}' % members(b"{}")),
    "fields nobody knows": sent(members(b'"v"')),
    "attributes nobody knows": json.dumps({**event(), **{f"k{n}": n for n in range(BYTES // 12)}}).encode(),
    "nesting": sent(b'{"input":%s}' % many(NESTED)),
    "nesting too deep": sent(b'{"input":%s}' % many(TOO_DEEP)),
    "nesting as deep as it is long": sent(b"[" * (BYTES // 2) + b"]" * (BYTES // 2)),
    "brackets that do not close": b"[" * BYTES,
    "braces that do not close": b'{"a":' * (BYTES // 5),
    "NaN": sent(b'{"input":%s}' % many(b"NaN")),
    "numbers that are not quite zero": sent(b'{"input":%s}' % many(b"1e-999")),
    "numbers that are too large": sent(b'{"input":%s}' % many(b"9" * 350)),
    "one number": sent(b'{"input":%s}' % (b"9" * BYTES)),
    "money": sent(b'{"usage":{"cost_usd":"%s"}}' % (b"1" * BYTES), "execution.completed"),
    "lone surrogates": sent(b'{"input":%s}' % many(b'"\\ud800"')),
    "NUL in one text": sent(b'{"query":"%s"}' % (b"\\u0000" * (BYTES // 6))),
    "NUL in keys": sent(b'{"input":%s}' % many(b'"\\u0000":1', b"{%s}")),
    "one key again and again": sent(b'{"input":%s}' % many(b'"a":1', b"{%s}")),
    "data again and again": json.dumps(event()).encode()[:-1] + many(b'"data":{}', b",%s}"),
    "an unknown type": sent(many(b'{"a":[1,2]}'), "agent.thinking"),
    "an unknown type with NaN": sent(many(b"NaN"), "agent.thinking"),
    "no UTF-8": sent(b'{"query":"%s"}' % (b"\xff" * BYTES)),
    "no JSON at its end": sent(b'{"query":"%s"}' % (b"x" * BYTES))[:-1],
    "an id that is a list": json.dumps({**event(), "id": [0] * (BYTES // 3)}).encode(),
    "an id that nests": sent(b"{}")[:-1] + b',"id":%s}' % many(NESTED),
    "a time of many digits": json.dumps(event(time="2026-01-01T00:00:00." + "0" * BYTES + "Z")).encode(),
    "a type of many labels": json.dumps(event("a." * (BYTES // 2) + "execution.started")).encode(),
    "a step that is a list": sent(b'{"step":%s}' % many(b"0"), "step.started"),
    "no CloudEvent": many(b"0", b'{"a":[%s]}'),
    "base64 of tags": json.dumps(event(data_base64=base64.b64encode(many(b"0", b'{"tags":[%s]}')).decode())).encode(),
    "base64 of nothing": json.dumps(event(data_base64="!" * BYTES)).encode(),
}
IN_BINARY_MODE: Final = {
    "tags that are numbers": (many(b"0", b'{"tags":[%s]}'), HEADERS),
    "nesting": (many(NESTED), HEADERS),
    "NaN": (many(b"NaN"), OTHER_HEADERS),
    "bytes": (b"\xff" * BYTES, OTHER_HEADERS),
    "NUL": (b"\0" * BYTES, OTHER_HEADERS),
    "headers": (b"{}", [*HEADERS, *((f"ce_x{n}", b"v") for n in range(BYTES // 8))]),
}
Sent = tuple[bytes, list[tuple[str, bytes]]]
ALL: Final[dict[str, Sent]] = {name: (value, []) for name, value in SHAPES.items()} | {
    f"binary mode: {name}": said for name, said in IN_BINARY_MODE.items()
}


def read_by_python(value: bytes) -> None:
    with suppress(ValueError, RecursionError):
        json.loads(value)


def calls(work: Callable[[], object]) -> int:
    """How many functions are called in the work: the same in each run, however busy the machine is."""
    counted = 0

    def count(frame: FrameType, kind: str, argument: object) -> None:
        nonlocal counted
        counted += kind in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ALL)
def test_the_work_is_in_proportion(name: str) -> None:
    value, headers = ALL[name]
    size = len(value) + sum(len(name) + len(said) for name, said in headers)
    assert calls(lambda: decode(value, headers)) <= MOST_CALLS * size


@pytest.mark.parametrize("name", ALL)
def test_memory_is_in_proportion(name: str) -> None:
    value, headers = ALL[name]
    decode(value, headers)  # what is made once is made now
    least = max(peak(lambda: read_by_python(value)), peak(lambda: read_by_python(many(b"0"))))
    assert peak(lambda: decode(value, headers)) <= 10 * least


def data_again(decoded: Decoded) -> Any:
    """As it is read from the log."""
    return reread(decoded.text).data


def test_of_very_many_tags_the_first_are_read_and_the_event_says_so() -> None:
    decoded = decode(json.dumps(event(data={"tags": [f"{n:04}" for n in range(3000)]})).encode())
    assert isinstance(decoded, Decoded)
    assert data_again(decoded).tags == [f"{n:04}" for n in range(MOST_PARTS)]
    assert decoded.ignored == (Ignored("tags", Rule.CUT),)


def test_of_very_many_labels_the_smallest_keys_are_read_however_they_lie() -> None:
    labels = {f"{n:04}": "" for n in range(3000)}
    said = [event(id="1", data={"labels": each}) for each in (labels, dict(reversed(labels.items())))]
    one, other = (decode(json.dumps(each).encode()) for each in said)
    assert isinstance(one, Decoded)
    assert isinstance(other, Decoded)
    assert sorted(data_again(one).labels) == sorted(labels)[:MOST_PARTS]
    assert one.ignored == (Ignored("labels", Rule.CUT),)
    assert one.digest == other.digest


def test_the_last_of_very_many_notes_says_that_there_were_more() -> None:
    for wrong, last in ((MOST - 1, Ignored(f"tags.{MOST - 2}", Rule.WRONG_TYPE)), (MOST, MORE), (MOST + 1, MORE)):
        decoded = decode(json.dumps(event(data={"tags": [[]] * wrong})).encode())
        assert isinstance(decoded, Decoded)
        assert (len(decoded.ignored), decoded.ignored[-1]) == (min(wrong, MOST), last)


def test_headers_count_for_the_size_of_a_record() -> None:
    refused = decode(b"{}", [*HEADERS, ("more", b"x" * 2_097_152)])
    assert isinstance(refused, Undecodable)
    assert refused.reason is Reason.TOO_LARGE
