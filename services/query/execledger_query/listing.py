"""Answering with a page of executions, wherever they are listed."""

from fastapi import Response

from execledger_query import views
from execledger_query.caller import Caller
from execledger_query.narrowing import Listing
from execledger_query.pages import page_of_texts
from execledger_query.paging import Key, split
from execledger_query.service import Services, allow_payloads_of_list, payloads_of, place
from execledger_query.store import SORTS, Filters, Reader, is_walked, walks_labels


async def page_of_executions(
    held: Services, caller: Caller, asked: Listing, filters: Filters, offset: int = 0
) -> Response:
    """The page that is asked for of the executions that the filters leave, once so many more are passed over."""
    sort = SORTS[asked.sort]
    scope = await held.signing.scope(filters.scope(asked.sort))
    after = place(scope, asked, sort.key_kinds)
    fields = views.shown_fields(asked.fields, with_payloads=asked.with_payloads)
    allow_payloads_of_list(caller, filters, asked)
    plans = {"one_plan": is_walked(filters, sort), "in_order": walks_labels(filters, sort)}
    async with held.store.reading(caller, walking=True, **plans) as reader:
        if asked.with_payloads:
            shown, end = await _with_payloads(held, reader, asked, filters, after, offset, fields)
        else:
            listed = await reader.listed(filters, after, asked.limit + 1, sort, frozenset(fields), offset)
            rows, end = split(listed, asked.limit, sort.key)
            shown = {sort.key(row): row["item"] for row in rows}
        total = await reader.total(filters, sort) if asked.total else None
    return page_of_texts(scope, shown, end, held.page_bytes, total)


async def _with_payloads(
    held: Services,
    reader: Reader,
    asked: Listing,
    filters: Filters,
    after: Key | None,
    offset: int,
    fields: set[str],
) -> tuple[dict[Key, str], Key | None]:
    """The items of a page with their payloads, as text of their keys, and the key that it ends at."""
    sort = SORTS[asked.sort]
    found = await reader.executions(filters, after, asked.limit + 1, sort, offset=offset)
    rows, end = split(found, asked.limit, sort.key)
    rows, early, payloads = await payloads_of(held, reader, rows, views.execution_sources, sort.key, asked)
    trees = await reader.trees(rows)
    shown = {sort.key(row): views.execution_of(row, payloads, trees).model_dump_json(include=fields) for row in rows}
    return shown, early or end
