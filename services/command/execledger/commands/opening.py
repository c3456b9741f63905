"""The database, opened for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from execledger.errors import UserError

if TYPE_CHECKING:
    from execledger_recorder.store import Store

MOST_TEXT: Final = 255  # as a tenant's, an owner's and a workflow's id in events


@asynccontextmanager
async def open_store(*, statement_timeout_ms: int = 30_000, hint: str = "") -> AsyncIterator["Store"]:
    """The database of EXECLEDGER_POSTGRES_DSN, migrated; what it refuses while it is open is a UserError."""
    import asyncpg

    from execledger.stack.settings import load, required_dsn
    from execledger_recorder.settings import RecordingSettings
    from execledger_recorder.store import Store
    from execledger_recorder.store.migrations import SchemaMismatchError
    from execledger_runtime.errors import MustWait, SchemaMissing

    dsn = required_dsn()
    try:
        async with Store(dsn, statement_timeout_ms=statement_timeout_ms, caps=load(RecordingSettings).caps) as store:
            if pending := await store.pending_migrations():
                raise UserError(f"the schema lacks {', '.join(pending)}: run execledger migrate")
            yield store
    except SchemaMismatchError as error:
        raise UserError(str(error)) from error
    except SchemaMissing as error:
        raise UserError("the database has no schema of ours yet: run execledger migrate") from error
    except MustWait as error:
        raise UserError(f"Postgres did not answer: {error}{hint}; see `execledger doctor`") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise UserError(
            f"{error}: let EXECLEDGER_POSTGRES_DSN name the account execledger_recorder, or a superuser"
        ) from error


def check_name(option: str, name: str) -> None:
    """A UserError unless events can bear that name, and Postgres keep it."""
    if not 1 <= len(name) <= MOST_TEXT:
        raise UserError(f"{option}: should have 1 to {MOST_TEXT} characters, this has {len(name)}", exit_status=2)
    check_text(option, name)


def check_text(option: str, text: str) -> None:
    """A UserError when Postgres has no such text, so that nothing there is called so."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise UserError(f"{option}: should be text in UTF-8, this is {text!a}", exit_status=2)
