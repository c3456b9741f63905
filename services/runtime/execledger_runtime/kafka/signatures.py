"""Signatures of the records that Execledger sends itself: an HMAC of key and value, in a header that names its key."""

import hmac
import struct
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

HEADER: Final = "execledger-signature"
"""The header of a signed record: version, id of the key and digest in hexadecimal, with colons between."""

_VERSION: Final = "1"
_LONGEST: Final = 200  # bytes of such a header: one that is longer is none of ours


class SigningKey(NamedTuple):
    """A key, and its id in canonical form."""

    id: str
    secret: bytes


class Signature(NamedTuple):
    """What a record bears: whose key, and what that key is said to have made of it."""

    key_id: str
    digest: str


def sign(with_key: SigningKey, key: bytes | None, value: bytes | None) -> tuple[str, bytes]:
    """The header that says that this record is ours."""
    return HEADER, f"{_VERSION}:{with_key.id}:{_digest(with_key.secret, key, value)}".encode()


def read_signature(header: bytes | None) -> Signature | None:
    """What such a header says; None when no version of ours wrote it."""
    if header is None or len(header) > _LONGEST:
        return None
    try:
        version, key_id, digest = header.decode("ascii").split(":")
        is_canonical = str(UUID(key_id)) == key_id
    except ValueError:
        return None
    return Signature(key_id, digest) if version == _VERSION and is_canonical else None


def is_genuine(signature: Signature, secret: bytes, key: bytes | None, value: bytes | None) -> bool:
    """Whether that secret made the signature, of this key and this value."""
    return hmac.compare_digest(_digest(secret, key, value), signature.digest)


def _digest(secret: bytes, key: bytes | None, value: bytes | None) -> str:
    """Lengths first, so that nothing can be moved from the key into the value."""
    lengths = (-1 if part is None else len(part) for part in (key, value))
    return hmac.new(secret, struct.pack(">qq", *lengths) + (key or b"") + (value or b""), sha256).hexdigest()
