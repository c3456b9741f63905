"""What commands print of what producers sent."""

import json

from execledger.terminal import escaped, lines_of, printable

EVIL = "tea\x1b[2J\x9b\x7f\u202e\U000e0001\ud83d"


def test_nothing_that_commands_print_moves_the_cursor() -> None:
    for shown in (escaped(EVIL), printable(EVIL), lines_of(EVIL)):
        assert shown.isprintable()


def test_json_stays_what_it_says() -> None:
    document = {EVIL: [EVIL, "plain", None]}
    shown = lines_of(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(shown) == document
    assert all(line.isprintable() for line in shown.splitlines())
