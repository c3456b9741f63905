"""A page of a list as it is sent: where it comes to too many bytes it ends early, and its cursor goes on from there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel

from execledger_query.paging import Key, fitting, write_cursor
from execledger_query.store import Reader, Row
from execledger_query.views import Payloads, Source

Sources = Callable[[Sequence[Row]], Sequence[Source]]
_MOST_OF_CHARACTER: Final = 5  # bytes, with a comma behind an item of one
_AROUND_BYTES: Final = 8192  # the cursor, and what a page has but its items


def goes_on(row: Row) -> bool:
    """Whether the database left out what comes behind this row, for the bytes of a page."""
    return bool(row["goes_on"])


async def read_payloads(reader: Reader, rows: Sequence[Row], sources: Sources, most_bytes: int) -> Payloads:
    """The payloads of these rows: of the first in any case, of the next as far as they come to that many bytes."""
    return await reader.payloads(sources(rows), most_bytes, whole=len(sources(rows[:1])))


def covered(rows: Sequence[Row], sources: Sources, payloads: Payloads) -> Callable[[Row], bool]:
    """Whether the payloads of a row are all here, rather than beyond the bytes of a page."""
    lacking = {source for source in sources(rows) if source in payloads and not payloads[source]["fits"]}
    return lambda row: lacking.isdisjoint(sources([row]))


def page_of(
    shape: type[BaseModel],
    scope: str,
    shown: Mapping[Key, BaseModel],
    end: Key | None,
    most_bytes: int,
    fields: set[str] | None = None,
) -> Response:
    """The answer with what is shown of each key, as far as it comes to `most_bytes`; `end` is that of `split`."""
    cursor = None if end is None else write_cursor(scope, end)
    include: Any = None if fields is None else {"items": {"__all__": fields}, "next_cursor": True}
    body = shape(items=[*shown.values()], next_cursor=cursor).model_dump_json(include=include).encode()
    if len(body) <= most_bytes or len(shown) < 2:
        return Response(body, media_type="application/json")
    sizes = [len(item.model_dump_json(include=fields).encode()) for item in shown.values()]
    kept = dict([*shown.items()][: fitting(sizes, most_bytes - len(body) + sum(sizes))])
    return page_of(shape, scope, kept, [*kept][-1], len(body), fields)


def page_of_texts(
    scope: str, shown: Mapping[Key, str], end: Key | None, most_bytes: int, total: tuple[int, bool] | None = None
) -> Response:
    """The same of items that are texts in JSON already, each of its key."""
    kept = [*shown]
    if sum(map(len, shown.values())) * _MOST_OF_CHARACTER > most_bytes - _AROUND_BYTES:  # hardly ever
        sizes = [len(item.encode()) + 1 for item in shown.values()]
        kept = kept[: fitting(sizes, most_bytes - _AROUND_BYTES)]
    if len(kept) < len(shown):
        end = kept[-1]
    cursor = "null" if end is None else f'"{write_cursor(scope, end)}"'
    counted = "" if total is None else f',"total":{total[0]},"total_is_exact":{"true" if total[1] else "false"}'
    items = ",".join([shown[key] for key in kept])
    return Response(f'{{"items":[{items}],"next_cursor":{cursor}{counted}}}', media_type="application/json")
