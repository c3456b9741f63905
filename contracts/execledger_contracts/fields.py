"""The types of single fields: what a value must be, and how it is normalised."""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from execledger_contracts import readings
from execledger_contracts.readings import LAST_SEQUENCE, LONGEST, ReadAs

MAX_COUNT: Final = 2**63 - 1  # what a bigint holds
MAX_MONEY: Final = Decimal(10) ** 9  # in nano-dollars it still fits a 64-bit integer
_NANO: Final = Decimal("1e-9")

# Postgres holds no NUL; decoding turns lone surrogates into NUL, so that one pattern refuses both.
_NO_NUL: Final = r"^[^\x00]*$"
_NO_SPACE: Final = r"^[^\x00-\x20\x7f]+$"
_DATE_TIME: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_LEAP_SECOND: Final = re.compile(r"(?<=:[0-9]{2}):60(\.[0-9]+)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_MINUTE: Final = timedelta(hours=23, minutes=59)
PATTERN_RULES: Final = {
    _NO_NUL: "must not hold NUL or a lone surrogate",
    _NO_SPACE: "must be a URI-reference, without spaces or control characters",
}


def microseconds(time: datetime) -> int:
    """Since 1970, exactly: timestamp() is a float64, which rounds them from 2242 on."""
    return (time - _EPOCH) // _MICROSECOND


class _Rfc3339:
    """A full date and time with its offset, as text: pydantic's own reading also takes Unix time and lone dates."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        shape = core_schema.str_schema(strict=True, pattern=_DATE_TIME)
        usual = core_schema.datetime_schema(tz_constraint="aware")
        rare = core_schema.no_info_plain_validator_function(_in_leap_second)
        return core_schema.custom_error_schema(
            core_schema.chain_schema([shape, core_schema.union_schema([usual, rare], mode="left_to_right")]),
            custom_error_type="rfc3339",
            custom_error_message="must be an RFC 3339 date and time with an offset, like 2026-01-31T09:30:00Z",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date-time", "pattern": _DATE_TIME}


def _in_leap_second(text: str) -> datetime:
    """As the last microsecond before it: so it stays between its neighbours.

    >>> _in_leap_second("2016-12-31t15:59:60.5-08:00").isoformat()
    '2016-12-31T15:59:59.999999-08:00'
    """
    text, found = _LEAP_SECOND.subn(":59.999999", text.upper())
    at = datetime.fromisoformat(text)
    into_day = timedelta(hours=at.hour, minutes=at.minute) - (at.utcoffset() or timedelta())
    if not found or into_day % timedelta(days=1) != _LAST_MINUTE:
        raise ValueError("a leap second ends a day in UTC")
    return at


def _whole_nanos(value: Decimal) -> Decimal:
    return value.quantize(_NANO, rounding=ROUND_HALF_EVEN).copy_abs()  # -0 is within bounds, and is 0


def _plain_money(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _or_digits(low: int, high: int) -> WithJsonSchema:
    """A binary-mode header cannot say a number otherwise."""
    number = {"type": "integer", "minimum": low, "maximum": high}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": f"^0*[0-9]{{1,{len(str(high))}}}$"}]})


def _in_any_case(*words: str) -> WithJsonSchema:
    letters = ("".join(f"[{letter.upper()}{letter}]" for letter in word) for word in words)
    return WithJsonSchema({"anyOf": [{"enum": list(words)}, {"type": "string", "pattern": f"^({'|'.join(letters)})$"}]})


Identifier = Annotated[
    str, Strict(), StringConstraints(max_length=LONGEST, pattern=_NO_NUL), ReadAs(readings.identifier)
]
RequiredIdentifier = Annotated[
    str,
    Strict(),
    StringConstraints(min_length=1, max_length=LONGEST, pattern=_NO_NUL),
    ReadAs(readings.required_identifier),
]
Subject = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=LONGEST, pattern=_NO_NUL)]
EventId = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=1024, pattern=_NO_NUL)]
UriReference = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=1024, pattern=_NO_SPACE)]
EventType = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=255, pattern=_NO_NUL)]
Text = Annotated[str, Strict(), ReadAs(readings.text)]
Flag = Annotated[bool, Strict(), ReadAs(readings.flag)]
Count = Annotated[int, Strict(), Field(ge=0, le=MAX_COUNT), ReadAs(readings.whole(0, MAX_COUNT))]
Milliseconds = Count
Iteration = Count
Percent = Annotated[int, Strict(), Field(ge=0, le=100), ReadAs(readings.whole(0, 100))]
TryNumber = Annotated[int, Strict(), Field(ge=1, le=MAX_COUNT), ReadAs(readings.whole(1, MAX_COUNT))]
Attempt = Annotated[
    int, Strict(), Field(ge=1, le=2**31 - 1), ReadAs(readings.attempt), _or_digits(low=1, high=2**31 - 1)
]
Sequence = Annotated[
    int, Strict(), Field(ge=0, le=LAST_SEQUENCE), ReadAs(readings.sequence), _or_digits(low=0, high=LAST_SEQUENCE)
]
Seconds = Annotated[
    float, Strict(), Field(gt=0, le=1e9, allow_inf_nan=False), ReadAs(readings.real(above=0, at_most=1e9))
]
Score = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False), ReadAs(readings.real(at_most=1))]
Money = Annotated[
    Decimal,
    Field(ge=0, le=MAX_MONEY, allow_inf_nan=False),
    AfterValidator(_whole_nanos),
    ReadAs(readings.money(MAX_MONEY)),
    PlainSerializer(_plain_money, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"},
                {"type": "number", "minimum": 0, "maximum": int(MAX_MONEY)},
            ]
        }
    ),
]
Timestamp = Annotated[datetime, _Rfc3339]
TriggerMode = Annotated[
    Literal["manual", "scheduled", "triggered"],
    ReadAs(readings.word("manual", "scheduled", "triggered")),
    _in_any_case("manual", "scheduled", "triggered"),
]
BudgetScope = Annotated[
    Literal["tree", "execution"], ReadAs(readings.word("tree", "execution")), _in_any_case("tree", "execution")
]
LabelValue = Annotated[str, Strict(), StringConstraints(max_length=LONGEST, pattern=_NO_NUL), ReadAs(readings.label)]
Labels = Annotated[
    dict[Identifier, LabelValue],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"maxLength": LONGEST, "pattern": _NO_NUL},
            "additionalProperties": {
                "type": ["string", "number", "boolean", "null"],
                "maxLength": LONGEST,
                "pattern": _NO_NUL,
            },
        }
    ),
]
