"""When a partition is stopped, and when it may go on."""

from datetime import UTC, datetime

import pytest

from execledger_recorder.rules.circuit import LOOK, Breaker, Circuit, Stop, is_mended


def batch(said: str, start: int = 0) -> list[tuple[int, bool]]:
    """Records, `.` good and `x` bad."""
    return [(start + n, letter == "x") for n, letter in enumerate(said)]


def drained(until: int) -> Circuit:
    return Circuit(0, datetime.now(UTC), 0, 100, 100, until)


def test_a_partition_stops_at_the_first_bad_record_when_nine_of_ten_are_bad() -> None:
    said = "." * 500 + "x" * 85 + "." * 10 + "x" * 40
    assert Breaker().look(0, batch(said)) == Stop(0, 500, 100, 90)


@pytest.mark.parametrize("said", ["x" * 99, ("x" * 89 + "." * 11) * 5, "." * 11 + "x" * 89, "." * 400])
def test_fewer_records_or_fewer_bad_ones_stop_nothing(said: str) -> None:
    assert Breaker().look(0, batch(said)) is None


def test_what_came_in_batches_before_counts_and_only_this_batch_is_held_back() -> None:
    breaker = Breaker()
    assert breaker.look(0, batch("." * 10 + "x" * 60)) is None
    assert breaker.look(0, batch("x" * 30, start=70)) == Stop(0, 70, 100, 90)


def test_records_long_ago_do_not_count() -> None:
    breaker = Breaker()
    assert breaker.look(0, batch("." * 10_000)) is None
    assert breaker.look(0, batch("x" * 90, start=10_000)) == Stop(0, 10_000, 100, 90)


def test_what_is_drained_stops_nothing_and_what_comes_behind_it_does() -> None:
    assert Breaker(drained(400)).look(0, batch("x" * 400)) is None
    assert Breaker(drained(250)).look(0, batch("x" * 400)) == Stop(0, 250, 100, 100)


def test_a_stopped_partition_holds_back_what_lies_at_its_offset_and_behind() -> None:
    breaker = Breaker(drained(0)._replace(at_offset=7, drain_until=None))
    assert [breaker.holds_back(offset) for offset in (6, 7, 8)] == [False, True, True]
    assert not Breaker(drained(9)).holds_back(7)


@pytest.mark.parametrize(
    ("held", "newest", "mended"),
    [
        ([True] * LOOK, [True] * LOOK, False),
        ([True] * 51 + [False] * 49, [True] * 51 + [False] * 49, False),
        ([True] * 50 + [False] * 50, [True] * LOOK, True),
        ([True] * LOOK, [True] * 50 + [False] * 50, True),
        ([False], [True] * 99 + [False], False),
        ([], [], False),
    ],
    ids=["all bad", "less than half", "half of what is held", "half of what came", "one good one", "nothing there"],
)
def test_half_of_either_look_must_be_good(held: list[bool], newest: list[bool], mended: bool) -> None:
    assert is_mended(held, newest) is mended
