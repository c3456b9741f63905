"""How a value that its field does not take is read as what it plainly means: one reading for each kind of field.

A reading takes any JSON value but null and gives one that the field takes; it notes the rule by which it changed it,
or raises LeftOutError. What the field takes as it is comes back as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Final

from execledger_contracts.ignored import Rule

Note = Callable[[Rule], None]
Reading = Callable[[Any, Note], Any]

LONGEST: Final = 255
LAST_SEQUENCE: Final = 10**18 - 1
_KEPT: Final = 190
_DIGEST: Final = 32
_is_number: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?").fullmatch
_is_not_finite: Final = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE).fullmatch
_LONGEST_NUMBER: Final = 400


class LeftOutError(Exception):
    """The value means nothing that its field could take."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class ReadAs:
    """Stands beside a field's type: how a value that the type does not take is read."""

    reading: Reading


def text(value: Any, note: Note) -> str:
    """A number or truth value as JSON writes it."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bool | int | float):
        raise LeftOutError(Rule.WRONG_TYPE)
    note(Rule.READ_AS_TEXT)
    return _as_json(value)


def _as_json(value: bool | int | float) -> str:
    """As `json.dumps`, in a fifth of its time: there may be a thousand in a list."""
    return repr(value) if not isinstance(value, bool) else "true" if value else "false"


def identifier(value: Any, note: Note) -> str:
    """Text, shortened so that different ones stay different."""
    said = text(value, note)
    if len(said) <= LONGEST:
        return said
    note(Rule.SHORTENED)
    return shortened(said)


def shortened(said: str) -> str:
    """An identifier that is too long, so that different ones stay different."""
    return said[:_KEPT] + sha256(said.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]


def required_identifier(value: Any, note: Note) -> str:
    """The same of one that must not be empty."""
    if value == "":
        raise LeftOutError(Rule.OUT_OF_RANGE)
    return identifier(value, note)


def label(value: Any, note: Note) -> str:
    """A label is meant to take scalars, so that is not worth a note."""
    return identifier(_as_json(value) if isinstance(value, bool | int | float) else value, note)


def flag(value: Any, note: Note) -> bool:
    """True or false, as text too."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in ("true", "false"):
        raise LeftOutError(Rule.WRONG_TYPE)
    note(Rule.READ_FROM_TEXT)
    return value.lower() == "true"


def word(*words: str) -> Reading:
    """One of some words, in any case."""

    def read(value: Any, _: Note) -> str:
        if not isinstance(value, str):
            raise LeftOutError(Rule.WRONG_TYPE)
        if value.lower() not in words:
            raise LeftOutError(Rule.UNKNOWN_WORD)
        return value.lower()

    return read


def whole(low: int, high: int) -> Reading:
    """A whole number: a fraction is rounded half-even, and then the range counts."""

    def read(value: Any, note: Note) -> int:
        number = _number(value)
        if not low - 1 < number < high + 1:  # before it is made whole: of 1e999999 that takes for ever
            raise LeftOutError(Rule.OUT_OF_RANGE)
        rounded = int(number.to_integral_value(ROUND_HALF_EVEN))
        if not low <= rounded <= high:
            raise LeftOutError(Rule.OUT_OF_RANGE)
        _note_text(value, note)
        if rounded != number:
            note(Rule.ROUNDED)
        return rounded

    return read


def real(*, at_most: float, above: float | None = None) -> Reading:
    """A number from 0, or above another, that may have a fraction."""

    def read(value: Any, note: Note) -> float:
        number = float(_number(value))
        if not 0 <= number <= at_most or (above is not None and number <= above):
            raise LeftOutError(Rule.OUT_OF_RANGE)
        _note_text(value, note)
        return number

    return read


def money(at_most: Decimal) -> Reading:
    """An amount; text is how it is sent, and rounding is not worth a note."""

    def read(value: Any, _: Note) -> Any:
        number = _number(value)
        if not 0 <= number <= at_most:
            raise LeftOutError(Rule.OUT_OF_RANGE)
        return str(number) if isinstance(value, str) else value

    return read


def sequence(value: Any, _: Note) -> int:
    """A whole number, or digits: CloudEvents says that it is text."""
    if isinstance(value, str):
        return _digits(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise LeftOutError(Rule.WRONG_TYPE)
    if not 0 <= value <= LAST_SEQUENCE:
        raise LeftOutError(Rule.OUT_OF_RANGE)
    return int(value)


def _digits(said: str) -> int:
    digits = said.lstrip("0")
    if said and not digits:
        return 0
    if not digits.isascii() or not digits.isdigit():
        raise LeftOutError(Rule.WRONG_TYPE)
    if len(digits) > len(str(LAST_SEQUENCE)):
        raise LeftOutError(Rule.OUT_OF_RANGE)
    return int(digits)


def attempt(value: Any, _: Note) -> Any:
    """A header cannot say a number otherwise than as digits. What is no attempt costs the event: as it is."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_sent(value: Any, _: Note) -> Any:
    """Any JSON; or what costs the event if it is wrong."""
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, str):
        return _number_in(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LeftOutError(Rule.WRONG_TYPE)
    number = Decimal(value)
    if not number.is_finite():
        raise LeftOutError(Rule.NOT_FINITE)
    return number


def _number_in(said: str) -> Decimal:
    if _is_not_finite(said):
        raise LeftOutError(Rule.NOT_FINITE)
    if len(said) > _LONGEST_NUMBER or not _is_number(said):
        raise LeftOutError(Rule.WRONG_TYPE)
    try:
        return Decimal(said)
    except InvalidOperation:  # an exponent of very many digits
        raise LeftOutError(Rule.OUT_OF_RANGE) from None


def _note_text(value: Any, note: Note) -> None:
    if isinstance(value, str):
        note(Rule.READ_FROM_TEXT)
