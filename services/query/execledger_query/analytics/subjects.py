"""What each of the analytics sums, and how a row of sums is shown. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from execledger_contracts.status import EXECUTION_STATUSES, STEP_STATUSES, TERMINAL
from execledger_lifecycle.rollups import EVENTS, EXECUTIONS, LLM_CALLS, STEPS, TOOL_CALLS, USAGE, Rollup
from execledger_query.analytics.parameters import GROUPS, Bucketed
from execledger_query.analytics.shapes import (
    AgentsItem,
    CostItem,
    DurationsItem,
    EventsItem,
    ExecutionsItem,
    StepsItem,
    ToolsItem,
    UsageItem,
    VersionChange,
    VersionsItem,
    durations,
    rate,
)
from execledger_query.ranges import bucket_start
from execledger_query.store import Row, Sums

Heads = Callable[[Row], dict[str, Any]]
"""What an item says of itself: where its bucket begins, and its keys."""

_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd")
_OF_CALLS: Final = {
    "calls": "calls",
    "cache_hits": "hits",
    "prompt_tokens": "call_prompt_tokens",
    "completion_tokens": "call_completion_tokens",
    # Each may be as large as a bigint is.
    "total_tokens": "coalesce(call_prompt_tokens, 0)::numeric + coalesce(call_completion_tokens, 0)",
    "cost_usd": "call_cost_usd",
}
_KEYS_OF_CALLS: Final = ("provider", "model", "agent_id")
_ENDS: Final = [str(status) for status in EXECUTION_STATUSES if status in TERMINAL]
_HAS_ENDED: Final = "status IN ({})".format(", ".join(f"'{status}'" for status in _ENDS))


def _by_status(column: str, counted: str, statuses: Iterable[str]) -> dict[str, str]:
    return {str(status): f"CASE WHEN {column} = '{status}' THEN {counted} ELSE 0 END" for status in statuses}


_ENDINGS: Final = {
    "executions": f"CASE WHEN {_HAS_ENDED} THEN executions ELSE 0 END",
    "completed": "CASE WHEN status = 'completed' THEN executions ELSE 0 END",
    "lasted_ms": "lasted_ms",
}
_EXECUTIONS: Final = {
    "executions": "executions",
    "killed_by_budget": "killed",
    **_by_status("status", "executions", EXECUTION_STATUSES),
}
_STEPS: Final = {"steps": "steps", "lasted_ms": "lasted_ms", **_by_status("step_status", "steps", STEP_STATUSES)}


def heads(asked: Bucketed, bounds: Sequence[Any]) -> Heads:
    """How items of a request are headed."""
    first = bucket_start(bounds[0], asked.shown_bucket, asked.zone)

    def head(row: Row) -> dict[str, Any]:
        keys = {name: row[GROUPS[name]] for name in asked.groups}
        return {"bucket_start": bounds[row["place"]] if row["place"] else first, **keys}

    return head


def sums(asked: Bucketed, rollup: Rollup, measures: Mapping[str, str], *, with_durations: bool = False) -> Sums:
    """What a request sums of a roll-up."""
    keys = [GROUPS[name] for name in asked.groups]
    return Sums(rollup, measures, keys, asked.filters, asked.narrowing, with_durations=with_durations)


def executions(asked: Bucketed) -> Sums:
    return sums(asked, EXECUTIONS, _EXECUTIONS)


def executions_item(row: Row, head: Heads) -> ExecutionsItem:
    ended = sum(row[status] for status in _ENDS)
    return ExecutionsItem(
        **head(row),
        **{name: int(row[name]) for name in _EXECUTIONS},
        success_rate=rate(row["completed"], ended),
    )


def durations_of(asked: Bucketed) -> Sums:
    return sums(asked, EXECUTIONS, _ENDINGS, with_durations=True)


def durations_item(row: Row, head: Heads) -> DurationsItem:
    return DurationsItem(**head(row), **_ended(row))


def _ended(row: Row) -> dict[str, Any]:
    return {
        "executions": int(row["executions"]),
        "success_rate": rate(row["completed"], row["executions"]),
        "duration_ms": durations(row["buckets"], row["counts"], row["lasted_ms"]),
    }


def steps(asked: Bucketed) -> Sums:
    return sums(asked, STEPS, _STEPS, with_durations=True)


def steps_item(row: Row, head: Heads) -> StepsItem:
    counts = {str(status): int(row[status]) for status in STEP_STATUSES}
    return StepsItem(
        **head(row),
        steps=int(row["steps"]),
        **counts,
        success_rate=_step_rate(row),
        duration_ms=durations(row["buckets"], row["counts"], row["lasted_ms"]),
    )


def _step_rate(row: Row) -> float | None:
    return rate(row["completed"], sum(row[status] for status in _ENDS))


def tools(asked: Bucketed) -> Sums:
    measures = {"calls": "calls", "succeeded": "successes", "failed": "failures", "cache_hits": "hits"}
    return sums(asked, TOOL_CALLS, {**measures, "lasted_ms": "lasted_ms"}, with_durations=True)


def tools_item(row: Row, head: Heads) -> ToolsItem:
    return ToolsItem(
        **head(row),
        **{name: int(row[name]) for name in ("calls", "succeeded", "failed", "cache_hits")},
        success_rate=rate(row["succeeded"], row["succeeded"] + row["failed"]),
        cache_hit_rate=rate(row["cache_hits"], row["calls"]),
        duration_ms=durations(row["buckets"], row["counts"], row["lasted_ms"]),
    )


def agents(asked: Bucketed) -> tuple[Sums, Sums, Sums]:
    """Of steps, calls of models, calls of tools."""
    calls = {**_OF_CALLS, "failures": "failures"}
    return (
        sums(asked, STEPS, _STEPS, with_durations=True),
        sums(asked, LLM_CALLS, calls),
        sums(asked, TOOL_CALLS, {"calls": "calls", "failures": "failures"}),
    )


def agents_items(rows: Sequence[Sequence[Row]], keys: Sequence[str], head: Heads) -> Iterator[AgentsItem]:
    steps_rows, calls_rows, tools_rows = ({_key(row, keys): row for row in of} for of in rows)
    found = sorted({*steps_rows, *calls_rows, *tools_rows}, key=_order)
    for key in found:
        done, called, used = steps_rows.get(key, {}), calls_rows.get(key, {}), tools_rows.get(key, {})
        yield AgentsItem(
            **head(done or called or used),
            steps=int(done.get("steps", 0)),
            completed=int(done.get("completed", 0)),
            failed=int(done.get("failed", 0) + done.get("timed_out", 0)),
            success_rate=_step_rate(done) if done else None,
            duration_ms=durations(done.get("buckets", ()), done.get("counts", ()), done.get("lasted_ms", 0)),
            llm_calls=int(called.get("calls", 0)),
            calls_of_tools=int(used.get("calls", 0)),
            failed_calls=int(called.get("failures", 0) + used.get("failures", 0)),
            total_tokens=int(called.get("total_tokens", 0)),
            cost_usd=called.get("cost_usd", 0),
        )


def cost(asked: Bucketed) -> tuple[Sums, Sums | None]:
    """Of executions; and of calls, where they are told apart, in which case the first has what all groups share."""
    measures = {name: name for name in ("executions", *_TOKENS, "cache_hits")}
    of_calls = [name for name in asked.groups if name in _KEYS_OF_CALLS]
    whole = [GROUPS[name] for name in asked.groups if name not in _KEYS_OF_CALLS]
    executions_sums = Sums(EXECUTIONS, measures, whole, asked.filters, asked.narrowing)
    return executions_sums, sums(asked, LLM_CALLS, _OF_CALLS) if of_calls else None


def cost_items(whole: Sequence[Row], calls: Sequence[Row] | None, asked: Bucketed, head: Heads) -> Iterator[CostItem]:
    """Where calls are told apart, what executions come to beyond their calls is an item without keys of calls."""
    if calls is None:
        for row in whole:
            shown = {name: int(row[name]) for name in ("executions", "cache_hits", *_TOKENS[:3])}
            yield CostItem(**head(row), calls=None, cost_usd=row["cost_usd"], **shown)
        return
    found = {_key(row, [GROUPS[name] for name in asked.groups]): {**row} for row in calls}
    shared = [GROUPS[name] for name in asked.groups if name not in _KEYS_OF_CALLS]
    told: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in calls:
        so_far = told.setdefault(_key(row, shared), dict.fromkeys(_TOKENS, 0))
        for name in _TOKENS:
            so_far[name] += row[name]
    for row in whole:
        rest = {name: row[name] - told.get(_key(row, shared), {}).get(name, 0) for name in _TOKENS}
        if any(rest.values()):
            nobody = {GROUPS[name]: None for name in asked.groups if name in _KEYS_OF_CALLS}
            own = {**{key: row[key] for key in ("place", *shared)}, **nobody, "calls": None, "cache_hits": None}
            key = _key(own, [GROUPS[name] for name in asked.groups])
            known = found.setdefault(key, {**own, **dict.fromkeys(_TOKENS, 0)})
            for name in _TOKENS:
                known[name] += rest[name]
    for key in sorted(found, key=_order):
        row = found[key]
        counts: dict[str, Any] = {name: row[name] and int(row[name]) for name in ("calls", "cache_hits", *_TOKENS[:3])}
        yield CostItem(**head(row), executions=None, cost_usd=row["cost_usd"], **counts)


def usage(asked: Bucketed) -> Sums:
    return sums(asked, USAGE, {name: name for name in USAGE.measures})


def usage_item(row: Row, head: Heads) -> UsageItem:
    counts = {name: int(row[name]) for name in USAGE.measures if name != "cost_usd"}
    return UsageItem(**head(row), **counts, cost_usd=row["cost_usd"])


def events(asked: Bucketed) -> Sums:
    return sums(asked, EVENTS, {"events": "events"})


def events_item(row: Row, head: Heads) -> EventsItem:
    return EventsItem(**head(row), events=int(row["events"]))


def versions(asked: Bucketed) -> Sums:
    measures = {**_ENDINGS, "total_tokens": "total_tokens", "cost_usd": "cost_usd", "recorded": "executions"}
    return sums(asked, EXECUTIONS, measures, with_durations=True)


def versions_items(rows: Sequence[Row], head: Heads) -> Iterator[VersionsItem]:
    """Of a workflow in the order in which its versions were first used."""

    def workflow(row: Row) -> tuple[Any, ...]:
        return _order((row["place"], row.get("workflow_id")))

    for _, group in groupby(sorted(rows, key=lambda row: (workflow(row), row["first_at"])), key=workflow):
        before: VersionsItem | None = None
        for row in group:
            item = VersionsItem(
                **head(row),
                **{**_ended(row), "executions": int(row["recorded"])},
                total_tokens=int(row["total_tokens"]),
                cost_usd=row["cost_usd"],
                first_started_at=row["first_at"],
                version_before=None if before is None else before.workflow_version,
                change=None,
            )
            yield item if before is None else item.model_copy(update={"change": _change(before, item)})
            before = item


def _change(before: VersionsItem, after: VersionsItem) -> VersionChange:
    rates = (before.success_rate, after.success_rate)
    return VersionChange(
        success_rate=None if None in rates else round(rates[1] - rates[0], 6),  # type: ignore[operator]
        p50=_ratio(before.duration_ms.p50, after.duration_ms.p50),
        p95=_ratio(before.duration_ms.p95, after.duration_ms.p95),
        cost_usd=_ratio(_each(before.cost_usd, before.executions), _each(after.cost_usd, after.executions)),
        total_tokens=_ratio(_each(before.total_tokens, before.executions), _each(after.total_tokens, after.executions)),
    )


def _each(total: Any, number: int) -> float | None:
    return float(total) / number if number else None


def _ratio(before: float | None, after: float | None) -> float | None:
    return round(after / before, 6) if before and after is not None else None


def _key(row: Row, keys: Sequence[str]) -> tuple[Any, ...]:
    return (row["place"], *(row[key] for key in keys))


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Nulls first: they compare with nothing."""
    return tuple((part is not None, part if part is not None else 0) for part in key)
