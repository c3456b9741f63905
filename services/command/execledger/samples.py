"""Samples of the contract as they lie in its repository: a record with what is said about it."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

Headers = Sequence[tuple[str, bytes]]

_FORMS: Final = frozenset({"json", "text", "base64"})


def unwrapped(text: bytes) -> tuple[bytes | None, Headers] | None:
    """Value and headers of the record that a sample holds; None when it is no sample."""
    if b'"expected"' not in text or b'"about"' not in text:
        return None
    try:
        sample = json.loads(text)
        if not isinstance(sample, dict) or "specversion" in sample or "expected" not in sample:
            return None
        if len(_FORMS & sample.keys()) != 1:
            return None
        headers = [(str(name), str(value).encode()) for name, value in dict(sample.get("headers", {})).items()]
        return _value(sample), headers
    except (ValueError, TypeError, RecursionError):
        return None


def _value(sample: dict[str, Any]) -> bytes | None:
    if "json" in sample:
        return json.dumps(sample["json"], ensure_ascii=False, separators=(",", ":")).encode()
    if "base64" in sample:
        return base64.b64decode(sample["base64"])
    return None if sample["text"] is None else str(sample["text"]).encode()
