"""`execledger recorder`."""


def recorder() -> int:
    """Record events from Kafka until SIGTERM; `python -m execledger_recorder --help` lists the settings."""
    from execledger_recorder.__main__ import main

    return main([])
