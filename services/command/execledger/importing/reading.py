"""Rows out of JSON lines or CSV, which is told by content. Pure, but for what the lines come from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Final

from execledger.errors import UserError
from execledger.importing.columns import Column, Refused, parsed
from execledger.terminal import escaped
from execledger_contracts.parsing import BOM

LONGEST_LINE: Final = 64 * 1024 * 1024
_REPORTED: Final = frozenset({"line", "field", "reason", "is_csv", "row"})
_FIELD: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)')
_FEWEST: Final = 2  # of columns: what has no comma is no CSV

Values = list[str | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file, by its name, should hold: rows with these columns, and others that are left out."""

    name: str
    columns: Mapping[str, Column]
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sent:
    """A row as it came: a line by its number, from 1. `row` is what could be read of it, else all of its text."""

    line: int
    row: Any
    size: int  # in bytes, or nearly
    is_csv: bool = False
    fault: str = ""  # why it is no row
    key: str = ""  # where to go on behind it, in a table


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file. UserError: one is longer than any row."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UserError(f"line {number} is longer than {LONGEST_LINE} bytes: this is no file of rows")
        yield line


def rows_of(lines: Iterable[bytes], wanted: Wanted) -> Iterator[Sent]:
    """The rows of a file. UserError: it is neither JSON lines nor CSV, or of another table."""
    numbered = enumerate(_without_bom(lines), 1)
    if (first := next((each for each in numbered if each[1].strip()), None)) is None:
        return
    start = first[1].lstrip()
    rest = chain([first], numbered)
    if start.startswith(b"{"):
        yield from _checked(_json_lines(rest), wanted)
    elif start.startswith(b"["):
        raise UserError(f"{wanted.name} is a JSON array: rows are read from JSON lines, an object in each, or from CSV")
    else:
        yield from _csv_rows(rest, wanted)


def _without_bom(lines: Iterable[bytes]) -> Iterator[bytes]:
    iterator = iter(lines)
    for first in iterator:
        yield first.removeprefix(BOM)
        break
    yield from iterator


def _checked(rows: Iterator[Sent], wanted: Wanted) -> Iterator[Sent]:
    """The rows, of which the first is of that table: a million rows of another one are one fault."""
    first = next(rows)
    if first.fault:
        raise UserError(f"{wanted.name} is neither JSON lines nor CSV: line {first.line} {first.fault}")
    _check_columns(first.row, wanted)
    yield first
    yield from rows


def _check_columns(row: Iterable[str], wanted: Wanted) -> None:
    if unknown := sorted(set(row) - wanted.columns.keys() - wanted.left_out):
        shown = escaped(", ".join(unknown))[:200]
        raise UserError(f"{wanted.name} has columns that the table has not: {shown}; --without leaves columns out")


def _json_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[Sent]:
    return (_json_row(number, line) for number, line in lines if line.strip())


def _json_row(number: int, line: bytes) -> Sent:
    try:
        row = parsed(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return Sent(number, line.decode(errors="replace"), len(line), fault="is no JSON object")
    if row.keys() != _REPORTED:
        return Sent(number, row, len(line))
    again = row["row"]  # what an import refused
    return Sent(number, again, len(line), row["is_csv"] is True, "" if isinstance(again, dict) else "is no row")


def _csv_rows(lines: Iterable[tuple[int, bytes]], wanted: Wanted) -> Iterator[Sent]:
    records = _csv_records(lines)
    _, text, header = next(records)
    if header is None or None in header or len(header) < _FEWEST:
        shown = escaped(text.strip()[:60])
        raise UserError(f"{wanted.name} is neither JSON lines nor CSV with a header: it begins with {shown}")
    names = [each or "" for each in header]
    _check_columns(names, wanted)
    if missing := [name for name, column in wanted.columns.items() if column.is_required and name not in names]:
        raise UserError(f"{wanted.name} lacks columns of the table: {', '.join(missing)}")
    for number, text, values in records:
        if values is None or len(values) != len(names):
            yield Sent(number, text, len(text), is_csv=True, fault=f"is no record of {len(names)} values in UTF-8")
        else:
            yield Sent(number, dict(zip(names, values, strict=True)), len(text), is_csv=True)


def _csv_records(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, str, Values | None]]:
    """Line, text and values of each record; a text in quotes may go over several lines."""
    begun = 0
    parts, quotes, size = list[bytes](), 0, 0
    for number, line in lines:
        if not parts:
            begun, quotes, size = number, 0, 0
            if not line.strip():
                continue
        parts.append(line)
        quotes += line.count(b'"')
        size += len(line)
        if quotes % 2 and size < LONGEST_LINE and (len(parts) > 1 or _goes_on(line)):
            continue
        record = b"".join(parts)
        yield begun, record.decode(errors="replace"), _csv_values(record)
        parts = []
    if parts:
        yield begun, b"".join(parts).decode(errors="replace"), None


def _goes_on(line: bytes) -> bool:
    """Whether a record with an odd number of quotes has one that is open at its end, and not a stray one."""
    record, at = line.decode(errors="replace"), 0
    while (found := _FIELD.match(record, at)) is not None and found.group(3) == ",":
        at = found.end()
    return record.startswith('"', at)


def _csv_values(encoded: bytes) -> Values | None:
    """As Postgres writes them, and the csv module does not read them: nothing without quotes is null, `""` is empty."""
    try:
        record = encoded.decode()
    except UnicodeDecodeError:
        return None
    values, at = Values(), 0
    while (found := _FIELD.match(record, at)) is not None:
        quoted, plain, end = found.groups()
        values.append(quoted.replace('""', '"') if quoted is not None else plain or None)
        at = found.end()
        if end != ",":
            return values if at == len(record) else None
    return None


def refusal_of(sent: Sent) -> Refused | None:
    """Why something is no row at all."""
    return Refused("line", sent.fault) if sent.fault else None
