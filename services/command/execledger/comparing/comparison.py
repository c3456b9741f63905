"""A table and its view, read side by side: the work behind `execledger compare-with`."""

from collections.abc import Callable

from execledger.comparing.sides import Side
from execledger.comparing.tallying import Tally


async def compare(old: Side, new: Side, tally: Tally, on_progress: Callable[[Tally], None]) -> None:
    """Count what is the same, what differs, and what only one of them has; a page of rows at a time."""
    tally.old, tally.new = await old.count(), await new.count()
    on_progress(tally)
    async for page in old.pages():
        found = await new.matching(page)
        for row in page:
            key = str(row[old.key])
            tally.add(key, row, found.get(key, ()), old.columns)
        on_progress(tally)
    if tally.only_new and tally.examples:
        await _find_only_new(old, new, tally)


async def _find_only_new(old: Side, new: Side, tally: Tally) -> None:
    """Some keys that only the view has."""
    wanted = min(tally.examples, tally.only_new)
    async for keys in new.keys():
        known = await old.known_keys(keys)
        tally.keys_of_new += [key for key in keys if key not in known][: wanted - len(tally.keys_of_new)]
        if len(tally.keys_of_new) >= wanted:
            return
