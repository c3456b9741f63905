"""What is published in each case, and how much of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, islice
from random import Random

from bench.events import EVENTS_AN_EXECUTION, Said, Sent, Story, beginning, chance, ending, mix, model_call, tool_call


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    warm_up: int = 10_000
    events: int = 130_000
    rounds: int = 3
    case_rounds: int = 1
    lag_seconds: float = 15.0
    lone_events: int = 120
    starts: int = 3
    steps: int = 100_000
    tenants: int = 1_000
    long: int = 40_000
    late: int = 10
    crowd: int = 50_000
    crowd_seconds: float = 15.0
    facts: int = 24_000
    agents: tuple[int, int] = (12, 12_000)
    payloads: int = 600
    payload_bytes: int = 250_000
    grown: tuple[int, ...] = (2_000_000, 10_000_000)

    def scaled(self, share: float) -> "Sizes":
        """The same with that share of the events."""
        few, many = self.agents
        return replace(
            self,
            events=_share(self.events, share),
            steps=_share(self.steps, share),
            long=_share(self.long, share),
            crowd=_share(self.crowd, share),
            facts=_share(self.facts, share),
            agents=(few, max(few, _share(many, share))),
            payloads=_share(self.payloads, share),
            grown=tuple(_share(stored, share) for stored in self.grown),
        )


def _share(count: int, share: float) -> int:
    return max(1, round(count * share))


QUICK = replace(Sizes().scaled(0.1), rounds=1, lag_seconds=5.0, crowd_seconds=5.0, lone_events=20, starts=1, late=3)
"""For a look that takes a minute: too little for figures that are quoted."""

Publication = Callable[[Sizes, datetime], Iterator[Sent]]


def usual(sizes: Sizes, until: datetime, seed: int = 1) -> Iterator[Sent]:
    """Executions of 13 events, 200 at once."""
    return mix(_executions(sizes), until, seed=seed)


def newest_first(sizes: Sizes, until: datetime) -> Iterator[Sent]:
    """Executions of 13 events, those of each in reverse order."""
    return mix(_executions(sizes), until, newest_first=True)


def many_tenants(sizes: Sizes, until: datetime) -> Iterator[Sent]:
    """Executions of 13 events, of 1,000 tenants."""
    return mix(_executions(sizes), until, tenants=sizes.tenants)


def many_steps(sizes: Sizes, until: datetime) -> Iterator[Sent]:
    """One execution whose steps each start and complete."""
    random = chance(2)
    story = Story(random, "tenant-0", until - timedelta(days=2))
    yield story.tell(beginning(random, 0))
    for number in range(sizes.steps):
        step = {"id": f"step-{number}", "name": "Step", "operation": "llm", "agent_id": f"agent-{number % 7}"}
        yield story.tell(("step.started", {"step": step}))
        yield story.tell(("step.completed", {"step": step, "duration_ms": 900}))
    yield story.tell(ending(random))


def agents(distinct: int) -> Publication:
    """One execution whose calls come from so many agents in turn."""

    def publication(sizes: Sizes, until: datetime) -> Iterator[Sent]:
        random = chance(3)
        story = Story(random, "tenant-0", until - timedelta(days=1))
        yield story.tell(beginning(random, 0))
        for number in range(sizes.facts):
            yield story.tell(model_call(random, f"agent-{number % distinct}", "step-0"))

    return publication


def large_payloads(sizes: Sizes, until: datetime) -> Iterator[Sent]:
    """Executions whose tools answer with 250 KB."""
    random = chance(4)
    output_words = sizes.payload_bytes // 9
    for first in range(0, sizes.payloads, EVENTS_AN_EXECUTION):
        story = Story(random, f"tenant-{first % 5}", until - timedelta(hours=1))
        for number in range(first, min(first + EVENTS_AN_EXECUTION, sizes.payloads)):
            yield story.tell(tool_call(random, f"agent-{number % 7}", "step-0", output_words))


def long_execution(sizes: Sizes, until: datetime) -> tuple[list[Sent], list[Sent]]:
    """One execution that has not ended, of many steps with two calls each; and events of its middle, that come late."""
    random = chance(5)
    story = Story(random, "tenant-0", until - timedelta(days=1))
    began = story.at
    events = [story.tell(said) for said in islice(_long(random), sizes.long)]
    middle = began + (story.at - began) / 2
    late = [
        story.tell_at(middle + timedelta(microseconds=number), model_call(random, "agent-0", "step-0"))
        for number in range(sizes.late)
    ]
    return events, late


def crowd(sizes: Sizes, until: datetime, coming: int, apart_ms: int) -> tuple[list[Sent], list[Sent]]:
    """One long execution; and more of its events, 10 ms apart, in turn with beginnings of others.

    Every other one comes from a second worker, whose clock is so many milliseconds behind.
    """
    random = chance(6)
    story = Story(random, "tenant-0", until - timedelta(days=1))
    stored = [story.tell(said) for said in islice(_long(random), sizes.crowd)]
    events: list[Sent] = []
    for number in range(coming // 2):
        at = story.at + timedelta(milliseconds=10 * (number + 1) - (apart_ms if number % 2 else 0))
        events.append(story.tell_at(at, model_call(random, "agent-0", "step-0")))
        events.append(Story(random, "tenant-1", until - timedelta(minutes=1)).tell(beginning(random, number)))
    return stored, events


def _long(random: Random) -> Iterator[Said]:
    yield beginning(random, 0)
    for turn in count():
        step = {"id": f"step-{turn}", "name": "Step", "operation": "llm", "agent_id": f"agent-{turn % 7}"}
        yield "step.started", {"step": step}
        yield model_call(random, f"agent-{turn % 7}", f"step-{turn}")
        yield tool_call(random, f"agent-{turn % 7}", f"step-{turn}")
        yield "step.completed", {"step": step, "duration_ms": 900}


def _executions(sizes: Sizes) -> int:
    return max(1, sizes.events // EVENTS_AN_EXECUTION)


BESIDE_COPY: dict[str, Publication] = {
    "mix": usual,
    "steps": many_steps,
    "newest-first": newest_first,
    "tenants": many_tenants,
    "payloads": large_payloads,
}
"""Cases that are one stream of events, and are measured beside a COPY of their rows."""

NAMES = (*BESIDE_COPY, "agents", "late", "crowd")
