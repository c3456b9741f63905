"""Events of Execledger's own, made ready for the outbox."""

from typing import Final

from execledger_recorder.store import OutboxRow, pack_headers
from execledger_runtime.kafka.signatures import SigningKey, sign

_HEADERS: Final = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


def signed(signing: SigningKey, topic: str, root_execution_id: str, event: bytes) -> OutboxRow:
    """The message that carries it, under the key of its tree."""
    key = root_execution_id.encode()
    return OutboxRow(topic, key, event, pack_headers([*_HEADERS, sign(signing, key, event)]))
