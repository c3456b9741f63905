"""The executions and owners that rows name, asked for all of a chunk at once."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from execledger.importing.columns import Refused, Row
from execledger.importing.drafts import Draft, Home
from execledger.importing.shapes.children import Named, Parent, named_by, parent_of
from execledger.importing.shapes.registry import Child, Shape, Users, Whole
from execledger.importing.shapes.users import Owner
from execledger_recorder.store import Store
from execledger_recorder.store.imports import NamedExecution, NamedOwner

Mapper = Callable[[Row], list[Draft]]
"""From a row to its events. Raises Refused."""


async def mapper(
    store: Store, shape: Shape, rows: Collection[Row], tenant: str | None, topics: Sequence[str]
) -> Mapper:
    """How rows of a table become events, with all that these name looked up."""
    match shape:
        case Whole(_, events):
            return lambda row: events(row, tenant or "default")
        case Child(_, child_events):
            found = await _parents(store, {named_by(row) for row in rows}, tenant, topics)
            return lambda row: child_events(row, parent_of(named_by(row), found))
        case Users(_, user_events):
            owners = await store.imports.owners({row["id"] for row in rows}, tenant, topics)
            known = {owner.id: owner for owner in owners}
            several = {owner.id for owner in owners if owner is not known[owner.id]}
            return lambda row: user_events(row, _owner_of(row, known, several))


async def _parents(
    store: Store, named: Collection[Named], tenant: str | None, topics: Sequence[str]
) -> Mapping[Named, Sequence[Parent]]:
    row_ids = {each.row_id for each in named if each.row_id is not None}
    external_ids = {each.external_id for each in named if each.external_id is not None}
    by_name = defaultdict[tuple[bool, str | None], list[Parent]](list)
    for row in await store.imports.executions(row_ids, row_ids | external_ids, tenant, topics):
        by_name[row.by_row, row.name].append(Parent(_home(row), row.owner_id))
    return {
        each: by_name.get((True, each.row_id))
        or by_name.get((False, each.external_id or each.row_id))
        or by_name.get((False, each.row_id), [])
        for each in named
    }


def _owner_of(row: Row, known: Mapping[str, NamedOwner], several: Collection[str]) -> Owner:
    if row["id"] in several:
        raise Refused("id", "is an owner of several tenants; --tenant says which")
    if (owner := known.get(row["id"])) is None:
        raise Refused("id", "owns no execution that is recorded yet; repeat it when there is one")
    return Owner(_home(owner), owner.email, owner.name, owner.said_at, owner.has_created)


def _home(row: NamedExecution | NamedOwner) -> Home:
    return Home(row.tenant_id, row.external_id, row.root_execution_id, row.attempt, row.topic)
