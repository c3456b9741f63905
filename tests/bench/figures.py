"""Figures from what was measured. Pure."""

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time, user and system; Postgres with all its backends, the client is who measures."""

    recorder: float
    postgres: float
    kafka: float
    client: float

    def since(self, before: "Spent") -> "Spent":
        """What came to an earlier reading."""
        return Spent(
            self.recorder - before.recorder,
            self.postgres - before.postgres,
            self.kafka - before.kafka,
            self.client - before.client,
        )

    @property
    def together(self) -> float:
        """Of all that belongs to the measurement."""
        return self.recorder + self.postgres + self.kafka + self.client


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of events, copied or recorded."""

    events: int
    seconds: float
    spent: Spent
    cores_obtained: float
    cores_free: float
    unfinished: int = 0
    peak_mib: float | None = None
    startup_seconds: float | None = None

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    def microseconds(self, seconds: float) -> float:
        """Seconds of them all as microseconds of one, which are milliseconds of 1,000."""
        return seconds / self.events * 1e6


Round = Mapping[str, Measured]
"""By label. What was measured in one round is compared with each other, and with nothing else."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rounds of the same measurements; the first label is what the others are held against."""

    name: str
    about: str
    labels: tuple[str, ...]
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some figures, and their ends."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))


@dataclass(frozen=True, slots=True)
class Steady:
    """Events published at a steady rate, and seconds from sending each until it was seen to be recorded."""

    asked_rate: float
    rate: float
    seconds: float
    lags: tuple[float, ...]
    unseen: int
    spent: Spent
    cores_obtained: float
    cores_free: float


@dataclass(frozen=True, slots=True)
class Lone:
    """Seconds from sending each of some lone events until it was read over HTTP."""

    seconds: tuple[float, ...]
    cores_obtained: float
    cores_free: float


@dataclass(frozen=True, slots=True)
class Late:
    """What each event cost that came late to an execution of so many."""

    stored: int
    spent: tuple[Spent, ...]
    seconds: tuple[float, ...]
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from sending each of some events until it was seen to be recorded, and what all that were sent took."""

    lags: tuple[float, ...]
    seconds: float
    spent: Spent
    cores_obtained: float
    cores_free: float


@dataclass(frozen=True, slots=True)
class Crowded:
    """The lag of others beside a long execution, told in order, and by two workers that are 50 ms apart."""

    stored: int
    in_order: Lag
    apart: Lag


@dataclass(frozen=True, slots=True)
class Row:
    """What the rounds say of one label: medians, and ratios to the baseline, pair by pair.

    Processor time is in microseconds an event. `work_ratio` is that of the baseline, of all processes together, as a
    share of this: where others take the cores it says more than rates do.
    """

    events: int
    unfinished: int
    rate: float
    rate_ratio: Spread
    work_ratio: Spread
    recorder: float
    recorder_ratio: Spread | None
    postgres: float
    kafka: float
    client: float
    cores_obtained: float
    cores_free: float
    peak_mib: float | None
    startup_seconds: float | None


def rows(comparison: Comparison) -> dict[str, Row]:
    """A row for each label."""
    return {label: _row(comparison, label) for label in comparison.labels}


def _row(comparison: Comparison, label: str) -> Row:
    measured = [each[label] for each in comparison.rounds]
    baseline = [each[comparison.labels[0]] for each in comparison.rounds]
    together = [each.microseconds(each.spent.together) for each in measured]
    together_before = [each.microseconds(each.spent.together) for each in baseline]
    recorder = [each.microseconds(each.spent.recorder) for each in measured]
    recorder_before = [each.microseconds(each.spent.recorder) for each in baseline]
    return Row(
        events=round(_median(each.events for each in measured)),
        unfinished=max(each.unfinished for each in measured),
        rate=_median(each.rate for each in measured),
        rate_ratio=Spread.of(ratios([each.rate for each in measured], [each.rate for each in baseline])),
        work_ratio=Spread.of(ratios(together_before, together)),
        recorder=_median(recorder),
        recorder_ratio=Spread.of(ratios(recorder, recorder_before)) if all(recorder_before) else None,
        postgres=_median(each.microseconds(each.spent.postgres) for each in measured),
        kafka=_median(each.microseconds(each.spent.kafka) for each in measured),
        client=_median(each.microseconds(each.spent.client) for each in measured),
        cores_obtained=_median(map(attrgetter("cores_obtained"), measured)),
        cores_free=_median(map(attrgetter("cores_free"), measured)),
        peak_mib=max((each.peak_mib for each in measured if each.peak_mib is not None), default=None),
        startup_seconds=_median_or_none(map(attrgetter("startup_seconds"), measured)),
    )


def ratios(parts: Sequence[float], wholes: Sequence[float]) -> list[float]:
    """Pair by pair."""
    return [part / whole for part, whole in zip(parts, wholes, strict=True)]


def percentile(figures: Sequence[float], share: float) -> float:
    """The least figure that so large a share of them does not pass: one that was measured, none between two."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


Sending = tuple[int, int, float]
"""Partition, offset, and the moment when it was sent."""
Sight = tuple[float, Mapping[int, int]]
"""A moment, and up to which offset each partition was recorded then."""


def lags(sendings: Iterable[Sending], sights: Sequence[Sight]) -> tuple[float, ...]:
    """Seconds from sending each record until it was first seen to be recorded; sights in order of time.

    A record that was never seen is not in it.
    """
    moments = [moment for moment, _ in sights]
    reached: dict[int, list[int]] = {}
    seen: list[float] = []
    for partition, offset, sent_at in sendings:
        if partition not in reached:
            reached[partition] = [ends.get(partition, 0) for _, ends in sights]
        index = bisect_right(reached[partition], offset)
        if index < len(moments):
            seen.append(moments[index] - sent_at)
    return tuple(seen)


def cores_obtained(pieces: int, piece_seconds: float, seconds: float) -> float:
    """How many cores' worth of work was done, when nobody in the way takes so long for a piece."""
    return pieces * piece_seconds / seconds


def cores_free(cores: int, seconds: float, *, busy: float, stolen: float, ours: float) -> float:
    """How many cores others left us: all of them, without what others used and what the machine's host withheld."""
    others = max(0.0, busy - ours)
    return max(0.0, cores - (others + stolen) / seconds)


def _median(figures: Iterable[float]) -> float:
    return statistics.median(list(figures))


def _median_or_none(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return statistics.median(known) if known else None
