"""Who may say what: as Execledger itself only what it signed. Anything else could take the place of the real event."""

from collections.abc import Mapping
from typing import Final

from execledger_contracts.decoding import Reason, Undecodable
from execledger_contracts.events import OUR_SOURCES, Event
from execledger_contracts.modes import binary_attributes
from execledger_recorder.rules.account import Record
from execledger_runtime.kafka.signatures import HEADER, Signature, is_genuine, read_signature

Keys = Mapping[str, bytes]
"""Secrets by the ids of their keys."""

_ONLY_OURS: Final = f"source: only Execledger speaks as {OUR_SOURCES}, and"


def is_ours(event: Event) -> bool:
    """Whether it says that Execledger itself sent it."""
    return event.source.startswith(OUR_SOURCES)


def signature_of(record: Record) -> Signature | None:
    """What the first of its signatures says; of several headers of that name one is judged, or each costs a digest."""
    return read_signature(next((value for name, value in record.headers if name == HEADER), None))


def refusal_of_ours(record: Record, keys: Keys) -> Undecodable | None:
    """Why what calls itself ours is not; None when it is."""
    signature = signature_of(record)
    if signature is None:
        return _forbidden("it did not sign this record")
    # No signature covers headers: in them a value that we signed could be the data of another event.
    if binary_attributes(record.headers) is not None:
        return _forbidden("never in binary mode")
    if (secret := keys.get(signature.key_id)) is None:
        return _forbidden("the key that signed this record is not one of its own")
    if not is_genuine(signature, secret, record.key, record.value):
        return _forbidden("the signature is of another record")
    return None


def _forbidden(why: str) -> Undecodable:
    return Undecodable(Reason.FORBIDDEN, f"{_ONLY_OURS} {why}")
