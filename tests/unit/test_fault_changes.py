"""How a planted fault finds its place: by symbol and by what the code says, wherever and however that is written."""

from pathlib import Path

import pytest

from faults.changes import Change, change_source, change_text
from faults.places import file_of, module_of

_SOURCE = '''\
LIMITS = ("a", "b")


class Reader:
    async def take(self, records: list[str]) -> int:
        """Take records."""
        for record in records:  # each of them
            if record in LIMITS and (
                len(record) > self.most  # too long
            ):
                self.refuse("é", record)
            else:
                self.keep(record)
        return len(records)

    @cached
    def most(self) -> int:
        return 7


def take() -> None:
    log(f"{taken} taken")


def most() -> int:
    return 1


def most() -> int:
    return 2
'''
_SQL = """\
SELECT least(recorded_at, observed_at) AS at
FROM ends
WHERE topic = $1 AND that = 'x'
  AND at IN ('a', 'b')
FOR UPDATE
"""


@pytest.mark.parametrize(
    ("symbol", "said", "stands", "becomes"),
    [
        ("Reader.take", {"replace": "len( record )>self . most", "by": "0"}, "len(record) > self.most", "(0)"),
        ("Reader.take", {"replace": "len(\n  record\n)", "by": "1 +\n1"}, "len(record)", "(1 +\n1)"),
        ("Reader.take", {"replace": "self.refuse('\\xe9', record)", "by": "f()"}, 'self.refuse("é", record)', "(f())"),
        ("Reader.take", {"replace": "self.keep(record)", "by": "break"}, "self.keep(record)", "break"),
        ("Reader.most", {"replace": "return 7", "by": "if x:\n    y()"}, "return 7", "if x:\n            y()"),
        ("Reader", {"replace": "7", "by": "8"}, "7", "(8)"),
        ("", {"replace": "7", "by": "8"}, "7", "(8)"),
        ("LIMITS", {"replace": "'b'", "by": "'c'"}, '"b"', "('c')"),
        ("LIMITS", {"after": "LIMITS = 'a', 'b'", "add": "import re"}, '("a", "b")', '("a", "b")\nimport re'),
        (
            "Reader.take",
            {"before": "self.keep(record)", "add": "if x:\n    y()"},
            "self.keep(record)",
            "if x:\n                    y()\n                self.keep(record)",
        ),
        ("take", {"drop": 'log(f"{taken} taken")'}, 'log(f"{taken} taken")', "pass"),
        (
            "Reader",
            {"drop": "@cached\ndef most(self) -> int:\n  return 7"},
            "@cached\n    def most(self) -> int:\n        return 7",
            "pass",
        ),
    ],
)
def test_a_place_in_python_is_found_however_it_is_written(
    symbol: str, said: dict[str, str], stands: str, becomes: str
) -> None:
    assert change_source(_SOURCE, symbol, Change.read(said)) == _SOURCE.replace(stands, becomes, 1)


@pytest.mark.parametrize(
    ("symbol", "said", "why"),
    [
        ("Reader.read", {"drop": "pass"}, "0 definitions of Reader.read"),
        ("most", {"drop": "return 1"}, "2 definitions of most"),
        ("Reader.take", {"drop": "self.keep(other)"}, "0 places in Reader.take"),
        ("Reader.take", {"replace": "record", "by": "x"}, "4 places in Reader.take"),
        ("", {"replace": "self", "by": "x"}, "places in the module"),
        ("take", {"replace": "taken", "by": "x"}, "0 places in take"),  # within an f-string
        ("take", {"drop": "if"}, "neither expression nor statements"),
        ("Reader.most", {"replace": "return 7", "by": "if"}, "not Python any more"),
        ("Reader.most", {"drop": "return 7", "by": "pass"}, "says drop"),
    ],
)
def test_what_does_not_fit_one_place_in_python_is_refused(symbol: str, said: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        change_source(_SOURCE, symbol, Change.read(said))


@pytest.mark.parametrize(
    ("said", "stands", "becomes"),
    [
        ({"replace": "least( recorded_at,observed_at )", "by": "x"}, "least(recorded_at, observed_at)", "x"),
        ({"replace": "that='x' AND at IN('a','b')", "by": "x"}, "that = 'x'\n  AND at IN ('a', 'b')", "x"),
        ({"drop": "FOR\nUPDATE"}, "FOR UPDATE", ""),
        ({"after": "FOR UPDATE", "add": "SKIP LOCKED"}, "FOR UPDATE", "FOR UPDATE\nSKIP LOCKED"),
    ],
)
def test_a_place_in_sql_is_found_whatever_its_white_space(said: dict[str, str], stands: str, becomes: str) -> None:
    assert change_text(_SQL, Change.read(said)) == _SQL.replace(stands, becomes)


@pytest.mark.parametrize(
    ("found", "why"),
    [("FOR SHARE", "0 places"), ("AND", "2 places"), ("FORUPDATE", "0 places"), ("observed", "0 places")],
)
def test_what_does_not_fit_one_place_in_sql_is_refused(found: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        change_text(_SQL, Change("drop", found))


def test_a_symbol_is_found_in_whichever_module_of_its_package_it_lies() -> None:
    here = Path("tests/faults/changes.py")
    assert module_of("faults:Change.read") == (here, "Change.read")
    assert module_of("faults.changes:Change.read") == (here, "Change.read")
    assert module_of("faults.changes") == (here, "")


def test_a_file_is_found_in_whichever_folder_of_its_package_it_lies() -> None:
    assert file_of("execledger_recorder:lock_ledger.sql").name == "lock_ledger.sql"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("faults:no_such", "0 files"),
        ("faults:_only", "2 files have faults:_only: tests/faults/changes.py, tests/faults/places.py"),
        ("no_such:Change", "0 files have no_such:Change"),
    ],
)
def test_a_symbol_that_is_nowhere_or_in_several_modules_is_refused(place: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        module_of(place)
