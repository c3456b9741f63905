"""The database, opened for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from execledger.errors import UserError

if TYPE_CHECKING:
    from execledger_recorder.store import Store


@asynccontextmanager
async def open_store() -> AsyncIterator["Store"]:
    from execledger.stack.settings import required_dsn
    from execledger_recorder.errors import StoreUnavailable
    from execledger_recorder.store import Store

    try:
        async with Store(required_dsn()) as store:
            if pending := await store.pending_migrations():
                raise UserError(f"the schema lacks {', '.join(pending)}: run execledger migrate")
            yield store
    except StoreUnavailable as error:
        raise UserError(f"Postgres did not answer: {error}") from error
