"""Sums: from roll-ups as far as they go, and from the rows that they count where they do not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from execledger_lifecycle.rollups import Rollup
from execledger_query.caller import Sees
from execledger_query.ranges import RAW, Piece, Pieces, pieces_of
from execledger_query.sql import statement
from execledger_query.store.conditions import Condition, Filters
from execledger_query.store.lists import row_conditions
from execledger_query.store.reads import Row
from execledger_query.store.words import Words

# What a list has no filters for, and sums are narrowed to.
NARROWINGS: Final = {
    "complexity": "complexity = {}::text",
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


_AS_ROLLED: Final = {"statuses": "status", "trigger": "trigger_mode"}  # what roll-ups call otherwise than filters
_BAND: Final = ("complexity", "execledger.complexity_band(complexity_score)")  # as rows say it
_LISTED: Final = "array_agg({}::bigint ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL)"
_HISTOGRAM: Final = {"buckets": _LISTED.format("bucket"), "counts": _LISTED.format("number")}
_MOST_SCANS: Final = 3  # so many ranges are read by a scan each, of which the planner knows the bounds


@dataclass(frozen=True, slots=True)
class Sums:
    """What is summed: measures (name and what it adds of a row), by which keys, of which rows.

    Those of the executions that the filters leave, narrowed to what else is said of them, by column.
    """

    rollup: Rollup
    measures: Mapping[str, str]
    keys: Sequence[str] = ()
    filters: Filters = field(default_factory=Filters)
    narrowing: Mapping[str, Any] = field(default_factory=dict)
    with_durations: bool = False

    @property
    def is_rolled(self) -> bool:
        """Whether the roll-up tells by what is asked for."""
        filtered = {_AS_ROLLED.get(name, name) for name in self.filters.given()}
        return {*self.keys, *self.narrowing, *filtered} <= {*self.rollup.keys, "tenant_id"}


class _Rows(NamedTuple):
    """Which rows are summed, in which buckets, and how many sums there may be."""

    pieces: Pieces
    bounds: Sequence[datetime]
    limit: int
    chosen: Sequence[Condition]
    of_all_tenants: bool


class Summing(Words):
    """Sums over a range of time."""

    async def sums(self, asked: Sums, bounds: Sequence[datetime], limit: int) -> Sequence[Row]:
        """A row for each bucket and keys: `place` (of the bucket, from 0), the keys, the measures, `first_at`.

        With durations also `buckets` and `counts`: a histogram.
        """
        pieces = await self._pieces(asked, bounds)
        if len(pieces.get(RAW, ())) > _MOST_SCANS:  # of a join by ranges the planner believes that it reads all rows
            await self._connection.execute("SET LOCAL enable_seqscan = off")
        chosen = [*row_conditions(asked.filters), *await self._holding(asked.filters)]
        of_all_tenants = self._sees is Sees.ADMIN and asked.filters.tenant_id is None
        counted = _Rows(pieces, bounds, limit, chosen, of_all_tenants)
        rows = await self._rows(*_query(asked, counted))
        if not asked.with_durations:
            return rows
        query = _query(replace(asked, measures=_HISTOGRAM), counted)
        histograms = {_group(row, asked): row for row in await self._rows(*query)}
        return [{**row, **{name: histograms[_group(row, asked)][name] for name in _HISTOGRAM}} for row in rows]

    async def _pieces(self, asked: Sums, bounds: Sequence[datetime]) -> Pieces:
        """What is read of roll-ups, and what of the rows."""
        if not asked.is_rolled or (self._sees is Sees.OWNER and asked.rollup.name != "usage"):
            return {RAW: [(bounds[0], bounds[-1])]}
        unsettled = await self._rows(statement("unsettled"), bounds[0], bounds[-1])
        marked = {(row["span"], row["start_at"]) for row in unsettled}
        return pieces_of(bounds, asked.rollup.spans, marked if "hour" in asked.rollup.spans else ())

    async def ranked(
        self, by: str, begin: datetime, end: datetime, limit: int, filters: Filters, narrowing: Mapping[str, Any]
    ) -> Sequence[Row]:
        """At most `limit` executions that start in a range, those first that have most of it."""
        arguments: list[Any] = [limit, begin, end]
        chosen = [*row_conditions(filters), *await self._holding(filters), *_narrowing(narrowing, is_raw=True)]
        conditions = [f"{by} IS NOT NULL", *(_placed(condition, arguments) for condition in chosen)]
        query = statement("ranked").replace("/* AND filters */", "".join(f" AND {each}" for each in conditions))
        query = query.replace("/* by DESC, */", f"{by} DESC, ")
        return await self._rows(query, *arguments)


def _group(row: Row, asked: Sums) -> tuple[Any, ...]:
    return (row["place"], *(row[key] for key in asked.keys))


def _narrowing(narrowing: Mapping[str, Any], *, is_raw: bool) -> Iterator[Condition]:
    for column, value in narrowing.items():
        condition = NARROWINGS[column]
        yield Condition(condition.replace(*_BAND) if is_raw else condition, (value,))


def _placed(condition: Condition, arguments: list[Any]) -> str:
    """The condition with places of its own; its values join the arguments."""
    first = len(arguments) + 1
    arguments += condition.values
    return condition.sql.format(*(f"${place}" for place in range(first, len(arguments) + 1)))


def _query(asked: Sums, counted: _Rows) -> tuple[Any, ...]:
    """A statement and its arguments: sums of measures, or histograms where these are the measures."""
    arguments: list[Any] = [counted.limit, list(counted.bounds)]
    parts = [
        _part(asked, span, scanned, counted, arguments)
        for span, of_span in counted.pieces.items()
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


def _part(asked: Sums, span: str, pieces: Sequence[Piece], counted: _Rows, arguments: list[Any]) -> str:
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
    elif counted.of_all_tenants:
        conditions.append(_OF_ALL_TENANTS)
    wanted = [*counted.chosen, *_narrowing(asked.narrowing, is_raw=is_raw)]
    conditions += [_placed(condition, arguments) for condition in wanted]
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
    return f"SELECT {columns} FROM {ranges}{source} AS execution{unnested} WHERE {' AND '.join(conditions)}"  # noqa: S608
