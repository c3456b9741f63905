"""A real Apache Kafka and a real Postgres for one machine, kept in one data directory.

    endpoints = up(Path(".execledger"))      # servers running, database migrated, topics made
    down(Path(".execledger"))                # stopped; the data stay

`up` and `start` run event loops of their own: from async code, call them with `asyncio.to_thread`.
"""

from execledger.stack.local import Endpoints, ServerStatus, delete, down, start, status, up

__all__ = ["Endpoints", "ServerStatus", "delete", "down", "start", "status", "up"]
