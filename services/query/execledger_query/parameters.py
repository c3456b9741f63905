"""The query parameters of the routes: what each may be. One that a route does not list is refused."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from execledger_contracts.fields import Identifier, RequiredIdentifier, Timestamp
from execledger_contracts.status import EXECUTION_STATUSES, read_status
from execledger_query.paging import DEFAULT_LIMIT, MAX_LIMIT
from execledger_query.store import NEWEST_FIRST, SORTS, Filters
from execledger_query.views import EXECUTION_FIELDS, PAYLOAD_FIELDS

PAYLOADS: Final = "payloads"
DEFAULT_WAIT_SECONDS: Final = 30.0
MAX_WAIT_SECONDS: Final = 60.0  # proxies between give up soon after
_MOST_SEVERAL: Final = 20
_YEARS: Final = (datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


def split_words(values: Any) -> Any:
    """A parameter may be repeated, or hold several words between commas."""
    return [word.strip() for value in values for word in str(value).split(",") if word.strip()]


def _listed(allowed: tuple[str, ...]) -> Callable[[list[str]], list[str]]:
    def check(words: list[str]) -> list[str]:
        for word in words:
            if word not in allowed:
                raise ValueError(f"{word[:40]!r} is not one of {', '.join(allowed)}")
        return words

    return check


def _statuses(words: list[str]) -> list[str]:
    found = [read_status(word) for word in words]
    for word, status in zip(words, found, strict=True):
        if status not in EXECUTION_STATUSES:
            raise ValueError(f"{word[:40]!r} is not one of {', '.join(EXECUTION_STATUSES)}")
    return [status.value for status in found if status]


def _in_our_years(at: datetime) -> datetime:
    if not _YEARS[0] < at < _YEARS[1]:
        raise ValueError("no execution started in that year")
    return at.astimezone(UTC)


def _labels(said: list[str]) -> list[str]:
    for label in said:
        key, equals, _ = label.partition("=")
        if not (key and equals):
            raise ValueError(f"{label[:40]!r} is not KEY=VALUE")
        if "\0" in label:
            raise ValueError("no label holds NUL")
    return said


def _words(text: str) -> str:
    if "\0" in text or not any(map(str.isalnum, text)):
        raise ValueError("holds no word")
    return text


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words_of(allowed: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(allowed)}})


Statuses = Annotated[
    list[str],
    BeforeValidator(split_words),
    AfterValidator(_statuses),
    _words_of(tuple(status.value for status in EXECUTION_STATUSES)),
]
Include = Annotated[
    list[str], BeforeValidator(split_words), AfterValidator(_listed((PAYLOADS,))), _words_of((PAYLOADS,))
]
Fields = Annotated[
    list[str], BeforeValidator(split_words), AfterValidator(_listed(EXECUTION_FIELDS)), _words_of(EXECUTION_FIELDS)
]
Time = Annotated[Timestamp, AfterValidator(_in_our_years)]


Several = Annotated[list[Identifier], Field(max_length=_MOST_SEVERAL)]
Labels = Annotated[list[str], AfterValidator(_labels), Field(max_length=_MOST_SEVERAL)]
Milliseconds = Annotated[int, Field(ge=0, le=2**63 - 1)]
Cost = Annotated[Decimal, Field(ge=0, le=9_000_000_000)]
Words = Annotated[str, AfterValidator(_words), Field(min_length=1, max_length=1024)]


class Parameters(BaseModel):
    """None, but for what a route adds."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Including(Parameters):
    """What every route about executions takes."""

    include: Include = Field(
        default=[],
        description="`payloads`: also input, output, result and error.stack; needs the role, or to be the owner",
    )

    @property
    def with_payloads(self) -> bool:
        return PAYLOADS in self.include


class AsItWas(Including):
    """Of one execution: now, or at a moment."""

    known_at: Time | None = Field(default=None, description="as the record stood then: by what was recorded by then")
    as_of: Time | None = Field(default=None, description="as it was by what had happened by then, as is known now")


class OneExecution(AsItWas):
    """One execution; also once it has ended."""

    wait: Literal["terminal"] | None = Field(
        default=None, description="`terminal`: answer once it has ended, or as it is when the time is over"
    )
    timeout: float = Field(
        default=DEFAULT_WAIT_SECONDS, ge=0, le=MAX_WAIT_SECONDS, description="seconds to wait, with `wait`"
    )

    @model_validator(mode="after")
    def _waits_for_what_is_to_come(self) -> Self:
        if self.wait and (self.known_at or self.as_of):
            raise ValueError("wait: what was does not change: leave out known_at and as_of")
        return self


class ComparedExecutions(Including):
    """Two executions."""

    a: RequiredIdentifier = Field(description="internal or external id of one")
    b: RequiredIdentifier = Field(description="and of the other")


class Page(Parameters):
    """A page of a list."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="items at most")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before, of the same list")


class PageOf(Page, Including):
    """A page of a list about executions."""


class PageOfSteps(PageOf):
    """A page of the steps of an execution, or all of them as columns."""

    as_: Literal["columns"] | None = Field(
        default=None, alias="as", description="`columns`: all steps in one answer, an array for each field; no payloads"
    )

    @model_validator(mode="after")
    def _columns_are_whole(self) -> Self:
        if self.as_columns and (besides := self.model_fields_set - {"as_"}):
            raise ValueError(
                f"as: columns hold all steps without payloads, and go without {', '.join(sorted(besides))}"
            )
        return self

    @property
    def as_columns(self) -> bool:
        return self.as_ == "columns"


class Narrowed(Including):
    """What a list of executions is narrowed to, all of which must hold, and what is shown of each."""

    status: Statuses = Field(default=[], description="any of these, repeated or between commas, in any spelling")
    status_list: Statuses = Field(default=[], alias="status[]", description="the same as `status`")
    workflow_id: Identifier | None = Field(default=None)
    workflow_version: Identifier | None = Field(default=None)
    owner_id: Identifier | None = Field(default=None)
    session_id: Identifier | None = Field(default=None)
    tenant_id: Identifier | None = Field(default=None, description="of use to those who see more than one")
    external_id: RequiredIdentifier | None = Field(default=None, description="also for ids that do not fit a path")
    trigger: Literal["manual", "scheduled", "triggered"] | None = Field(default=None, description="`trigger.mode`")
    mode: Identifier | None = Field(default=None)
    tag: Several = Field(default=[], description="each of these")
    tag_list: Several = Field(default=[], alias="tag[]", description="the same as `tag`")
    label: Labels = Field(
        default=[], description="each of these, as `KEY=VALUE`; `label.KEY=VALUE` is the same as `label=KEY=VALUE`"
    )
    error_type: Identifier | None = Field(default=None)
    started_after: Time | None = Field(default=None, description="started then or later")
    started_before: Time | None = Field(default=None, description="started before then")
    duration_ms_gte: Milliseconds | None = Field(default=None, description="took as long, or longer")
    duration_ms_lte: Milliseconds | None = Field(default=None, description="took as long, or less")
    cost_usd_gte: Cost | None = Field(default=None, description="cost as much, or more")
    parent: RequiredIdentifier | None = Field(default=None, description="external id of the parent")
    root: RequiredIdentifier | None = Field(default=None, description="external id of the root: its tree, with itself")
    has_children: bool | None = Field(default=None, description="whether any execution names it as its parent")
    paused: bool | None = Field(default=None)
    waiting_for: str | None = Field(default=None, min_length=1, max_length=1024, description="what a pause waits for")
    killed_by_budget: bool | None = Field(default=None)
    q: Words | None = Field(
        default=None, description="whole words, all of them, in query, error, workflow's and owner's names"
    )
    fields: Fields = Field(default=[], description="members to show, between commas; all when not given")

    @model_validator(mode="before")
    @classmethod
    def _labels_by_key(cls, said: Any) -> Any:
        """`label.KEY=VALUE`, whatever the key is: the framework knows parameters by their names alone."""
        if not isinstance(said, dict):
            return said
        named = {name: value for name, value in said.items() if str(name).startswith("label.")}
        if not named:
            return said
        values = [(name[6:], each) for name, value in named.items() for each in _several(value)]
        labels = [*_several(said.get("label", [])), *(f"{key}={value}" for key, value in values)]
        return {**{name: value for name, value in said.items() if name not in named}, "label": labels}

    @model_validator(mode="after")
    def _payloads_are_included(self) -> Self:
        if not self.with_payloads and (hidden := set(self.fields) & set(PAYLOAD_FIELDS)):
            raise ValueError(f"fields: {', '.join(sorted(hidden))} come only with include=payloads")
        return self

    @property
    def filters(self) -> Filters:
        return Filters(
            statuses=(*self.status, *self.status_list),
            tags=(*self.tag, *self.tag_list),
            labels=tuple((key, value) for key, _, value in (label.partition("=") for label in self.label)),
            **{name: getattr(self, name) for name in _SINGLE},
        )


_SINGLE: Final = frozenset(field.name for field in dataclasses.fields(Filters)) & frozenset(Narrowed.model_fields)


class PageOfExecutions(Narrowed, PageOf):
    """A page of the list of executions, and how it is sorted."""

    sort: Literal[*SORTS] = Field(  # type: ignore[valid-type]
        default=NEWEST_FIRST,
        description="a minus sorts downwards, `-id` is newest first; executions without the value are left out",
    )
    total: bool = Field(default=False, description="say how many there are in all, and whether that is exact")


class StreamOfExecutions(Narrowed):
    """A stream of the list of executions."""

    limit: int = Field(
        default=DEFAULT_LIMIT, ge=0, le=MAX_LIMIT, description="executions to begin with, the newest; 0 for none"
    )
