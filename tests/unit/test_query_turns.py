"""A request that comes last is not last to begin, where it only asks whether the process is alive."""

import asyncio

from starlette.types import Receive, Scope, Send

from execledger_query.turns import InTurns


class _App:
    """Notes what began, and answers when all may go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.append(scope["path"])
        if scope["path"] != "/healthz":
            await self.may_go.wait()


async def test_a_burst_of_requests_does_not_keep_liveness_waiting() -> None:
    app = _App()
    served = InTurns(app)

    def ask(path: str) -> asyncio.Task[None]:
        return asyncio.create_task(served({"type": "http", "path": path}, None, None))  # type: ignore[arg-type]

    burst = [ask("/v1/executions") for _ in range(300)]
    await asyncio.sleep(0)
    await ask("/healthz")
    assert len(app.begun) < 50
    app.may_go.set()
    await asyncio.gather(*burst)
    assert app.begun.count("/v1/executions") == 300


async def test_one_that_goes_while_it_waits_holds_up_nobody() -> None:
    app = _App()
    app.may_go.set()
    served = InTurns(app)
    asked = [asyncio.create_task(served({"type": "http", "path": "/v1"}, None, None)) for _ in range(3)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    asked[0].cancel()
    asked[1].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert app.begun == ["/v1"]
