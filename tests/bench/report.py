"""What is shown of the figures: a table of 80 columns, and everything as JSON. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from textwrap import wrap
from typing import Any

from bench.cases import Sizes
from bench.figures import Comparison, Crowded, Late, Lone, Measured, Row, Spread, Steady, percentile, rows
from bench.interpreter import Interpreter

WIDTH = 80
_HEAD = ("", "events/s", "ratio", "range", "recorder", "Postgres", "Kafka", "cores", "MiB")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where figures were made, and when."""

    began_at: str
    system: str
    cores: int
    load_average: float
    postgres: str
    interpreter: Interpreter


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run measured."""

    machine: Machine
    sizes: Sizes
    settings: Mapping[str, object] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    startup_seconds: tuple[float, ...] = ()
    steady: Steady | None = None
    lone: Lone | None = None
    late: Late | None = None
    crowded: Crowded | None = None

    @property
    def peak_mib(self) -> float | None:
        """The most memory that any recorder took, whatever it recorded."""
        peaks = [each.peak_mib for each in (*self.measured, self.late) if each is not None]
        return max((peak for peak in peaks if peak is not None), default=None)

    @property
    def measured(self) -> list[Measured]:
        """Of all comparisons."""
        return [each for comparison in self.comparisons for turn in comparison.rounds for each in turn.values()]


def lines(report: Report) -> list[str]:
    """The report, for a terminal."""
    return [
        *_machine(report.machine),
        *_told(report.settings),
        *_explained(),
        *_comparisons(report.comparisons),
        "",
        *_others(report),
    ]


def as_json(report: Report) -> dict[str, Any]:
    """Everything: what was measured, round by round, and what follows from it."""
    return {
        "machine": {**asdict(report.machine), "interpreter": _interpreter(report.machine.interpreter)},
        "sizes": asdict(report.sizes),
        "settings": dict(report.settings),
        "comparisons": {each.name: _comparison(each) for each in report.comparisons},
        "startup_processor_seconds": list(report.startup_seconds),
        "peak_mib": report.peak_mib,
        "steady": None if report.steady is None else {**asdict(report.steady), "lags": _tail(report.steady.lags)},
        "lone": None if report.lone is None else {**asdict(report.lone), "seconds": _tail(report.lone.seconds)},
        "late": None if report.late is None else asdict(report.late),
        "crowd": None if report.crowded is None else _crowd_json(report.crowded),
    }


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return [
        " ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *body)
    ]


def _machine(machine: Machine) -> Iterator[str]:
    yield from wrap(
        f"{machine.began_at}, {machine.system}, {machine.cores} cores, load average {machine.load_average:.1f} "
        f"at the start, PostgreSQL {machine.postgres}",
        WIDTH,
    )
    yield from wrap(str(machine.interpreter), WIDTH)
    if machine.interpreter.warning:
        yield from wrap(machine.interpreter.warning, WIDTH)


def _told(settings: Mapping[str, object]) -> Iterator[str]:
    if settings:
        yield from wrap(f"with {', '.join(f'{name}={value}' for name, value in settings.items())}", WIDTH)


def _explained() -> Iterator[str]:
    yield ""
    yield from wrap(
        "Medians. ratio: events/s as a share of the first line's, pair by pair within a round, with its range. "
        "recorder, Postgres, Kafka: processor time, microseconds an event (milliseconds for 1,000). cores: free for "
        "us while it was measured. MiB: most memory of a recorder.",
        WIDTH,
    )


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for comparison in comparisons:
        measured = rows(comparison)
        first = next(iter(measured.values()))
        turns = len(comparison.rounds)
        yield ""
        yield from wrap(
            f"{comparison.name}: {comparison.about}; {first.events:,} events, {turns} round{'s' if turns > 1 else ''}",
            WIDTH,
        )
        yield from table(_HEAD, [_cells(label, row) for label, row in measured.items()])
        yield from _remarks(measured)


def _cells(label: str, row: Row) -> tuple[str, ...]:
    return (
        label,
        f"{row.rate:,.0f}",
        f"{row.rate_ratio.median:.3f}",
        f"{row.rate_ratio.least:.2f}-{row.rate_ratio.most:.2f}",
        _microseconds(row.recorder) if row.recorder else "-",
        _microseconds(row.postgres),
        _microseconds(row.kafka),
        f"{row.cores_free:.1f}",
        "-" if row.peak_mib is None else f"{row.peak_mib:.0f}",
    )


def _microseconds(figure: float) -> str:
    return f"{figure:.1f}" if figure < 100 else f"{figure:,.0f}"


def _remarks(measured: dict[str, Row]) -> Iterator[str]:
    baseline, *others = measured
    for label in others:
        row = measured[label]
        if row.recorder_ratio is None:
            share = f"{baseline} takes {_spread(row.work_ratio, 3)} of the processor time of all of {label}"
            yield from wrap(share, WIDTH)
        else:
            times = f"{label}: {_spread(row.recorder_ratio, 2)} times the recorder's processor time of {baseline}"
            yield from wrap(times, WIDTH)
    for label, row in measured.items():
        if row.unfinished:
            yield f"{label}: NOT FINISHED in time, {row.unfinished:,} events were left"


def _others(report: Report) -> Iterator[str]:
    if (steady := report.steady) is not None:
        yield from wrap(
            f"lag at {steady.rate:,.0f} events/s (half of one recorder's rate is {steady.asked_rate:,.0f}) for "
            f"{steady.seconds:.0f} s, publish to recorded: {_shown(steady.lags)}; {steady.cores_free:.1f} cores free"
            + (f"; {steady.unseen:,} were NOT RECORDED in time" if steady.unseen else ""),
            WIDTH,
        )
    if (lone := report.lone) is not None:
        yield from wrap(
            f"lone event, publish to readable over HTTP: {_shown(lone.seconds)}; {lone.cores_free:.1f} cores free",
            WIDTH,
        )
    if (late := report.late) is not None:
        yield from _late(late)
    if (crowded := report.crowded) is not None:
        yield from _crowded(crowded)
    if obtained := [each.cores_obtained for each in report.measured]:
        yield from wrap(
            "before each measurement, as many busy loops as there are cores got the work of "
            f"{_spread(Spread.of(obtained), 1)} cores done",
            WIDTH,
        )
    if report.startup_seconds:
        yield f"start-up to consuming: {median(report.startup_seconds):.2f} s of processor time"
    if report.peak_mib is not None:
        yield f"peak memory of a recorder, any of these backlogs: {report.peak_mib:.0f} MiB"


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} ({spread.least:.{digits}f} to {spread.most:.{digits}f})"


def _late(late: Late) -> Iterator[str]:
    if not late.spent:
        yield f"late events: the execution of {late.stored:,} events was NOT RECORDED in time"
        return
    recorder = median(spent.recorder for spent in late.spent)
    postgres = median(spent.postgres for spent in late.spent)
    yield from wrap(
        f"an event that comes late to an execution of {late.stored:,}: {recorder * 1e3:.0f} ms of the recorder's "
        f"processor time, {postgres * 1e3:.0f} ms of Postgres's, recorded after {median(late.seconds) * 1e3:.0f} ms "
        f"(medians of {len(late.spent)})",
        WIDTH,
    )


def _crowded(crowded: Crowded) -> Iterator[str]:
    for title, lag in (("in order", crowded.in_order), ("by two workers 50 ms apart", crowded.apart)):
        yield from wrap(
            f"others beside an execution of {crowded.stored:,} that goes on {title}, publish to recorded: "
            f"{_shown(lag.lags)}; {lag.spent.recorder / lag.seconds:.2f} of a core for the recorder",
            WIDTH,
        )


def _crowd_json(crowded: Crowded) -> dict[str, Any]:
    both = {"in_order": crowded.in_order, "apart": crowded.apart}
    return {"stored": crowded.stored} | {n: {**asdict(lag), "lags": _tail(lag.lags)} for n, lag in both.items()}


def _shown(seconds: Sequence[float]) -> str:
    tail = _tail(seconds)
    if tail is None:
        return "none was seen"
    return f"p50 {tail['p50'] * 1e3:.0f} ms, p99 {tail['p99'] * 1e3:.0f} ms ({tail['count']:,} events)"


def _tail(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {
        "count": len(seconds),
        "p50": percentile(seconds, 0.5),
        "p99": percentile(seconds, 0.99),
        "most": max(seconds),
    }


def _interpreter(interpreter: Interpreter) -> dict[str, Any]:
    return {**asdict(interpreter), "warning": interpreter.warning}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "about": comparison.about,
        "baseline": comparison.labels[0],
        "rows": {label: asdict(row) for label, row in rows(comparison).items()},
        "rounds": [{label: asdict(measured) for label, measured in turn.items()} for turn in comparison.rounds],
    }
