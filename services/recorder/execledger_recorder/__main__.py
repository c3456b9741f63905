"""Runs the recorder: python -m execledger_recorder."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from execledger_recorder import app
from execledger_recorder.metrics import configure_log
from execledger_recorder.settings import Settings, SettingsError
from execledger_recorder.store.migrations import SchemaMismatchError


def main(arguments: Sequence[str] | None = None) -> int:
    """Record until SIGTERM. Exit status 2: a setting is wrong or a port taken. 1: the recorder failed. Else 0."""
    parser = argparse.ArgumentParser(
        prog="execledger recorder",
        description="Applies lifecycle events from Kafka to the record in Postgres, until SIGTERM.",
        epilog=f"Settings, by environment variable:\n{_settings_help()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    try:
        settings = Settings.load()
        configure_log(settings.log_format)
        return asyncio.run(app.run(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # for whoever typed the command
        return 2
    except SchemaMismatchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _settings_help() -> str:
    lines = []
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        lines.append(f"  EXECLEDGER_{name.upper():<26} {field.description} ({default})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
