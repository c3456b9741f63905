"""What schema `compat` shows and Postgres by itself cannot work out, or not for an index. Pure."""

from functools import lru_cache
from typing import Final

from execledger_contracts.events import IMPORT_SOURCE, IMPORTED_TYPE, TABLE_EVENTS, Fact
from execledger_lifecycle.foreign_ids import as_uuid

USUAL_TYPES: Final = frozenset(
    event.canonical
    for event in TABLE_EVENTS
    if event.kind == "fact" or event.canonical.endswith((".started", ".progressed", ".completed"))
)
"""Types that the view names itself: most of a log, which then stores nothing for it."""
_MOST: Final = 100  # characters of a type there


@lru_cache(maxsize=4096)
def log_type(sent: str) -> str | None:
    """A type as `compat.event_logs` shows it: `execution.` as `task.`, an imported one as it was; None: a usual one."""
    if sent in USUAL_TYPES:
        return None
    if sent.startswith(IMPORTED_TYPE):
        return sent.removeprefix(IMPORTED_TYPE)[:_MOST]
    shown = f"task.{sent.removeprefix('execution.')}" if sent.startswith("execution.") else sent
    return shown[:_MOST]


@lru_cache(maxsize=4096)
def imported_from(source: str) -> str | None:
    """The table from whose rows an importer made the events of a source; None when it is no importer's."""
    if source != IMPORT_SOURCE and not source.startswith(f"{IMPORT_SOURCE}:"):
        return None
    return source[len(IMPORT_SOURCE) + 1 :]


def row_uuid(event: Fact) -> str | None:
    """The id of the row that an imported call was, when that is a uuid."""
    return None if imported_from(event.source) is None else as_uuid(event.id)
