"""When a partition is stopped, and when it may go on."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_recorder.rules.circuit import LOOK, Ahead, Breaker, Circuit, Stop, is_mended
from execledger_recorder.rules.partition import TopicPartition

PARTITION = TopicPartition("events", 0)


def batch(said: str, start: int = 0, source: str | None = "urn:a") -> list[tuple[int, bool, str | None]]:
    """Records of one source, `.` good and `x` bad."""
    return [(start + n, letter == "x", source) for n, letter in enumerate(said)]


def of_two(bad: str, good: str, start: int = 0) -> list[tuple[int, bool, str | None]]:
    """Bad records of one source, then those of another."""
    return batch(bad, start, "urn:bad") + batch(good, start + len(bad), "urn:good")


def drained(until: int) -> Circuit:
    return Circuit("events", 0, datetime.now(UTC), 0, 100, 100, until)


def test_a_partition_stops_at_the_first_bad_record_when_nine_of_ten_are_bad() -> None:
    said = "." * 500 + "x" * 85 + "." * 10 + "x" * 40
    assert Breaker().look(PARTITION, batch(said)) == Stop("events", 0, 500, 100, 90)


@pytest.mark.parametrize("said", ["x" * 99, ("x" * 89 + "." * 11) * 5, "." * 11 + "x" * 89, "." * 400])
def test_fewer_records_or_fewer_bad_ones_stop_nothing(said: str) -> None:
    assert Breaker().look(PARTITION, batch(said)) is None


def test_what_came_in_batches_before_counts_and_only_this_batch_is_held_back() -> None:
    breaker = Breaker()
    assert breaker.look(PARTITION, batch("." * 10 + "x" * 60)) is None
    assert breaker.look(PARTITION, batch("x" * 30, start=70)) == Stop("events", 0, 70, 100, 90)


def test_records_long_ago_do_not_count() -> None:
    breaker = Breaker()
    assert breaker.look(PARTITION, batch("." * 10_000)) is None
    assert breaker.look(PARTITION, batch("x" * 90, start=10_000)) == Stop("events", 0, 10_000, 100, 90)


def test_what_is_drained_stops_nothing_and_what_comes_behind_it_does() -> None:
    assert Breaker(drained(400)).look(PARTITION, batch("x" * 400)) is None
    assert Breaker(drained(250)).look(PARTITION, batch("x" * 400)) == Stop("events", 0, 250, 100, 100)


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
    assert is_mended([(bad, None) for bad in held], [(bad, None) for bad in newest]) is mended


def test_a_source_that_is_bad_stops_nobody_while_another_is_good() -> None:
    breaker = Breaker()
    assert breaker.look(PARTITION, of_two("x" * 300, "....")) == Stop(
        "events", 0, 0, 100, 100
    )  # of another nothing is known
    breaker = Breaker()
    assert breaker.look(PARTITION, of_two("", "....") + of_two("x" * 300, "", start=4)) is None
    assert set(breaker.spared) == {"urn:bad"}
    assert len(breaker.spared) == 304 - (LOOK - 1)
    assert breaker.look(PARTITION, of_two("x" * 600, "", start=304)) is None
    assert breaker.look(PARTITION, of_two("x" * 400, "", start=904)) == Stop(
        "events", 0, 904, 100, 100
    )  # b is long unheard


def test_when_all_sources_become_bad_the_partition_stops() -> None:
    breaker = Breaker()
    assert breaker.look(PARTITION, [*batch("." * 50, 0, "a"), *batch("." * 50, 50, "b")]) is None
    assert (
        breaker.look(PARTITION, [*batch("x" * 96, 100, "a"), *batch("x" * 4, 196, "b")]) is None
    )  # 6 of b's 10 are good
    assert breaker.look(PARTITION, batch("x", 200, "b")) == Stop("events", 0, 200, 100, 100)


def test_a_stopped_partition_goes_on_when_one_source_is_good_among_the_newest() -> None:
    held, bad = [(True, "a")] * LOOK, [(True, "a")] * 98
    assert not is_mended(held, [*bad, (True, "b"), (False, "a")])
    assert is_mended(held, [*bad[2:], (True, "b"), (False, "b"), (False, "b")])


def test_what_came_since_the_stop_is_judged_by_source_however_seldom_one_is_heard() -> None:
    ahead = Ahead(drained(0))
    assert not any(ahead.sees_good([(True, "flood")] * 100, n) for n in range(100, 50_000, 100))
    assert ahead.sees_good([(True, "flood")] * 50 + [(False, "seldom")] + [(True, "flood")] * 49, 50_100)
    assert ahead.position == 50_100


def test_one_that_was_bad_since_the_stop_is_good_when_most_of_its_latest_hundred_are() -> None:
    ahead = Ahead(drained(0))
    assert not ahead.sees_good([(True, "a")] * LOOK, 100)
    assert not ahead.sees_good([(False, "a")] * 50, 150)
    assert ahead.sees_good([(False, "a")], 151)


def test_the_look_ahead_goes_on_from_probe_to_probe_and_begins_anew_with_another_stop() -> None:
    breaker, stopped = Breaker(), drained(0)
    breaker.look_ahead(stopped).sees_good([(True, "a")], 7)
    assert breaker.look_ahead(stopped).position == 7
    assert breaker.look_ahead(stopped._replace(at_offset=9)).position == 9


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", None])), max_size=400))
def test_it_stops_only_where_nearly_all_is_bad_and_no_source_is_good(said: list[tuple[bool, str | None]]) -> None:
    breaker = Breaker()
    stop = breaker.look(PARTITION, [(n, is_bad, source) for n, (is_bad, source) in enumerate(said)])
    ends = [n for n in range(LOOK, len(said) + 1) if said[n - 1][0]]
    judged = [n for n in ends if sum(bad for bad, _ in said[n - LOOK : n]) >= 90]
    expected = next((n for n in judged if not any(_is_good(said[:n], source) for source in ("a", "b", None))), None)
    assert (stop is None) == (expected is None)


def _is_good(said: list[tuple[bool, str | None]], source: str | None) -> bool:
    own = [is_bad for is_bad, of in said if of == source][-10:]
    return own.count(False) * 2 > len(own)
