"""Dead letters as they are drawn."""

import io
from typing import Any

from rich.console import Console

from execledger.letters import draw
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import KeptDeadLetter
from factories_recorder import NOON


def drawn(value: bytes | None, reason: str = "not_json", detail: str = "", **said: Any) -> list[str]:
    """The lines of a letter behind its facts."""
    row = DeadLetterRow("events", 0, 5, NOON, b"key", "[]", value, reason, detail, "f00d", None, None, 0)
    console = Console(file=io.StringIO(), width=80)
    draw(KeptDeadLetter(1, None, row._replace(**said)), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()[11:]


def test_the_finger_is_below_the_fault_whatever_is_around_it() -> None:
    *_, line, carets = drawn('{\n\t"名前": oops}'.encode(), detail="character 9: Expecting value")
    assert line == '  {␊␉"名前": oops}'
    assert carets == "  " + " " * len("{..") + " " * len('"----": ') + "^"


def test_a_fault_far_inside_is_among_what_is_shown() -> None:
    lines = drawn(b"[" + b"1," * 100_000 + b"oops]", detail="character 200001: Expecting value")
    assert lines[0] == "[134470 characters before this; --raw gives all]"
    assert lines[1].endswith("1,oops]")
    assert lines[-2].endswith("1,oops]")
    assert lines[-1].rindex("^") == lines[-2].index("oops")


def test_bytes_that_are_no_text_are_dumped_around_their_fault() -> None:
    lines = drawn(b"a" * 100_000 + b"\xff" + b"b" * 100, "not_utf8", "byte 100000: invalid start byte")
    at = next(number for number, line in enumerate(lines) if line.startswith("000186a0  "))
    assert lines[at].startswith("000186a0  ff 62 62")
    assert lines[at + 1] == " " * 10 + "^^"
    assert lines[0] == "[34560 bytes before this; --raw gives all]"


def test_a_long_value_without_a_place_for_its_fault_is_cut() -> None:
    lines = drawn(b"x" * 70_000, "too_large", "70000 bytes, at most 65536 are read")
    assert lines == ["x" * 65_536, "[4464 characters more; --raw gives all]"]


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    lines = drawn("\x1b[2J\x9b31m\u202e".encode(), detail="character 0: \x1b[0m", key=b"\x07")
    assert not set("".join(lines)) & {"\x1b", "\x9b", "\u202e", "\x07"}
    assert lines[0] == "␛[2J\ufffd31m\ufffd"
