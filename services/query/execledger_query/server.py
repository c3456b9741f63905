"""uvicorn, with time limits for a client's part, and a limit of connections: by itself it has none of them."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NamedTuple

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from execledger_query.problems import problem
from execledger_runtime.connections import Connection, Gate, Worth

_HEAD_BYTES: Final = 65_536
_SMALL_BYTES: Final = 4096


class Limits(NamedTuple):
    """How many connections there may be, and the seconds that a client has for each of these."""

    connections: int
    head: float
    body: float
    idle: float
    write: float


class Server(uvicorn.Server):
    """Serves until a signal. A stop that was asked for exits with 0: the signal is not raised again at the end."""

    def __init__(
        self, app: Any, limits: Limits, drain_seconds: int, end_streams: Callable[[], None] = lambda: None
    ) -> None:
        """`end_streams` is called when it stops: those are answers that end by nothing else."""
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                ws="none",
                log_config=None,
                log_level="error",  # of bad requests there is a warning each, as many as a stranger likes
                access_log=False,
                server_header=False,
                h11_max_incomplete_event_size=_HEAD_BYTES,
                timeout_graceful_shutdown=drain_seconds,
            )
        )
        self._limits = limits
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the original, but a gate lets the connections in."""
        await super().startup(sockets=[])
        self._gates = [Gate(listener, self._limits.connections) for listener in sockets or ()]
        for gate in self._gates:
            gate.open(self._welcome)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As the original: who is there gets an answer, who comes does not."""
        for gate in self._gates:
            gate.close()
        self._end_streams()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def _welcome(self, gate: Gate) -> Connection:
        return _Connection(self, gate, self._limits)


class _Together(asyncio.Transport):
    """A connection's transport, on which what is small waits for what follows at once: a head goes with its body.

    Each write is a call of the system by itself, of which an answer takes two.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._held = b""
        for name in ("get_extra_info", "is_closing", "pause_reading", "resume_reading", "set_write_buffer_limits"):
            setattr(self, name, getattr(transport, name))

    def write(self, data: Any) -> None:
        if not self._held and len(data) < _SMALL_BYTES:
            self._held = bytes(data)
            asyncio.get_running_loop().call_soon(self._send)
        elif data:
            together, self._held = self._held + data, b""
            self._transport.write(together)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._held = b""
        self._transport.abort()

    def _send(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(self._held)
        self._held = b""


class _Connection(H11Protocol, Connection):
    """A client's connection; it is cut when the client takes too long for its part."""

    def __init__(self, server: uvicorn.Server, gate: Gate, limits: Limits) -> None:
        super().__init__(server.config, server.server_state, server.lifespan.state)
        self._gate = gate
        self._seconds: dict[str, float] = {"head": limits.head, "body": limits.body, "end": limits.write}
        self._write_seconds = limits.write
        self.timeout_keep_alive = limits.idle  # type: ignore[assignment]  # it is handed to call_later
        self._waits_for: tuple[str, object] | None = None
        self._end: asyncio.TimerHandle | None = None
        self._end_of_writing: asyncio.TimerHandle | None = None
        self._is_dropped = False
        self._request: asyncio.Task[None] | None = None
        self._app, self.app = self.app, self._answer

    @property
    def worth(self) -> Worth:
        if self.cycle is None:
            return Worth.SILENT
        return Worth.IDLE if self.cycle.response_complete else Worth.BUSY

    def drop(self) -> None:
        self._is_dropped = True
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the original
        super().connection_made(_Together(transport))
        if self._is_dropped:
            self.drop()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so as everything is told, and the connection ends."""
        if self.cycle is None or self.cycle.response_complete:  # else an answer is on its way
            refusal = problem("bad-request", msg, headers={"Connection": "close", "X-Content-Type-Options": "nosniff"})
            lines = [b"%b: %b\r\n" % header for header in refusal.raw_headers]
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%b\r\n%b" % (b"".join(lines), bytes(refusal.body)))
        self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_of_writing = self.loop.call_later(self._write_seconds, self.drop)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_on()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._write_on()
        if self._end is not None:
            self._end.cancel()
        self._gate.lost(self)
        if self._request is not None and self.cycle.disconnected:
            self._request.cancel()  # nobody waits for it any more: what it asks of the database is stopped

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """What uvicorn runs for a request; it ends when the client goes."""
        self._request = asyncio.current_task()
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self.cycle.disconnected:
                raise
        finally:
            self._request = None

    def _write_on(self) -> None:
        if self._end_of_writing is not None:
            self._end_of_writing.cancel()
            self._end_of_writing = None

    def _watch(self) -> None:
        """Set the time for what is waited for, when that is something else than before."""
        waits_for = self._part_of_client()
        if waits_for == self._waits_for:
            return
        if self._end is not None:
            self._end.cancel()
        self._waits_for = waits_for
        self._end = None if waits_for is None else self.loop.call_later(self._seconds[waits_for[0]], self.drop)

    def _part_of_client(self) -> tuple[str, object] | None:
        """What the client has to do next, and after which request; None while it is our turn, or it is but idle."""
        if self.transport.is_closing():
            return "end", None  # what it does not read keeps a connection open that is closed
        if self.conn.their_state is h11.SEND_BODY:
            return "body", self.cycle
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            return "head", self.cycle
        return None
