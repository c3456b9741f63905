"""Sums: from roll-ups as far as they go, and from the rows that they count where they do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from execledger_lifecycle.rollups import Rollup
from execledger_query.caller import Sees
from execledger_query.ranges import RAW, Piece, Pieces, pieces_of
from execledger_query.sql import statement
from execledger_query.store.reads import Reads, Row

# What sums are narrowed to, and what it says of a row that is counted.
NARROWINGS: Final = {
    "status": "status = ANY({}::text[])",
    "workflow_id": "workflow_id = {}::text",
    "workflow_version": "workflow_version = {}::text",
    "mode": "mode = {}::text",
    "complexity": "complexity = {}::text",
    "owner_id": "owner_id = {}::text",
    "session_id": "session_id = {}::text",
    "trigger_mode": "trigger_mode = {}::text",
    "error_type": "error_type = {}::text",
    "killed_by_budget": "killed_by_budget = {}::boolean",
    "tag": "id IN (SELECT execution_id FROM execledger.execution_labels WHERE key = '' AND value = {}::text"
    " AND kind = 'tag')",
    "agent_id": "agent_id = {}::text",
    "step_name": "step_name = {}::text",
    "provider": "provider = {}::text",
    "model": "model = {}::text",
    "tool_name": "tool_name = {}::text",
    "type": "type = {}::text",
}
# Bounds without a tenant reach no index: those that there are get asked for one by one.
_OF_ALL_TENANTS: Final = (
    "tenant_id = ANY(ARRAY(SELECT tenant_id FROM execledger.rolled_executions WHERE span = 'month'"
    " UNION SELECT tenant_id FROM execledger.rollup_marks))"
)


_BAND: Final = ("complexity", "execledger.complexity_band(complexity_score)")  # as rows say it
_LISTED: Final = "array_agg({}::bigint ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL)"
_HISTOGRAM: Final = {"buckets": _LISTED.format("bucket"), "counts": _LISTED.format("number")}
_MOST_SCANS: Final = 3  # so many ranges are read by a scan each, of which the planner knows the bounds


@dataclass(frozen=True, slots=True)
class Sums:
    """What is summed: measures (name and what it adds of a row), by which keys, of which rows."""

    rollup: Rollup
    measures: Mapping[str, str]
    keys: Sequence[str] = ()
    narrowing: Mapping[str, Any] = field(default_factory=dict)
    with_durations: bool = False

    @property
    def is_rolled(self) -> bool:
        """Whether the roll-up tells by what is asked for."""
        return {*self.keys, *self.narrowing} <= set(self.rollup.keys)


class Summing(Reads):
    """Sums over a range of time."""

    async def sums(self, asked: Sums, bounds: Sequence[datetime], limit: int) -> Sequence[Row]:
        """A row for each bucket and keys: `place` (of the bucket, from 0), the keys, the measures, `first_at`.

        With durations also `buckets` and `counts`: a histogram.
        """
        pieces: Pieces = {RAW: [(bounds[0], bounds[-1])]}
        if asked.is_rolled and (self._sees is not Sees.OWNER or asked.rollup.name == "usage"):
            unsettled = await self._rows(statement("unsettled"), bounds[0], bounds[-1])
            marked = {(row["span"], row["start_at"]) for row in unsettled}
            pieces = pieces_of(bounds, asked.rollup.spans, marked if "hour" in asked.rollup.spans else ())
        if len(pieces.get(RAW, ())) > _MOST_SCANS:  # of a join by ranges the planner believes that it reads all rows
            await self._connection.execute("SET LOCAL enable_seqscan = off")
        of_all_tenants = self._sees is Sees.ADMIN
        rows = await self._rows(*_query(asked, pieces, bounds, limit, of_all_tenants=of_all_tenants))
        if not asked.with_durations:
            return rows
        query = _query(replace(asked, measures=_HISTOGRAM), pieces, bounds, limit, of_all_tenants=of_all_tenants)
        histograms = {_group(row, asked): row for row in await self._rows(*query)}
        return [{**row, **{name: histograms[_group(row, asked)][name] for name in _HISTOGRAM}} for row in rows]

    async def ranked(
        self, by: str, begin: datetime, end: datetime, narrowing: Mapping[str, Any], limit: int
    ) -> Sequence[Row]:
        """At most `limit` executions that start in a range, those first that have most of it."""
        conditions = [f" AND {by} IS NOT NULL"]
        conditions += [
            f" AND {NARROWINGS[key].format(f'${place}')}".replace(*_BAND) for place, key in enumerate(narrowing, 4)
        ]
        query = statement("ranked").replace("/* AND filters */", "".join(conditions))
        query = query.replace("/* by DESC, */", f"{by} DESC, ")
        return await self._rows(query, limit, begin, end, *narrowing.values())


def _group(row: Row, asked: Sums) -> tuple[Any, ...]:
    return (row["place"], *(row[key] for key in asked.keys))


def _query(
    asked: Sums, pieces: Pieces, bounds: Sequence[datetime], limit: int, *, of_all_tenants: bool
) -> tuple[Any, ...]:
    """A statement and its arguments: sums of measures, or histograms where these are the measures."""
    arguments: list[Any] = [limit, list(bounds)]
    parts = [
        _part(asked, span, scanned, arguments, of_all_tenants)
        for span, of_span in pieces.items()
        for scanned in ([[piece] for piece in of_span] if len(of_span) <= _MOST_SCANS else [of_span])
    ]
    keys = "".join(f", {key}" for key in asked.keys)
    united = "\nUNION ALL\n".join(parts)
    if asked.measures is _HISTOGRAM:
        of = f"place{keys}, bucket"
        united = f"SELECT {of}, sum(number) AS number FROM (\n{united}\n) AS cell GROUP BY {of}"  # noqa: S608
        columns = [f"coalesce({listed}, '{{}}') AS {name}" for name, listed in _HISTOGRAM.items()]
    else:
        columns = ["min(first_at) AS first_at", *(f"coalesce(sum({name}), 0) AS {name}" for name in asked.measures)]
    query = (
        f"SELECT place - 1 AS place{keys}, {', '.join(columns)} FROM (\n{united}\n) AS part\n"  # noqa: S608  # our words
        f"GROUP BY place{keys} ORDER BY place{keys} LIMIT $1"
    )
    return query, *arguments


def _part(asked: Sums, span: str, pieces: Sequence[Piece], arguments: list[Any], of_all_tenants: bool) -> str:
    """One statement over the rows of a span, or over what they count."""

    def argument(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    is_raw, ranges, unnested = span == RAW, "", ""
    if len(pieces) == 1:
        first, last = (f"{argument(at)}::timestamptz" for at in pieces[0])
    else:
        first, last = "piece.begins_at", "piece.ends_at"
        begins, ends = (argument([piece[place] for piece in pieces]) for place in (0, 1))
        ranges = f"unnest({begins}::timestamptz[], {ends}::timestamptz[]) AS piece (begins_at, ends_at) CROSS JOIN "
    conditions = [f"start_at >= {first} AND start_at < {last}"]
    if not is_raw:
        conditions.append(f"span = '{span}'")
    elif of_all_tenants:
        conditions.append(_OF_ALL_TENANTS)
    for key, value in asked.narrowing.items():
        condition = NARROWINGS[key].format(argument(value))
        conditions.append(condition.replace(*_BAND) if is_raw else condition)
    keys = [f"{_BAND[1]} AS {key}" if is_raw and key == _BAND[0] else key for key in asked.keys]
    if asked.measures is not _HISTOGRAM:
        measures = ["start_at AS first_at", *(f"{measure} AS {name}" for name, measure in asked.measures.items())]
    elif is_raw:
        measures = ["duration_bucket AS bucket", "1 AS number"]
    else:
        measures = ["cell.bucket", "cell.number"]
        unnested = " LEFT JOIN LATERAL unnest(buckets, counts) AS cell (bucket, number) ON true"
    columns = ", ".join(["width_bucket(start_at, $2::timestamptz[]) AS place", *keys, *measures])
    source = f"execledger.{'measured' if is_raw else 'rolled'}_{asked.rollup.name}"
    return f"SELECT {columns} FROM {ranges}{source}{unnested} WHERE {' AND '.join(conditions)}"  # noqa: S608
