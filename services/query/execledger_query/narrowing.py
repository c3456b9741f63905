"""The query parameters by which executions are chosen, the same wherever they are, and those of their lists."""

import dataclasses
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from execledger_contracts.fields import Identifier, RequiredIdentifier
from execledger_contracts.status import EXECUTION_STATUSES, read_status
from execledger_query.paging import DEFAULT_LIMIT, MAX_LIMIT
from execledger_query.parameters import Including, Page, Parameters, Time, listed, split_words, words_of
from execledger_query.store import NEWEST_FIRST, SORTS, Filters
from execledger_query.views import EXECUTION_FIELDS, PAYLOAD_FIELDS

MOST_OFFSET: Final = 100_000
_MOST_SEVERAL: Final = 20


def _statuses(words: list[str]) -> list[str]:
    found = [read_status(word) for word in words]
    for word, status in zip(words, found, strict=True):
        if status not in EXECUTION_STATUSES:
            raise ValueError(f"{word[:40]!r} is not one of {', '.join(EXECUTION_STATUSES)}")
    return [status.value for status in found if status]


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


Statuses = Annotated[
    list[str],
    BeforeValidator(split_words),
    AfterValidator(_statuses),
    words_of(tuple(status.value for status in EXECUTION_STATUSES)),
]
Fields = Annotated[
    list[str], BeforeValidator(split_words), AfterValidator(listed(EXECUTION_FIELDS)), words_of(EXECUTION_FIELDS)
]
Several = Annotated[list[Identifier], Field(max_length=_MOST_SEVERAL)]
Labels = Annotated[list[str], AfterValidator(_labels), Field(max_length=_MOST_SEVERAL)]
Milliseconds = Annotated[int, Field(ge=0, le=2**63 - 1)]
Cost = Annotated[Decimal, Field(ge=0, le=9_000_000_000)]
Words = Annotated[str, AfterValidator(_words), Field(min_length=1, max_length=1024)]


class NarrowedWithin(Parameters):
    """What executions of a workflow are narrowed to, all of which must hold."""

    status: Statuses = Field(default=[], description="any of these, repeated or between commas, in any spelling")
    status_list: Statuses = Field(default=[], alias="status[]", description="the same as `status`")
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

    @property
    def filters(self) -> Filters:
        return Filters(
            statuses=(*self.status, *self.status_list),
            tags=(*self.tag, *self.tag_list),
            labels=tuple((key, value) for key, _, value in (label.partition("=") for label in self.label)),
            **{name: getattr(self, name) for name in _SINGLE & type(self).model_fields.keys()},
        )


_SINGLE: Final = frozenset(field.name for field in dataclasses.fields(Filters))


class Narrowed(NarrowedWithin):
    """What executions are narrowed to, all of which must hold."""

    workflow_id: Identifier | None = Field(default=None)


class Shown(Including):
    """What a list shows of each execution."""

    fields: Fields = Field(default=[], description="members to show, between commas; all when not given")

    @model_validator(mode="after")
    def _payloads_are_included(self) -> Self:
        if not self.with_payloads and (hidden := set(self.fields) & set(PAYLOAD_FIELDS)):
            raise ValueError(f"fields: {', '.join(sorted(hidden))} come only with include=payloads")
        return self


class Listing(NarrowedWithin, Shown, Page):
    """A page of executions, and how they are sorted."""

    sort: Literal[*SORTS] = Field(  # type: ignore[valid-type]
        default=NEWEST_FIRST,
        description="a minus sorts downwards, `-id` is newest first; executions without the value are left out",
    )
    total: bool = Field(default=False, description="say how many there are in all, and whether that is exact")


class PageOfExecutions(Narrowed, Listing):
    """A page of the list of executions."""


class PageOfWorkflow(Listing):
    """A page of the list of a workflow's executions."""

    offset: int = Field(default=0, ge=0, le=MOST_OFFSET, description="so many are passed over before the page")
    total: bool = Field(default=True, description="say how many there are in all, and whether that is exact")


class StreamOfExecutions(Narrowed, Shown):
    """A stream of the list of executions."""

    limit: int = Field(
        default=DEFAULT_LIMIT, ge=0, le=MAX_LIMIT, description="executions to begin with, the newest; 0 for none"
    )
