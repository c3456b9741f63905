"""One run: each case in turn, with a word on how it goes."""

import os
import platform
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median

from bench.cases import BESIDE_COPY, Publication, Sizes, agents, usual
from bench.crowding import crowded
from bench.events import Sent
from bench.figures import Comparison, Measured
from bench.growth import growth
from bench.interpreter import running
from bench.lags import lone, steady
from bench.lateness import late
from bench.meters import Cores
from bench.rates import LogRows, copy, log_rows, record
from bench.recorders import recording, startup_seconds
from bench.report import Machine, Report
from bench.site import Servers, connected, site

Say = Callable[[str], None]

_COPY, _ONE, _TWO = "COPY", "one recorder", "two recorders"
_RECORDERS = {_ONE: 1, _TWO: 2}


async def measure(servers: Servers, sizes: Sizes, cases: Collection[str], *, grown: bool, say: Say) -> Report:
    """Everything that was asked for."""
    run = _Run(servers, sizes, Cores(), say)
    report = Report(await _machine(servers), sizes, servers.settings)
    await run.warm_up()
    if "mix" in cases:
        report = await run.mix(report)
    for name, publication in BESIDE_COPY.items():
        if name in cases and name != "mix":
            report = _with(report, await run.beside_copy(name, publication))
    if "agents" in cases:
        report = _with(report, await run.agents())
    if "late" in cases:
        say("late: events that come late to a long execution ...")
        report = replace(report, late=await late(servers, sizes))
    if "crowd" in cases:
        say("crowd: others beside a long execution that two workers tell ...")
        report = replace(report, crowded=await crowded(servers, sizes, run.cores))
    if grown:
        report = _with(report, await growth(servers, sizes, run.cores, say))
    return report


def _with(report: Report, comparison: Comparison) -> Report:
    return replace(report, comparisons=(*report.comparisons, comparison))


async def _machine(servers: Servers) -> Machine:
    async with connected(servers.postgres_dsn) as connection:
        postgres = str(await connection.fetchval("SELECT current_setting('server_version')"))
    return Machine(
        began_at=datetime.now(UTC).isoformat(timespec="seconds"),
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)),
        load_average=os.getloadavg()[0],
        postgres=postgres,
        interpreter=running(),
    )


@dataclass(slots=True)
class _Run:
    servers: Servers
    sizes: Sizes
    cores: Cores
    say: Say

    async def warm_up(self) -> None:
        """Servers that have just started are slower than they will be."""
        if self.sizes.warm_up:
            self.say("warming up ...")
            sizes = replace(self.sizes, events=self.sizes.warm_up)
            async with site(self.servers) as here:
                await record(here, list(usual(sizes, datetime.now(UTC))), self.cores)

    async def mix(self, report: Report) -> Report:
        """COPY, one recorder and two, in pairs; then what follows from the rate of one."""
        comparison = await self._mix()
        rate = median(turn[_ONE].rate for turn in comparison.rounds) / 2
        self.say(f"lag at {rate:,.0f} events/s ...")
        async with site(self.servers) as here, recording(here) as (recorder,):
            lagging = await steady(here, recorder, rate, self.sizes.lag_seconds, self.cores)
            self.say(f"{self.sizes.lone_events} lone events ...")
            alone = await lone(here, recorder, self.sizes.lone_events, self.cores)
        self.say("starting ...")
        starts = tuple([await self._start() for _ in range(self.sizes.starts)])
        return _with(replace(report, steady=lagging, lone=alone, startup_seconds=starts), comparison)

    async def _start(self) -> float:
        async with site(self.servers) as here:
            return await startup_seconds(here)

    async def _mix(self) -> Comparison:
        records = list(usual(self.sizes, datetime.now(UTC)))
        rounds = []
        log: LogRows | None = None
        for number in range(1, self.sizes.rounds + 1):
            title = f"mix, round {number} of {self.sizes.rounds}"
            first, last = (_ONE, _TWO) if number % 2 else (_TWO, _ONE)
            turn: dict[str, Measured] = {}
            turn[first], log = await self._record(title, first, records, log)
            turn[_COPY] = await self._copy(title, log)
            turn[last], log = await self._record(title, last, records, log)
            rounds.append(turn)
        return Comparison("mix", _about(usual), (_COPY, _ONE, _TWO), tuple(rounds))

    async def beside_copy(self, name: str, publication: Publication) -> Comparison:
        """One recorder, and COPY of the rows that it wrote."""
        records = list(publication(self.sizes, datetime.now(UTC)))
        rounds = []
        for number in range(1, self.sizes.case_rounds + 1):
            title = f"{name}, round {number} of {self.sizes.case_rounds}"
            recorded, log = await self._record(title, _ONE, records, None)
            rounds.append({_COPY: await self._copy(title, log), _ONE: recorded})
        return Comparison(name, _about(publication), (_COPY, _ONE), tuple(rounds))

    async def agents(self) -> Comparison:
        """Few agents and many in one execution, in pairs."""
        labels = [f"{distinct:,} agents" for distinct in self.sizes.agents]
        rounds = []
        for number in range(1, self.sizes.case_rounds + 1):
            title = f"agents, round {number} of {self.sizes.case_rounds}"
            turn: dict[str, Measured] = {}
            for label, distinct in zip(labels, self.sizes.agents, strict=True):
                async with site(self.servers) as here:
                    records = list(agents(distinct)(self.sizes, datetime.now(UTC)))
                    turn[label] = await self._said(title, label, record(here, records, self.cores))
            rounds.append(turn)
        return Comparison("agents", _about(agents), tuple(labels), tuple(rounds))

    async def _record(
        self, title: str, label: str, records: Sequence[Sent], log: LogRows | None
    ) -> tuple[Measured, LogRows]:
        async with site(self.servers) as here:
            work = record(here, records, self.cores, _RECORDERS[label])
            measured = await self._said(title, label, work)
            return measured, log or await log_rows(here)

    async def _copy(self, title: str, log: LogRows) -> Measured:
        return await self._said(title, _COPY, copy(self.servers, log, self.cores))

    async def _said(self, title: str, label: str, measuring: Awaitable[Measured]) -> Measured:
        self.say(f"{title}: {label} ...")
        measured = await measuring
        self.say(f"{title}: {label}, {measured.rate:,.0f} events/s")
        return measured


def _about(documented: Callable[..., object]) -> str:
    """The first line of its docstring, as the middle of a sentence."""
    first = (documented.__doc__ or "").strip().rstrip(".")
    return first[:1].lower() + first[1:]
