"""What make bench shows, of figures that are made up."""

import json

from bench.cases import Sizes
from bench.figures import Comparison, Late, Lone, Measured, Spent, Steady
from bench.interpreter import described
from bench.report import WIDTH, Machine, Report, as_json, lines, table

MACHINE = Machine(
    "2026-11-29T01:00:00+00:00", "Linux x86_64", 64, 128.5, "18.0 (a long name of it)", described("CPython", "3.11", "")
)
LARGE = Measured(
    10_000_000, 81.5, Spent(recorder=987.6, postgres=98_765.4, kafka=876.5, client=1.0), 63.9, 62.1, 7, 12_345.6
)
COPIED = Measured(10_000_000, 10.5, Spent(recorder=0.0, postgres=50.0, kafka=0.01, client=9.0), 63.9, 62.1)
MIX = Comparison(
    "mix", "executions, " * 9, ("COPY", "10,000,000 stored"), ({"COPY": COPIED, "10,000,000 stored": LARGE},)
)
GROWTH = Comparison("growth", "more", ("few", "many"), ({"few": LARGE, "many": LARGE},))
STEADY = Steady(5_000.0, 4_990.0, 15.0, (0.01, 0.02, 0.5), 2, LARGE.spent, 1.5, 1.25)
LATE = Late(40_000, (Spent(2.5, 0.1, 0.0, 0.0), Spent(2.7, 0.1, 0.0, 0.0)), (3.0, 3.1), 99.0)
FULL = Report(
    MACHINE,
    Sizes(),
    {"EXECLEDGER_BATCH_SIZE": "4000"},
    (MIX, GROWTH),
    (0.9, 1.1),
    STEADY,
    Lone((0.09, 0.1), 1.5, 1.25),
    LATE,
)


def test_a_table_aligns_its_columns() -> None:
    assert table(("", "events/s"), [("COPY", "90,000"), ("one recorder", "9")]) == [
        "             events/s",
        "COPY           90,000",
        "one recorder        9",
    ]


def test_the_report_fits_80_columns_however_large_its_figures() -> None:
    assert max(map(len, lines(FULL))) <= WIDTH == 80


def test_the_report_names_the_interpreter_and_what_it_costs() -> None:
    text = " ".join(lines(FULL))
    assert "CPython 3.11, built WITHOUT PGO and LTO" in text
    assert "1.45 times slower" in text


def test_the_report_says_what_recorders_were_told() -> None:
    assert "with EXECLEDGER_BATCH_SIZE=4000" in lines(FULL)
    assert not any("BATCH" in line for line in lines(Report(MACHINE, Sizes())))


def test_rates_and_processor_time_stand_side_by_side() -> None:
    (line,) = (line for line in lines(FULL) if line.startswith("10,000,000 stored  "))
    assert line.split() == [
        "10,000,000",
        "stored",
        "122,699",
        "0.129",
        "0.13-0.13",
        "98.8",
        "9,877",
        "87.7",
        "62.1",
        "12346",
    ]


def test_work_is_compared_where_rates_depend_on_who_else_is_there() -> None:
    text = " ".join(lines(FULL))
    assert "COPY takes 0.001 (0.001 to 0.001) of the processor time of all of 10,000,000 stored" in text
    assert "many: 1.00 (1.00 to 1.00) times the recorder's processor time of few" in text


def test_what_was_not_finished_is_said() -> None:
    text = "\n".join(lines(FULL))
    assert "10,000,000 stored: NOT FINISHED in time, 7 events were left" in text
    assert "2 were NOT RECORDED" in text.replace("\n", " ")


def test_lags_and_starts_are_summed_up() -> None:
    text = " ".join(lines(FULL))
    assert "p50 20 ms, p99 500 ms (3 events)" in text
    assert "p50 90 ms, p99 100 ms (2 events)" in text
    assert "2600 ms of the recorder's processor time" in text
    assert "start-up to consuming: 1.00 s of processor time" in text
    assert "peak memory of a recorder, any of these backlogs: 12346 MiB" in text


def test_what_was_not_measured_is_not_shown() -> None:
    report = Report(MACHINE, Sizes())
    assert "lag" not in " ".join(lines(report))
    assert as_json(report)["steady"] is None


def test_the_json_holds_every_round_and_what_follows() -> None:
    said = json.loads(json.dumps(as_json(FULL)))
    mix = said["comparisons"]["mix"]
    assert mix["baseline"] == "COPY"
    assert mix["rounds"][0]["COPY"]["spent"]["postgres"] == 50.0
    assert mix["rows"]["10,000,000 stored"]["rate_ratio"].keys() == {"median", "least", "most"}
    assert said["machine"]["interpreter"]["profile_guided"] is False
    assert said["steady"]["lags"] == {"count": 3, "p50": 0.02, "p99": 0.5, "most": 0.5}
    assert said["peak_mib"] == 12_345.6
