"""`execledger query`."""


def query() -> int:
    """Serve executions over HTTP until SIGTERM; `python -m execledger_query --help` lists the settings."""
    from execledger_query.__main__ import main

    return main()
