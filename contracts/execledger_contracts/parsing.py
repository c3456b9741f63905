"""JSON as Python writes and reads it, which is more than JSON: each oddity becomes a mark that says what it was."""

import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from execledger_contracts.ignored import Rule

MAX_DEPTH: Final = 100
DEEPEST: Final = MAX_DEPTH + 1  # with the event's own object around its data
BOM: Final = b"\xef\xbb\xbf"
LONGEST_NUMBER: Final = 1000
_LARGEST: Final = int(sys.float_info.max)
_SURELY_FITTING: Final = len(str(_LARGEST))
_MOST_DIGITS: Final = 400  # more than any float64 has, and few enough to be made a number at once
# A digit that is lost when the number reads as 0; or an exponent of which numeric takes no zero either.
_NOT_QUITE_ZERO: Final = re.compile(r"-?[0.]*[1-9]|.*[eE][+-]?[0-9]{5}")
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|NaN|Infinity', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Odd:
    """A value that cannot stay as it was sent: what stands for it (`LOST`: nothing can), and the rule."""

    value: Any
    rule: Rule


LOST: Final = object()
_NOT_FINITE: Final = Odd(None, Rule.NOT_FINITE)
_BEYOND: Final = Odd(LOST, Rule.OUT_OF_RANGE)


def parse(characters: str, deepest: int = DEEPEST) -> Any:
    """What JSON says, with each `Odd` value as one. Raises JSONDecodeError, whatever the nesting."""
    shallow, depths = _without_depths(characters, deepest)
    constants = iter(depths)
    return json.loads(
        shallow,
        parse_constant=lambda _: next(constants, None) or _NOT_FINITE,
        parse_int=_whole,
        parse_float=_fraction,
    )


def parse_exactly(text: bytes) -> Any:
    """What JSON says to the letter, read by msgspec. ValueError: it is no JSON, or a number does not stay as it is."""
    try:
        return _EXACTLY.decode(text)
    except RecursionError:
        raise ValueError("nested deeper than Python calls") from None


def _exact(number: str) -> float:
    if isinstance(read := _fraction(number), Odd):
        raise ValueError("not a number that stays as it is")
    return read


_EXACTLY: Final = msgspec.json.Decoder(float_hook=_exact)


def _whole(digits: str) -> int | Odd:
    if len(digits) < _SURELY_FITTING:
        return int(digits)
    if len(digits) >= _MOST_DIGITS or abs(number := int(digits)) > _LARGEST:
        return _BEYOND
    return number


def _fraction(number: str) -> float | Odd:
    read = float(number)
    if math.isinf(read):
        return _BEYOND
    if len(number) > LONGEST_NUMBER or (read == 0 and _NOT_QUITE_ZERO.match(number)):
        return Odd(read, Rule.ROUNDED)  # jsonb and numeric refuse it as it is
    return read


def _without_depths(characters: str, deepest: int) -> tuple[str, list[Odd | None]]:
    """What nests too deep as NaN, and for each NaN or infinity in their order what it stands for, if for anything.

    Known before a recursive reader meets it.
    """
    if characters.count("[") + characters.count("{") <= deepest:
        return characters, []
    parts: list[str] = []
    constants: list[Odd | None] = []
    copied = 0
    for start, end in _depths(characters, deepest, constants):
        parts += (characters[copied:start], "NaN")
        copied = end
        constants.append(Odd(_marker(characters[start:end]), Rule.TOO_DEEP))
    return "".join([*parts, characters[copied:]]) if parts else characters, constants


def _depths(characters: str, deepest: int, constants: list[Odd | None]) -> Iterator[tuple[int, int]]:
    """Where values nest too deep, from their bracket to the one that ends them; constants elsewhere are noted."""
    level, start = 0, 0
    for match in _TOKEN.finditer(characters):
        found = match[0]
        if found in "[{":
            level += 1
            start = match.start() if level == deepest + 1 else start
        elif found in "]}":
            level -= 1
            if level == deepest:
                yield start, match.end()
        elif found[0] != '"' and level <= deepest:
            constants.append(None)
    if level > deepest:  # it never ends: no JSON, and nothing that a recursive reader should meet
        yield start, len(characters)


def _marker(deep: str) -> str:
    encoded = deep.encode(errors="surrogatepass")
    return f"… [too deep, cut by execledger: {len(encoded)} bytes, sha256 {sha256(encoded).hexdigest()}]"
