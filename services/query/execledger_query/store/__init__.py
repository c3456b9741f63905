"""The one package that knows Postgres: a module for each subject, a file in sql/ for each statement."""

from execledger_query.store.conditions import Condition, Filters
from execledger_query.store.filters import (
    CALL_KEY,
    DEAD_LETTER_KEY,
    EVENT_KEY,
    MEMBER_KEY,
    STEP_KEY,
    call_key,
    dead_letter_key,
    event_key,
    member_key,
    step_key,
)
from execledger_query.store.lists import is_walked, walks_labels
from execledger_query.store.postgres import LOGIN_ROLE, REQUIRED_SCHEMA, Actor, Options, Reader, Store
from execledger_query.store.reads import UNBOUNDED, Row
from execledger_query.store.sorts import NEWEST_FIRST, SORTS, Sort
from execledger_query.store.sums import Sums

__all__ = [
    "CALL_KEY",
    "DEAD_LETTER_KEY",
    "EVENT_KEY",
    "LOGIN_ROLE",
    "MEMBER_KEY",
    "NEWEST_FIRST",
    "REQUIRED_SCHEMA",
    "SORTS",
    "STEP_KEY",
    "UNBOUNDED",
    "Actor",
    "Condition",
    "Filters",
    "Options",
    "Reader",
    "Row",
    "Sort",
    "Store",
    "Sums",
    "call_key",
    "dead_letter_key",
    "event_key",
    "is_walked",
    "member_key",
    "step_key",
    "walks_labels",
]
