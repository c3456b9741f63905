"""Dead letters in the terminal: in groups, one a line, or one with a finger on its fault."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from execledger.pointing import VALUE, Fault, find_fault
from execledger_contracts.decoding import Reason, Undecodable
from execledger_query.views import show_time
from execledger_recorder.rules.arrivals import Found, NoEvent
from execledger_recorder.store import DeadLetter, DeadLetterGroup, KeptDeadLetter, unpack_headers

_MOST_SHOWN: Final = 65_536  # characters or bytes of a value; --raw gives all
_CUT_MARK: Final = "…"
_AROUND: Final = 30  # characters before and behind a fault
_PER_LINE: Final = 16
_FAULT_STYLE: Final = "bold red reverse"
# One character each, so that places stay what they are: producers' bytes must not steer the terminal.
_VISIBLE: Final = {
    **{code: 0x2400 + code for code in range(32) if code not in (9, 10)},
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}
_ON_ONE_LINE: Final = {**_VISIBLE, 9: 0x2409, 10: 0x240A}


def lines_of_group(group: DeadLetterGroup) -> str:
    """A group as two lines: what is bad, and how to find these letters."""
    redriven = f", {group.redriven} redriven" if group.redriven else ""
    times = f"{_short_time(group.first_at)} to {_short_time(group.last_at)}"
    return (
        f"{group.letters:>7}  {group.reason}: {_on_one_line(group.detail)}\n"
        f"         fingerprint {group.fingerprint}, {times}{redriven}"
    )


def groups_document(groups: Sequence[DeadLetterGroup]) -> dict[str, Any]:
    """Groups as a JSON object."""
    times = ("first_at", "last_at")
    return {
        "items": [{**group._asdict(), **{name: show_time(getattr(group, name)) for name in times}} for group in groups]
    }


def line_of(letter: DeadLetter) -> str:
    """A dead letter as one line."""
    redriven = "" if letter.redriven_at is None else f" (redriven {_short_time(letter.redriven_at)})"
    where = f"{letter.topic}/{letter.partition}/{letter.offset}"
    said = f"{letter.fingerprint}  {letter.reason}: {_on_one_line(letter.detail)}"
    return f"{letter.id}  {_short_time(letter.timestamp)}  {where}  {said}{redriven}"


def document_of(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as a JSON object, as the query service shows it in lists."""
    redriven_at = None if letter.redriven_at is None else show_time(letter.redriven_at)
    shown = {**letter._asdict(), "timestamp": show_time(letter.timestamp), "redriven_at": redriven_at}
    del shown["value_bytes"]
    return shown


def verdict_line(letter: KeptDeadLetter, found: Found) -> str:
    """Whether a dead letter would pass now, as one line."""
    row = letter.row
    where = f"{letter.id}  {row.topic}/{row.partition}/{row.offset}"
    if isinstance(found, Undecodable):
        return f"{where}  would not pass: {found.reason}: {_on_one_line(found.detail)}"
    if isinstance(found, NoEvent):
        return f"{where}  would pass: it is about no execution"
    if row.reason == Reason.UNSTORABLE:
        return f"{where}  reads well; whether Postgres takes it now, only recording shows"
    return f"{where}  would pass: {_on_one_line(found.event.type)} of {_on_one_line(found.event.subject)}"


def draw(letter: KeptDeadLetter, console: Console) -> None:
    """All of a dead letter: what it is, its bytes, and where its fault lies."""
    row = letter.row
    fault = find_fault(row.value, unpack_headers(row.headers), row.reason, row.detail)
    facts = Table.grid(padding=(0, 2))
    for name, shown in _facts(letter):
        facts.add_row(Text(name, style="dim"), Text(shown, overflow="fold"))
    console.print(facts)
    if row.value is not None:
        console.print()
    for line in _content_lines(row.value, fault if fault and fault.of == VALUE else None):
        console.print(line, soft_wrap=True)
    for line in () if fault is None else _finger(fault):
        console.print(line, soft_wrap=True)


def _facts(letter: KeptDeadLetter) -> Iterable[tuple[str, str]]:
    row = letter.row
    yield "dead letter", str(letter.id)
    yield "topic", row.topic
    yield "partition", str(row.partition)
    yield "offset", str(row.offset)
    yield "time", show_time(row.timestamp)
    yield "key", "none" if row.key is None else _shown(row.key)
    for name, value in _headers(row.headers):
        yield "header", f"{_on_one_line(name)}: {'null' if value is None else _shown(value)}"
    yield "reason", row.reason
    yield "detail", _on_one_line(row.detail)
    yield "fingerprint", row.fingerprint
    if letter.redriven_at is not None:
        yield "redriven", show_time(letter.redriven_at)
    yield "value", "none" if row.value is None else f"{len(row.value)} bytes"
    for name, whole in json.loads(row.cut or "{}").items():
        yield "cut", f"{name}: {', '.join(f'{fact} {value}' for fact, value in whole.items()) or 'not read'}"


def _content_lines(value: bytes | None, fault: Fault | None) -> Iterable[Text]:
    if value is None:
        return
    try:
        text = value.decode()
    except UnicodeDecodeError:
        yield from _dump_lines(value, fault)
        return
    start = _window(len(text), fault)
    end = min(len(text), start + _MOST_SHOWN)
    shown = Text(text[start:end].translate(_VISIBLE))
    if fault is not None:
        shown.stylize(_FAULT_STYLE, fault.start - start, fault.end - start)
    yield from _marked(start, [shown], len(text) - end, "characters")


def _dump_lines(value: bytes, fault: Fault | None) -> Iterable[Text]:
    start = _window(len(value), fault) // _PER_LINE * _PER_LINE
    end = min(len(value), start + _MOST_SHOWN)
    lines: list[Text] = []
    for at in range(start, end, _PER_LINE):
        lines.append(_dump_line(value, at))
        if fault is not None and at <= fault.start < at + _PER_LINE:
            lines.append(Text(" " * (10 + 3 * (fault.start - at)) + "^^", style=_FAULT_STYLE))
    yield from _marked(start, lines, len(value) - end, "bytes")


def _dump_line(value: bytes, at: int) -> Text:
    part = value[at : at + _PER_LINE]
    characters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return Text(f"{at:08x}  {part.hex(' '):<{3 * _PER_LINE}} |{characters}|")


def _marked(before: int, lines: Iterable[Text], behind: int, unit: str) -> Iterable[Text]:
    if before:
        yield Text(f"[{before} {unit} before this; --raw gives all]", style="dim")
    yield from lines
    if behind:
        yield Text(f"[{behind} {unit} more; --raw gives all]", style="dim")


def _window(length: int, fault: Fault | None) -> int:
    """Where to begin, so that the fault is among what is shown."""
    if fault is None or fault.start < _MOST_SHOWN or length <= _MOST_SHOWN:
        return 0
    return min(fault.start - _MOST_SHOWN // 2, length - _MOST_SHOWN)


def _finger(fault: Fault) -> Iterable[Text]:
    """The fault in its surroundings, on one line, and carets below it."""
    if isinstance(fault.content, bytes):
        if fault.of != VALUE:  # else it is marked in the value itself
            yield Text(f"\n{fault.of}:", style="dim")
            yield from _dump_lines(fault.content[: fault.start + _AROUND], fault)
        return
    unit = "character" if fault.end - fault.start == 1 else "characters"
    span = str(fault.start) if fault.end - fault.start == 1 else f"{fault.start} to {fault.end - 1}"
    yield Text(f"\n{fault.of}, {unit} {span}:", style="dim")
    begin, stop = max(0, fault.start - _AROUND), min(fault.end, fault.start + 2 * _AROUND)
    before = (_CUT_MARK if begin else "") + _on_one_line(fault.content[begin : fault.start])
    within = _on_one_line(fault.content[fault.start : stop])
    behind = _on_one_line(fault.content[stop : stop + _AROUND])
    yield Text.assemble("  ", before, (within, _FAULT_STYLE), behind)
    yield Text("  " + " " * cell_len(before) + "^" * max(1, cell_len(within)), style="bold red")


def _headers(packed: str) -> list[tuple[str, bytes | None]]:
    """The headers as they came, a null value as None."""
    absent = [value is None for _, value in json.loads(packed)]
    return [
        (name, None if is_absent else value)
        for (name, value), is_absent in zip(unpack_headers(packed), absent, strict=True)
    ]


def _shown(value: bytes) -> str:
    return _on_one_line(value.decode(errors="backslashreplace"))


def _on_one_line(text: str) -> str:
    return text.translate(_ON_ONE_LINE)


def _short_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
