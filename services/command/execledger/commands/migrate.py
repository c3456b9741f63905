"""`execledger migrate`."""


def migrate() -> None:
    """Bring the database of EXECLEDGER_POSTGRES_DSN to the current schema; safe to repeat."""
    import asyncio
    import sys

    import asyncpg

    from execledger.errors import UserError
    from execledger.stack import database
    from execledger.stack.settings import required_dsn
    from execledger_recorder.store import migrations
    from execledger_runtime.errors import StoreUnavailable

    dsn = required_dsn()
    try:
        applied = asyncio.run(migrations.migrate(dsn))
    except (migrations.SchemaMismatchError, StoreUnavailable) as error:
        raise UserError(str(error)) from error
    except (ValueError, asyncpg.InterfaceError) as error:  # of the DSN; what they say may quote its password
        raise UserError(f"EXECLEDGER_POSTGRES_DSN: {database.reason(error)}", exit_status=2) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise UserError(f"{error}: let EXECLEDGER_POSTGRES_DSN name a superuser") from error
    except (OSError, asyncpg.PostgresError) as error:
        raise UserError(f"Postgres at {database.shown(dsn)} did not answer: {error}") from error
    sys.stdout.writelines(f"applied {name}\n" for name in applied)
    if not applied:
        sys.stdout.write("the schema is current\n")
