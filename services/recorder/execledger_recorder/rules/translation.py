"""Records of other systems, read by the adapter of their topic."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from execledger_contracts.adapters.foreign import Document
from execledger_contracts.adapters.translation import TOO_DEEP, translate
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode
from execledger_contracts.likeness import looks_like_ours
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import NO_EVENT, Read
from execledger_runtime.kafka.signatures import HEADER

_TENANT: Final = "ce_tenantid"
_ROOM: Final = 4  # an event may say more than once what its record says once
_NOT_OURS: Final = Undecodable(Reason.FORBIDDEN, "source: reads like one of Execledger's own, in a topic of an adapter")


class Translation(NamedTuple):
    """By what a topic is read, and whose its events are where a record's header `ce_tenantid` does not say it."""

    adapter: str
    tenant_id: str


def is_translated(record: Record) -> bool:
    """Whether it is for the adapter: what Execledger itself sends is signed, and a CloudEvent in any topic."""
    return all(name != HEADER for name, _ in record.headers)


def translated(record: Record, by: Translation, limits: Limits) -> list[Read]:
    """What a record says: its events in order, each with its number; one `NO_EVENT` when there is none."""
    size = len(record.value or b"") + sum(len(name) + len(said or b"") for name, said in record.headers)
    if size > limits.record_bytes:
        why = f"{size} bytes, at most {limits.record_bytes} are read"
        return [(record, Undecodable(Reason.TOO_LARGE, why))]
    found = translate(by.adapter, record.value, record.key)
    return _numbered(record, found, _tenant_of(record) or by.tenant_id, limits) or [(record, NO_EVENT)]


def _numbered(record: Record, found: Sequence[Document | Undecodable], tenant_id: str, limits: Limits) -> list[Read]:
    roomy = replace(limits, record_bytes=_ROOM * limits.record_bytes)
    return [
        (record._replace(event_index=index), _decoded(each, tenant_id, record.timestamp_ms, roomy))
        for index, each in enumerate(found)
    ]


def _decoded(found: Document | Undecodable, tenant_id: str, timestamp_ms: int, limits: Limits) -> Decoded | Undecodable:
    if isinstance(found, Undecodable):
        return found
    try:
        text = json.dumps({**found, "tenantid": tenant_id}).encode()
    except RecursionError:
        return TOO_DEEP
    decoded = decode(text, (), timestamp_ms, limits)
    return _NOT_OURS if isinstance(decoded, Decoded) and looks_like_ours(decoded.event.source) else decoded


def _tenant_of(record: Record) -> str | None:
    sent = next((value for name, value in record.headers if name.lower() == _TENANT), None)
    return sent.decode(errors="replace") if sent else None
