"""Runs the recorder: python -m execledger_recorder."""

import asyncio
import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] = ()) -> int:
    """Record until SIGTERM. Exit status 2: a setting is wrong or a port taken. 1: the recorder failed. Else 0."""
    gc.disable()  # what is imported stays: looking through it while it grows takes a tenth of the start
    from execledger_recorder import app
    from execledger_recorder.settings import Settings
    from execledger_recorder.store.migrations import SchemaMismatchError
    from execledger_runtime.logs import configure_log
    from execledger_runtime.process import run_service, warn_of_misspelt

    gc.enable()

    def run(settings: Settings) -> int:
        configure_log(shape=settings.log_format)
        warn_of_misspelt(Settings)
        try:
            return asyncio.run(app.run(settings))
        except SchemaMismatchError as error:
            sys.stderr.write(f"{error}\n")
            return 1

    purpose = "Applies lifecycle events from Kafka to the record in Postgres, until SIGTERM."
    return run_service("execledger_recorder", purpose, Settings, run, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
