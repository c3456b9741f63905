"""Requests begin one by one: of many that come at once none keeps a short one from its answer."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_AT_ONCE: Final = frozenset({"/healthz", "/readyz"})


class OneByOne:
    """Wraps the application. To begin a request takes milliseconds, in which nothing else goes on.

    Hundreds of connections may ask in one moment. Whoever asks whether the process is alive is not behind them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _AT_ONCE:
            async with self._turn:
                await asyncio.sleep(0)  # all that goes on has its turn first
        await self._app(scope, receive, send)
