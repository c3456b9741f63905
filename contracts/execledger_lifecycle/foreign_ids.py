"""Uuids that stand for ids of others in columns of that type. Pure."""

import re
from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_URL, uuid5

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@lru_cache(maxsize=16_384)
def foreign_uuid(kind: str, value: str | None) -> str | None:
    """A foreign id as a uuid: itself when it is one, else derived from it and what it is the id of."""
    if value is None:
        return None
    return as_uuid(value) or str(uuid5(NAMESPACE_URL, f"execledger:{kind}:{value}"))


def as_uuid(value: str) -> str | None:
    """What is a uuid, in any case, in its canonical form; None of anything else."""
    lowered = value.lower()
    return lowered if _UUID.fullmatch(lowered) else None
