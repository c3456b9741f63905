"""The query parameters of analytics: the range, its buckets, what is grouped by, what it is narrowed to."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from execledger_contracts.fields import RequiredIdentifier
from execledger_lifecycle.rollups import Complexity
from execledger_query.narrowing import Narrowed
from execledger_query.parameters import Time, split_words
from execledger_query.ranges import Bucket, TooManyBucketsError, bounds_of, whole_hours

_DAYS: Final = 30

# What is grouped by, as a request says it and as it is a column.
GROUPS: Final = {
    "workflow_id": "workflow_id",
    "workflow_version": "workflow_version",
    "mode": "mode",
    "complexity": "complexity",
    "status": "status",
    "owner_id": "owner_id",
    "trigger": "trigger_mode",
    "error_type": "error_type",
    "step": "step_name",
    "operation": "operation",
    "agent_id": "agent_id",
    "provider": "provider",
    "model": "model",
    "tool_name": "tool_name",
    "type": "type",
}
_OF_EXECUTION: Final = ("workflow_id", "workflow_version", "mode", "complexity", "owner_id", "trigger")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name[:40]!r} is no time zone of the IANA database, as Europe/Berlin is")
    return name


def _words(allowed: tuple[str, ...]) -> Any:
    def check(words: list[str]) -> list[str]:
        for word in words:
            if word not in allowed:
                raise ValueError(f"{word[:40]!r} does not go here: what goes is {', '.join(allowed)}")
        return list(dict.fromkeys(words))

    schema = {"type": "array", "items": {"type": "string", "enum": list(allowed)}}
    return Annotated[list[str], BeforeValidator(split_words), AfterValidator(check), WithJsonSchema(schema)]


class Ranged(Narrowed):
    """A range of time, and of the executions that start in it those that the filters leave."""

    rounds_to_hours: ClassVar[bool] = False

    begin: Time | None = Field(default=None, alias="from", description="by default 30 days before `to`")
    end: Time | None = Field(default=None, alias="to", description="the first moment behind it; by default now")
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="of the IANA database: where days, weeks (from Monday) and months begin"
    )
    complexity: Complexity | None = Field(default=None, description="a band of the score")

    @model_validator(mode="after")
    def _is_a_range(self) -> "Ranged":
        end = self.end or datetime.now(UTC)
        begin = self.begin or end - timedelta(days=_DAYS)
        if begin >= end:
            raise ValueError("from: it must lie before `to`")
        self._range = whole_hours(begin, end) if self.rounds_to_hours else (begin, end)
        return self

    _range: tuple[datetime, datetime] | None = None

    @property
    def range(self) -> tuple[datetime, datetime]:
        """Where it begins and ends."""
        assert self._range is not None  # noqa: S101  # for the type checker: validation has set it
        return self._range

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def narrowing(self) -> dict[str, Any]:
        """What it is narrowed to besides the filters, by column."""
        return _given(complexity=self.complexity)


class Bucketed(Ranged):
    """A range in buckets, and groups in each."""

    default_groups: ClassVar[tuple[str, ...]] = ()
    default_bucket: ClassVar[Bucket | None] = None

    bucket: Bucket | None = Field(default=None, description="what each item is of; the whole range when not given")
    group_by: list[str] = Field(default=[])

    @property
    def shown_bucket(self) -> Bucket | None:
        return self.bucket or self.default_bucket

    @property
    def groups(self) -> list[str]:
        """What it is grouped by, as the request says it."""
        return self.group_by if "group_by" in self.model_fields_set else list(self.default_groups)

    @property
    def bounds(self) -> list[datetime]:
        """Where its buckets begin, and the last one ends."""
        return bounds_of(*self.range, self.shown_bucket, self.zone)

    @model_validator(mode="after")
    def _has_not_too_many(self) -> "Bucketed":
        try:
            bounds = self.bounds
        except TooManyBucketsError as error:
            raise ValueError(f"bucket: {error}") from error
        if self.rounds_to_hours and any(at.minute or at.second for at in bounds):
            raise ValueError("time_zone: events are counted by whole hours of UTC, which this zone has not")
        return self


class OfExecutions(Bucketed):
    """Executions over time."""

    default_bucket = "day"
    group_by: _words((*_OF_EXECUTION, "status", "error_type")) = Field(  # type: ignore[valid-type]
        default=[], description="what the executions of a bucket are told apart by"
    )


class OfDurations(Bucketed):
    """How long executions took."""

    default_groups = ("workflow_id",)
    group_by: _words((*_OF_EXECUTION, "status")) = Field(  # type: ignore[valid-type]
        default=[], description="by default `workflow_id`; empty: all together"
    )


class OfVersions(Bucketed):
    """Versions of workflows."""

    default_groups = ("workflow_id", "workflow_version")
    group_by: _words(("workflow_id", "workflow_version")) = Field(  # type: ignore[valid-type]
        default=[], description="by default both"
    )


class OfSteps(Bucketed):
    """Steps."""

    default_groups = ("step",)
    group_by: _words(("step", "operation", "agent_id", *_OF_EXECUTION)) = Field(  # type: ignore[valid-type]
        default=[], description="by default `step`, the name of a step, else its id"
    )
    step: RequiredIdentifier | None = Field(default=None, description="its name, else its id")
    agent_id: RequiredIdentifier | None = Field(default=None)

    @property
    def narrowing(self) -> dict[str, Any]:
        return super().narrowing | _given(step_name=self.step, agent_id=self.agent_id)


class OfAgents(Bucketed):
    """Agents."""

    default_groups = ("agent_id",)
    group_by: _words(("agent_id", *_OF_EXECUTION)) = Field(  # type: ignore[valid-type]
        default=[], description="by default `agent_id`"
    )
    agent_id: RequiredIdentifier | None = Field(default=None)

    @property
    def narrowing(self) -> dict[str, Any]:
        return super().narrowing | _given(agent_id=self.agent_id)


class OfTools(Bucketed):
    """Tools."""

    default_groups = ("tool_name",)
    group_by: _words(("tool_name", "agent_id", *_OF_EXECUTION)) = Field(  # type: ignore[valid-type]
        default=[], description="by default `tool_name`"
    )
    tool_name: RequiredIdentifier | None = Field(default=None)
    agent_id: RequiredIdentifier | None = Field(default=None)

    @property
    def narrowing(self) -> dict[str, Any]:
        return super().narrowing | _given(tool_name=self.tool_name, agent_id=self.agent_id)


class OfCost(Bucketed):
    """Tokens and cost."""

    default_bucket = "day"
    group_by: _words((*_OF_EXECUTION, "status", "provider", "model", "agent_id")) = Field(  # type: ignore[valid-type]
        default=[],
        description="by `provider`, `model`, `agent_id`: what calls told; what executions cost beyond has none",
    )


class OfUsage(Bucketed):
    """Usage of owners."""

    default_bucket = "day"
    default_groups = ("owner_id",)
    group_by: _words(("owner_id", "workflow_id", "trigger")) = Field(  # type: ignore[valid-type]
        default=[], description="by default `owner_id`"
    )


class OfEvents(Bucketed):
    """Events, by their own time."""

    rounds_to_hours = True
    default_bucket = "day"
    default_groups = ("type",)
    group_by: _words(("type", "workflow_id", "owner_id")) = Field(  # type: ignore[valid-type]
        default=[], description="by default `type`, as it was sent"
    )
    type: RequiredIdentifier | None = Field(default=None, description="as it was sent")

    @property
    def narrowing(self) -> dict[str, Any]:
        return super().narrowing | _given(type=self.type)


class Ranked(Ranged):
    """The first of a range."""

    limit: int = Field(default=10, ge=1, le=200, description="items at most")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
