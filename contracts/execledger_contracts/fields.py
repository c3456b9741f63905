"""The types of single fields: what a value must be, and how it is normalised."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

MAX_COUNT: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly
MAX_MONEY: Final = Decimal(10) ** 9  # in nano-dollars it still fits a 64-bit integer
_NANO: Final = Decimal("1e-9")

# Postgres holds no NUL; decoding turns lone surrogates into NUL, so that one pattern refuses both.
_NO_NUL: Final = r"^[^\x00]*$"
_DATE_TIME: Final = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$"


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_or_digits(value: Any) -> Any:
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    return int(value) if is_digits else _whole(value)


def _integer(low: int, high: int, read: Callable[[Any], Any], schema: dict[str, Any]) -> Any:
    """A whole number as JSON may write it (5 or 5.0), never a boolean."""
    exact = Annotated[int, Strict(), Field(ge=low, le=high)]
    rare = Annotated[int, Strict(), Field(ge=low, le=high), BeforeValidator(read)]
    return Annotated[exact | rare, Field(union_mode="left_to_right"), WithJsonSchema(schema)]


def _count(low: int, high: int) -> Any:
    return _integer(low, high, _whole, {"type": "integer", "minimum": low, "maximum": high})


def _ordinal(low: int, high: int) -> Any:
    """Also its digits as text: a binary-mode header cannot say otherwise."""
    number = {"type": "integer", "minimum": low, "maximum": high}
    return _integer(low, high, _whole_or_digits, {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,19}$"}]})


class _Rfc3339:
    """A full date and time with its offset, as text: pydantic's own reading also takes Unix time and lone dates."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        shape = core_schema.str_schema(strict=True, pattern=_DATE_TIME)
        return core_schema.chain_schema([shape, core_schema.datetime_schema(tz_constraint="aware")])

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


def _whole_nanos(value: Decimal) -> Decimal:
    return value.quantize(_NANO, rounding=ROUND_HALF_EVEN)


def _label_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool | int | float) else value


Identifier = Annotated[str, Strict(), StringConstraints(max_length=255, pattern=_NO_NUL)]
RequiredIdentifier = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=255, pattern=_NO_NUL)]
UriReference = Annotated[
    str, Strict(), StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00-\x20\x7f]+$")
]
EventType = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=100, pattern=_NO_NUL)]
Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Count = _count(0, MAX_COUNT)
Milliseconds = _count(0, MAX_COUNT)
Percent = _count(0, 100)
Iteration = _count(0, 2**31 - 1)
Attempt = _ordinal(1, 2**31 - 1)
Sequence = _ordinal(0, 2**63 - 1)
Seconds = Annotated[float, Strict(), Field(ge=0, le=1e9, allow_inf_nan=False)]
Score = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
Money = Annotated[
    Decimal,
    Field(ge=0, le=MAX_MONEY, allow_inf_nan=False),
    AfterValidator(_whole_nanos),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d+(\.\d+)?$"}, {"type": "number", "minimum": 0}]}),
]
Timestamp = Annotated[datetime, _Rfc3339]
LabelValue = Annotated[
    Identifier | None,
    BeforeValidator(_label_text),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"], "maxLength": 255}),
]
