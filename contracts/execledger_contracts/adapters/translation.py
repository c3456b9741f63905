"""A record of another system as CloudEvents: whatever it holds, events or reasons, and nothing is raised."""

import json
from collections.abc import Sequence
from typing import Any, Final

from execledger_contracts.adapters.foreign import Document, Untranslatable
from execledger_contracts.adapters.names import ADAPTERS
from execledger_contracts.decoding import Reason, Undecodable, shortened
from execledger_contracts.parsing import BOM

TOO_DEEP: Final = Undecodable(Reason.INVALID, "nested deeper than an adapter reads")


def translate(adapter: str, value: bytes | None, key: bytes | None = None) -> Sequence[Document | Undecodable]:
    """The events that a record holds, in order, each as a CloudEvent in JSON's own types; none when it is about none.

    The value is a JSON object as that system writes it, or a list of them. `key` is the record's: some systems name the
    run in it. What cannot be translated stands in its place with the reason.
    """
    if value is None:
        return [Undecodable(Reason.TOMBSTONE, "the record has no value")]
    try:
        sent = json.loads(value.removeprefix(BOM).decode())
        return _translated(adapter, sent, None if key is None else key.decode(errors="replace") or None)
    except UnicodeDecodeError as error:
        return [Undecodable(Reason.NOT_UTF8, f"byte {error.start}: {error.reason}")]
    except RecursionError:
        return [TOO_DEEP]
    except json.JSONDecodeError as error:
        return [Undecodable(Reason.NOT_JSON, f"character {error.pos}: {error.msg}")]
    except ValueError as error:  # a number of thousands of digits
        return [Undecodable(Reason.NOT_JSON, shortened(str(error)))]


def _translated(adapter: str, sent: Any, key: str | None) -> list[Document | Undecodable]:
    found: list[Document | Undecodable] = []
    for document in sent if isinstance(sent, list) else [sent]:
        found += _events(adapter, document, key)
    return found


def _events(adapter: str, document: Any, key: str | None) -> list[Document | Undecodable]:
    if not isinstance(document, dict):
        return [Undecodable(Reason.INVALID, f"{adapter}: a JSON object is needed")]
    try:
        found = list(ADAPTERS[adapter](document, key))
    except Untranslatable as error:
        found = [error]
    return [_refused(adapter, each) if isinstance(each, Untranslatable) else each for each in found]


def _refused(adapter: str, why: Untranslatable) -> Undecodable:
    return Undecodable(Reason.INVALID, shortened(f"{adapter}: {why}"))
