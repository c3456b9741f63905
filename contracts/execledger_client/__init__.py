"""A typed client of the query API, synchronous and asynchronous: `Client` and `AsyncClient`."""

from execledger_client.asynchronous import AsyncClient
from execledger_client.events import StreamEvent
from execledger_client.problems import ProblemError
from execledger_client.synchronous import Client

__all__ = ["AsyncClient", "Client", "ProblemError", "StreamEvent"]
