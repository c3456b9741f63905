"""The spellings of a type: which types that a producer writes read as one of the table."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "execution": ("task", "workflow", "flow", "run"),
    "step": ("phase", "action", "node"),
}
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "created": ("queued", "scheduled"),
    "progressed": ("heartbeat",),
    "completed": ("succeeded", "success", "finished"),
    "failed": ("errored", "error"),
    "timed_out": ("timeout",),
    "cancelled": ("canceled", "aborted", "terminated"),
}
# As com.acme. in com.acme.workflow.started: of one label nobody can say whether it is part of a type of their own.
_PREFIX: Final = r"([A-Za-z0-9_-]+\.){2,}"
_is_prefix: Final = re.compile(_PREFIX).fullmatch


def spellings(canonical: str) -> tuple[str, ...]:
    """Every spelling of a type of the table, without a prefix; the canonical one is the first.

    >>> spellings("step.timed_out")[:3]
    ('step.timed_out', 'phase.timed_out', 'action.timed_out')
    """
    head, _, ending = canonical.partition(".")
    heads = _HEADS.get(head, ())
    endings = (ending, *(_ENDINGS.get(ending, ()) if heads else ()))
    return tuple(f"{each}.{ending}" for ending in endings for each in (head, *heads))


def pattern_of(*canonicals: str) -> str:
    """The regular expression of all that reads as one of these types."""
    spelled = "|".join(re.escape(spelling) for canonical in canonicals for spelling in spellings(canonical))
    return f"^({_PREFIX})?({spelled})$"


@lru_cache(maxsize=4096)
def without_prefix(sent: str) -> str:
    """A type without its reverse-DNS prefix; as it is without one.

    >>> without_prefix("com.acme.workflow.started"), without_prefix("acme.workflow.started")
    ('workflow.started', 'acme.workflow.started')
    """
    prefix, dot, ending = sent.rpartition(".")
    prefix, dot_before, head = prefix.rpartition(".")
    return f"{head}{dot}{ending}" if _is_prefix(prefix + dot_before) else sent
