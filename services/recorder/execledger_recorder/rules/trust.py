"""Who may say what: as Execledger itself only what it signed, for a tenant only the topics that are bound to it."""

import json
from collections.abc import Mapping
from typing import Final

from execledger_contracts.decoding import Reason, Undecodable, shortened
from execledger_contracts.events import OUR_SOURCES, Event
from execledger_contracts.likeness import looks_like_ours
from execledger_contracts.modes import binary_attributes
from execledger_recorder.rules.account import Record
from execledger_runtime.kafka.bindings import Bindings
from execledger_runtime.kafka.signatures import HEADER, Signature, is_genuine, read_signature

Keys = Mapping[str, bytes]
"""Secrets by the ids of their keys."""

_ONLY_OURS: Final = f"source: only Execledger speaks as {OUR_SOURCES}, and"


def is_ours(event: Event) -> bool:
    """Whether it says that Execledger itself sent it."""
    return event.source.startswith(OUR_SOURCES)


def refusal_of_likeness(source: str) -> Undecodable | None:
    """Why a source that is not ours may not speak at all; None when nobody would take it for ours."""
    if not looks_like_ours(source):
        return None
    return _forbidden(f"{_ONLY_OURS} it reads like one of its own, this is {json.dumps(source)}")


def signature_of(record: Record) -> Signature | None:
    """What the first of its signatures says; of several headers of that name one is judged, or each costs a digest."""
    return read_signature(next((value for name, value in record.headers if name == HEADER), None))


def refusal_of_ours(record: Record, keys: Keys) -> Undecodable | None:
    """Why what calls itself ours is not; None when it is."""
    signature = signature_of(record)
    if signature is None:
        return _not_ours("it did not sign this record")
    # No signature covers headers: in them a value that we signed could be the data of another event.
    if binary_attributes(record.headers) is not None:
        return _not_ours("never in binary mode")
    if (secret := keys.get(signature.key_id)) is None:
        return _not_ours("the key that signed this record is not one of its own")
    if not is_genuine(signature, secret, record.key, record.value):
        return _not_ours("the signature is of another record")
    return None


def refusal_of_bound(bindings: Bindings, topic: str, source: str, tenant_id: str) -> Undecodable | None:
    """Why a source in that topic may not speak for a tenant; None when it may."""
    if topic not in bindings.by_topic:
        return None
    binding = bindings.of(topic, source)
    if binding is None:
        return _forbidden(f"source: {topic} is bound to other sources, this is {json.dumps(source)}")
    if tenant_id in binding.tenants:
        return None
    speaker = f"{topic};{binding.source_prefix}" if binding.source_prefix else topic
    return _forbidden(f"tenantid: {speaker} does not speak for this tenant, this is {json.dumps(tenant_id)}")


def _not_ours(why: str) -> Undecodable:
    return _forbidden(f"{_ONLY_OURS} {why}")


def _forbidden(detail: str) -> Undecodable:
    return Undecodable(Reason.FORBIDDEN, shortened(detail))
