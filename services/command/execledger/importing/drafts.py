"""Events that rows become: drafted, written as CloudEvents, and read as the recorder will. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from execledger.importing.columns import Refused
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Undecodable, decode
from execledger_contracts.events import DATASCHEMA, IMPORT_SOURCE
from execledger_contracts.ignored import Rule

_NOTHING: Final[Mapping[str, Any]] = {}
_SAID: Final = {
    Rule.CUT: "is larger than recorders keep; EXECLEDGER_MAX_TEXT_BYTES, EXECLEDGER_MAX_JSON_BYTES say how large",
    Rule.CHARACTERS: "holds a character that Postgres does not keep",
    Rule.OUT_OF_RANGE: "is out of range",
    Rule.SHORTENED: "is too long: an identifier has at most 255 characters",
    Rule.UNKNOWN_WORD: "is a word that nobody knows",
    Rule.WRONG_TYPE: "is of another type than events have there",
    Rule.TOO_DEEP: "is nested too deep",
}
_encode: Final = msgspec.json.Encoder().encode


class Home(NamedTuple):
    """The execution that an event is about."""

    tenant_id: str
    external_id: str
    root_execution_id: str
    attempt: int = 1
    topic: str | None = None  # where its first event lies, if that is known


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is written. `columns`: which column each place of its data came from."""

    id: str  # the same whenever the same row is read
    type: str
    home: Home
    time: datetime
    data: Any
    columns: Mapping[str, str] = default(default_factory=dict)
    sequence: int | None = None
    more: Mapping[str, Any] = default(default_factory=dict)  # attributes that no rule of ours reads

    @property
    def key(self) -> bytes:
        """Under which Kafka keeps it."""
        return self.home.root_execution_id.encode()


def source_of(table: str) -> str:
    """The source of events that were made from rows of a table."""
    return f"{IMPORT_SOURCE}:{table}"


def written(draft: Draft, table: str, limits: Limits, now_ms: int) -> bytes:
    """The event in structured mode. Refused: a recorder would not keep it as it is.

    `now_ms` is the time as Kafka counts it, in milliseconds since 1970.
    """
    try:
        value = _encode(_event(draft, table))
    except (ValueError, RecursionError):
        raise Refused(_column(draft, _odd(draft.data)), "holds a character that is none") from None
    decoded = decode(value, (), now_ms, limits)
    if isinstance(decoded, Undecodable):
        name, _, why = decoded.detail.partition(": ")
        raise Refused(draft.columns.get(name, name), why or decoded.detail)
    if ignored := decoded.ignored:
        field, rule = ignored[0]
        raise Refused(_column(draft, field), _SAID.get(rule, f"would not be kept as it is ({rule})"))
    return value


def _event(draft: Draft, table: str) -> dict[str, Any]:
    home = draft.home
    return {
        "specversion": "1.0",
        "id": draft.id,
        "source": source_of(table),
        "type": draft.type,
        "subject": home.external_id,
        "time": draft.time.isoformat(timespec="microseconds"),
        "tenantid": home.tenant_id,
        "attempt": home.attempt,
        **(_NOTHING if draft.sequence is None else {"sequence": draft.sequence}),
        **draft.more,
        "dataschema": DATASCHEMA,
        "data": draft.data,
    }


def _odd(data: Any) -> str:
    """The part of the data that cannot be written."""
    for name, value in data.items() if isinstance(data, dict) else ():
        try:
            _encode(value)
        except (ValueError, RecursionError):
            return str(name)
    return "data"


def _column(draft: Draft, place: str) -> str:
    """The column that a place of the data, or an attribute, was made from; the rest of the place stays behind it.

    Of several that lie below it, all: `workflow` may be an id and a name.
    """
    beginning = place
    while beginning:
        if beginning in draft.columns:
            return draft.columns[beginning] + place[len(beginning) :]
        beginning = beginning.rpartition(".")[0]
    if below := [column for each, column in draft.columns.items() if each.startswith(f"{place}.")]:
        return ", ".join(below)
    return f"{draft.columns['data']}.{place}" if "data" in draft.columns else place
