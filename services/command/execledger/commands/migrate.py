"""`execledger migrate`."""


def migrate() -> None:
    """Bring the database of EXECLEDGER_POSTGRES_DSN to the current schema; safe to repeat."""
    import asyncio
    import sys

    import asyncpg

    from execledger.errors import UserError
    from execledger.stack import database
    from execledger.stack.settings import required_dsn
    from execledger_recorder import migrations

    dsn = required_dsn()
    try:
        applied = asyncio.run(migrations.migrate(dsn))
    except migrations.SchemaMismatchError as error:
        raise UserError(str(error)) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise UserError(f"Postgres at {database.shown(dsn)} did not answer: {error}") from error
    sys.stdout.writelines(f"applied {name}\n" for name in applied)
    if not applied:
        sys.stdout.write("the schema is current\n")
