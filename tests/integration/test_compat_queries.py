"""What teams ask of their old tables, unchanged, answered as the events themselves say."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import pytest

from execledger_lifecycle.foreign_ids import foreign_uuid
from factories_recorder import NOON, NOON_MS, Desk, Row, Topic, chance, desk, event

USERS = ("ann", "bob", "eve")
STATUS = {
    "execution.completed": "COMPLETED",
    "execution.failed": "FAILED",
    "execution.timed_out": "FAILED",
    None: "RUNNING",
}


@dataclass
class Task:
    """What the events of an execution say."""

    name: str
    user: str
    mode: str
    complexity: Decimal
    start: datetime
    ending: str | None
    duration_ms: int
    cost: Decimal
    calls: list[tuple[str, str, int]] = field(default_factory=list)  # provider, model, tokens
    tools: list[tuple[str, bool]] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)

    @property
    def status(self) -> str:
        return STATUS[self.ending]


def made(seed: int, tasks: int = 40) -> list[Task]:
    """Tasks of some days, with all that they told."""
    return [_made(chance(seed * 1000 + number), f"task-{number}") for number in range(tasks)]


def _made(random: Any, name: str) -> Task:
    offset = random.randrange(0, 5 * 86_400)
    task = Task(
        name,
        random.choice(USERS),
        random.choice(("SIMPLE", "STANDARD", "COMPLEX")),
        Decimal(random.randrange(0, 101)) / 100,
        NOON + timedelta(seconds=offset),
        random.choice((*STATUS, "execution.completed")),
        random.randrange(1, 100_000),
        Decimal(random.randrange(0, 10_000)) / 1000,
    )
    of: dict[str, Any] = {"subject": name, "tenantid": "acme"}
    begun = {
        "owner": {"id": task.user, "email": f"{task.user}@example.org", "name": task.user},
        "mode": task.mode,
        "complexity_score": float(task.complexity),
    }
    task.events.append(event("execution.started", begun, at=offset, **of))
    for number in range(random.randrange(3)):
        call = (random.choice("xy"), random.choice("mn"), random.randrange(1000))
        task.calls.append(call)
        said = {
            "provider": call[0],
            "model": call[1],
            "prompt_tokens": call[2],
            "completion_tokens": 1,
            "cost_usd": "0",
        }
        task.events.append(event("llm.called", said, at=offset + number + 1, **of))
    for number in range(random.randrange(3)):
        tool = (random.choice(("search", "read")), random.random() < 0.7)
        task.tools.append(tool)
        told = {"tool_name": tool[0], "success": tool[1]}
        task.events.append(event("tool.called", told, at=offset + 10 + number, **of))
    if task.ending is not None:
        usage = {"cost_usd": str(task.cost), "total_tokens": 7}
        ended = {"duration_ms": task.duration_ms, "usage": usage}
        task.events.append(event(task.ending, ended, at=offset + task.duration_ms / 1000, **of))
    else:
        task.cost = Decimal(0)
    return task


def uuid_of(user: str) -> UUID:
    return UUID(foreign_uuid("owner", user))


def rounded(number: Decimal, to: str) -> Decimal:
    """As Postgres rounds."""
    return number.quantize(Decimal(to), ROUND_HALF_UP)


def _grouped(tasks: Sequence[Task], key: Callable[[Task], Any]) -> dict[Any, list[Task]]:
    groups: dict[Any, list[Task]] = defaultdict(list)
    for task in tasks:
        groups[key(task)].append(task)
    return groups


def _recent(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    own = [task for task in tasks if task.user == "ann" and task.start > NOON + timedelta(days=2)]
    return [(task.name, task.status) for task in sorted(own, key=lambda task: task.start, reverse=True)[:5]]


def _failures(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    days = Counter(task.start.date() for task in tasks if task.status == "FAILED")
    return sorted(days.items())


def _cost_by_user(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    return sorted(
        (uuid_of(user), sum(task.cost for task in own)) for user, own in _grouped(tasks, lambda t: t.user).items()
    )


def _event_frequency(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    said = (each for task in tasks for each in task.events)
    counts = Counter(
        (datetime.fromisoformat(each["time"]).replace(minute=0, second=0, microsecond=0),
         each["type"].replace("execution.", "task."))
        for each in said
    )  # fmt: skip
    return sorted((*key, count) for key, count in counts.items())


def _tokens(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    sums = Counter[tuple[str, str]]()
    for provider, model, tokens in (call for task in tasks for call in task.calls):
        sums[provider, model] += tokens + 1
    return sorted((*key, tokens) for key, tokens in sums.items())


def _success_by_mode(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    return sorted(
        (mode, rounded(Decimal(100 * sum(task.status == "COMPLETED" for task in own)) / len(own), "0.01"))
        for mode, own in _grouped(tasks, lambda task: task.mode).items()
    )


def _band(task: Task) -> str:
    return "low" if task.complexity < Decimal("0.3") else "medium" if task.complexity < Decimal("0.7") else "high"


def _time_by_band(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    ended = [task for task in tasks if task.ending]
    return sorted(
        (band, rounded(Decimal(sum(t.duration_ms for t in own)) / len(own), "1"))
        for band, own in _grouped(ended, _band).items()
    )


def _top_users(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    costs = [
        (f"{user}@example.org", sum(t.cost for t in own)) for user, own in _grouped(tasks, lambda t: t.user).items()
    ]
    return sorted(costs, key=lambda cost: -cost[1])[:2]


def _slow(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    slow = [task for task in tasks if task.ending and task.duration_ms > 60_000]
    return sorted((task.name, Decimal(task.duration_ms) / 1000) for task in slow)


def _tools(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for name, success in (tool for task in tasks for tool in task.tools):
        outcomes[name].append(success)
    return sorted((name, len(own), rounded(Decimal(sum(own)) / len(own), "0.001")) for name, own in outcomes.items())


def _daily(tasks: Sequence[Task]) -> list[tuple[Any, ...]]:
    days = _grouped(tasks, lambda task: (task.user, task.start.date()))
    return sorted((uuid_of(user), day, *_day(own)) for (user, day), own in days.items())


def _day(tasks: Sequence[Task]) -> tuple[Any, ...]:
    statuses = Counter(task.status for task in tasks)
    return len(tasks), statuses["COMPLETED"], statuses["FAILED"], sum(task.cost for task in tasks)


QUERIES: dict[str, tuple[str, Callable[[Sequence[Task]], list[tuple[Any, ...]]]]] = {
    "recent tasks of a user": (
        "SELECT workflow_id, status FROM task_executions WHERE user_id = '{ann}'"
        " AND started_at > timestamptz '2026-03-01 12:00:00.123456+00' + interval '2 days'"
        " ORDER BY started_at DESC LIMIT 5",
        _recent,
    ),
    "failures by day": (
        "SELECT (started_at AT TIME ZONE 'UTC')::date, count(*) FROM task_executions WHERE status = 'FAILED'"
        " GROUP BY 1 ORDER BY 1",
        _failures,
    ),
    "cost by user": (
        "SELECT user_id, sum(total_cost_usd) FROM task_executions GROUP BY user_id ORDER BY user_id",
        _cost_by_user,
    ),
    "event frequency by hour": (
        "SELECT date_trunc('hour', \"timestamp\"), type, count(*) FROM event_logs GROUP BY 1, 2 ORDER BY 1, 2",
        _event_frequency,
    ),
    "token use by provider and model": (
        "SELECT provider, model, sum(total_tokens) FROM token_usage GROUP BY provider, model ORDER BY 1, 2",
        _tokens,
    ),
    "success rate by mode": (
        "SELECT mode, round(100.0 * sum(CASE WHEN status = 'COMPLETED' THEN 1 ELSE 0 END) / count(*), 2)"
        " FROM task_executions GROUP BY mode ORDER BY mode",
        _success_by_mode,
    ),
    "mean time by band of complexity": (
        "SELECT CASE WHEN complexity_score < 0.3 THEN 'low' WHEN complexity_score < 0.7 THEN 'medium' ELSE 'high' END,"
        " round(avg(duration_ms)) FROM task_executions WHERE duration_ms IS NOT NULL GROUP BY 1 ORDER BY 1",
        _time_by_band,
    ),
    "top cost users by e-mail": (
        "SELECT u.email, sum(t.total_cost_usd) AS cost FROM task_executions t JOIN users u ON u.id = t.user_id"
        " GROUP BY u.email ORDER BY cost DESC LIMIT 2",
        _top_users,
    ),
    "slow tasks": (
        "SELECT workflow_id, duration_ms / 1000.0 FROM task_executions WHERE duration_ms > 60000 ORDER BY workflow_id",
        _slow,
    ),
    "tool success rates": (
        "SELECT e.tool_name, count(*), round(avg(CASE WHEN e.success THEN 1.0 ELSE 0 END), 3) FROM tool_executions e"
        " JOIN task_executions t ON t.id = e.task_id GROUP BY e.tool_name ORDER BY e.tool_name",
        _tools,
    ),
    "daily aggregates": (
        "SELECT user_id, date, total_tasks, successful_tasks, failed_tasks, total_cost_usd FROM usage_daily_aggregates"
        " ORDER BY user_id, date",
        _daily,
    ),
}


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_teams_ask_is_answered_as_the_events_say(office: Desk, seed: int) -> None:
    tasks = made(seed)
    topic = Topic()
    later = NOON_MS + 6 * 86_400_000
    await office.record(topic.add(*(each for task in tasks for each in task.events), timestamp_ms=later))
    while await office.store.usage.recompute():
        pass
    await office.connection.execute("SET search_path = compat")
    answers = {
        name: [tuple(row) for row in await office.connection.fetch(query.format(ann=uuid_of("ann")))]
        for name, (query, _) in QUERIES.items()
    }
    for name, (_, expected) in QUERIES.items():
        assert answers[name] == expected(tasks), name
