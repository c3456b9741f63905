"""When a partition is stopped, and when it may go on."""

import pytest

from execledger_recorder.rules.circuit import LOOK, Latest, Stop, is_mended, stops


def batch(said: str, start: int = 0, partition: int = 0) -> list[tuple[int, int, bool]]:
    """Records, `.` good and `x` bad."""
    return [(partition, start + n, letter == "x") for n, letter in enumerate(said)]


def test_a_partition_stops_at_the_first_bad_record_when_nine_of_ten_are_bad() -> None:
    said = "." * 500 + "x" * 85 + "." * 10 + "x" * 40
    assert stops({}, batch(said), {}) == {0: Stop(0, 500, 100, 90)}


@pytest.mark.parametrize("said", ["x" * 99, ("x" * 89 + "." * 11) * 5, "." * 11 + "x" * 89, "." * 400])
def test_fewer_records_or_fewer_bad_ones_stop_nothing(said: str) -> None:
    assert stops({}, batch(said), {}) == {}


def test_what_came_in_batches_before_counts_and_only_this_batch_is_held_back() -> None:
    latest: dict[int, Latest] = {}
    assert stops(latest, batch("." * 10 + "x" * 60), {}) == {}
    assert stops(latest, batch("x" * 30, start=70), {}) == {0: Stop(0, 70, 100, 90)}


def test_records_long_ago_do_not_count() -> None:
    latest: dict[int, Latest] = {}
    assert stops(latest, batch("." * 10_000), {}) == {}
    assert stops(latest, batch("x" * 90, start=10_000), {}) == {0: Stop(0, 10_000, 100, 90)}


def test_each_partition_stops_for_itself() -> None:
    both = [record for pair in zip(batch("x" * 200), batch("." * 200, partition=1), strict=True) for record in pair]
    assert stops({}, both, {}).keys() == {0}


def test_what_is_drained_stops_nothing_and_what_comes_behind_it_does() -> None:
    assert stops({}, batch("x" * 400), {0: 400}) == {}
    assert stops({}, batch("x" * 400), {0: 250}) == {0: Stop(0, 250, 100, 100)}


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
