"""The pure half of make bench: what is made of what was measured."""

import pytest

from bench.figures import (
    Comparison,
    Measured,
    Spent,
    Spread,
    cores_free,
    cores_obtained,
    lags,
    percentile,
    ratios,
    rows,
)
from bench.interpreter import described


def measured(events: int, seconds: float, recorder: float = 0.0, peak_mib: float | None = None) -> Measured:
    spent = Spent(recorder=recorder, postgres=1.0, kafka=0.5, client=0.25)
    return Measured(events, seconds, spent, cores_obtained=1.5, cores_free=1.0, peak_mib=peak_mib)


def test_a_percentile_is_a_figure_that_was_measured() -> None:
    hundred = [float(number) for number in range(100, 0, -1)]
    assert [percentile(hundred, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0
    assert percentile([7.0], 0.99) == 7.0


def test_ratios_are_of_pairs() -> None:
    assert ratios([1.0, 3.0], [2.0, 4.0]) == [0.5, 0.75]
    with pytest.raises(ValueError, match="argument"):
        ratios([1.0], [2.0, 4.0])


def test_a_rate_is_held_against_the_baseline_of_its_own_round() -> None:
    slow = {"COPY": measured(100, 1.0), "one": measured(100, 10.0, recorder=0.01)}
    fast = {"COPY": measured(100, 0.5), "one": measured(100, 4.0, recorder=0.03)}
    middle = {"COPY": measured(100, 1.0), "one": measured(100, 5.0, recorder=0.02)}
    row = rows(Comparison("mix", "", ("COPY", "one"), (slow, fast, middle)))["one"]
    assert row.rate_ratio == Spread(median=0.125, least=0.1, most=0.2)
    assert row.rate == 20.0
    assert row.recorder == pytest.approx(200.0)  # microseconds an event
    assert row.recorder_ratio is None  # COPY needs no recorder
    assert row.work_ratio.median == pytest.approx(1.75 / 1.77)


def test_processor_time_is_compared_where_both_have_some() -> None:
    turn = {"few": measured(100, 1.0, recorder=0.01), "many": measured(50, 1.0, recorder=0.01)}
    row = rows(Comparison("agents", "", ("few", "many"), (turn,)))["many"]
    assert row.recorder_ratio == Spread(2.0, 2.0, 2.0)


def test_the_peak_is_the_greatest_of_all_rounds_and_left_events_are_not_forgotten() -> None:
    calm, full = measured(10, 1.0, peak_mib=100.0), measured(10, 1.0, peak_mib=120.0)
    row = rows(Comparison("mix", "", ("one",), ({"one": calm}, {"one": full})))["one"]
    assert row.peak_mib == 120.0
    stuck = Measured(6, 600.0, calm.spent, 1.0, 1.0, unfinished=4)
    assert rows(Comparison("mix", "", ("one",), ({"one": calm}, {"one": stuck})))["one"].unfinished == 4


def test_what_was_spent_is_the_difference_of_two_readings() -> None:
    spent = Spent(2.0, 3.0, 4.0, 5.0).since(Spent(1.0, 1.0, 1.0, 1.0))
    assert spent == Spent(1.0, 2.0, 3.0, 4.0)
    assert spent.together == 10.0


def test_a_lag_ends_when_the_ledger_is_first_seen_behind_the_record() -> None:
    sights = [(10.0, {}), (11.0, {0: 1}), (12.0, {0: 2, 1: 1}), (13.0, {0: 3, 1: 1})]
    assert lags([(0, 0, 9.0)], sights) == (2.0,)
    assert lags([(0, 1, 9.5), (0, 2, 9.5), (1, 0, 11.0)], sights) == (2.5, 3.5, 1.0)


def test_a_record_that_was_never_seen_has_no_lag() -> None:
    sights = [(10.0, {0: 1})]
    assert lags([(0, 0, 9.0), (0, 1, 9.0), (1, 0, 9.0)], sights) == (1.0,)
    assert lags([(0, 0, 9.0)], []) == ()


def test_free_are_the_cores_that_nobody_else_used() -> None:
    assert cores_free(2, 10.0, busy=15.0, stolen=0.0, ours=15.0) == 2.0
    assert cores_free(2, 10.0, busy=20.0, stolen=0.0, ours=5.0) == 0.5
    assert cores_free(2, 10.0, busy=5.0, stolen=5.0, ours=5.0) == 1.5
    assert cores_free(2, 10.0, busy=4.9, stolen=0.0, ours=5.0) == 2.0  # the clocks differ a little


def test_cores_are_obtained_as_far_as_work_was_done() -> None:
    assert cores_obtained(2_000, 0.001, 1.0) == pytest.approx(2.0)
    assert cores_obtained(600, 0.001, 1.0) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'--enable-optimizations' '--with-lto'", "CPython 3.13.1, built with PGO and LTO"),
        ("'--enable-optimizations' '--with-lto=no'", "CPython 3.13.1, built with PGO, without LTO"),
        ("'--with-lto=thin'", "CPython 3.13.1, built with LTO, WITHOUT PGO"),
        ("'--prefix=/usr' '--enable-shared'", "CPython 3.13.1, built WITHOUT PGO and LTO"),
        ("", "CPython 3.13.1, built WITHOUT PGO and LTO"),
    ],
)
def test_an_interpreter_is_named_with_how_it_was_built(arguments: str, said: str) -> None:
    interpreter = described("CPython", "3.13.1", arguments)
    assert str(interpreter) == said
    assert (interpreter.warning is None) == ("--enable-optimizations" in arguments)


def test_an_interpreter_without_optimisation_is_said_to_be_slower() -> None:
    assert "1.45 times slower" in str(described("CPython", "3.11.7", "").warning)
