"""The query parameters of the routes: what each may be. One that a route does not list is refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from execledger_contracts.fields import RequiredIdentifier, Timestamp
from execledger_query.paging import DEFAULT_LIMIT, MAX_LIMIT

PAYLOADS: Final = "payloads"
DEFAULT_WAIT_SECONDS: Final = 30.0
MAX_WAIT_SECONDS: Final = 60.0  # proxies between give up soon after
_YEARS: Final = (datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


def split_words(values: Any) -> Any:
    """A parameter may be repeated, or hold several words between commas."""
    return [word.strip() for value in values for word in str(value).split(",") if word.strip()]


def listed(allowed: tuple[str, ...]) -> Callable[[list[str]], list[str]]:
    """The check that each word is one of these."""

    def check(words: list[str]) -> list[str]:
        for word in words:
            if word not in allowed:
                raise ValueError(f"{word[:40]!r} is not one of {', '.join(allowed)}")
        return words

    return check


def _in_our_years(at: datetime) -> datetime:
    if not _YEARS[0] < at < _YEARS[1]:
        raise ValueError("no execution started in that year")
    return at.astimezone(UTC)


def words_of(allowed: tuple[str, ...]) -> WithJsonSchema:
    """How the document shows a list of these words."""
    return WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(allowed)}})


Include = Annotated[list[str], BeforeValidator(split_words), AfterValidator(listed((PAYLOADS,))), words_of((PAYLOADS,))]
Time = Annotated[Timestamp, AfterValidator(_in_our_years)]


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
