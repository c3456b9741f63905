"""The thread that delivers: there when it is needed, made anew in the child of a fork, and ended with the program.

A thread of its own, also beside asyncio: so a publisher outlives any event loop, and delivers while one is busy.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from execledger_publisher.buffer import Buffer
from execledger_publisher.cancelling import cancel
from execledger_publisher.delivery import SECONDS_TO_STOP, Delivery
from execledger_publisher.drops import DropReason, Tally, log
from execledger_publisher.encoding import Record
from execledger_publisher.forking import new_lock, tell_of_forks

SECONDS_TO_IMPORT: Final = 5.0

_open: Final[set[Courier]] = set()
"""What is to be delivered before the program ends, whoever still holds its publisher."""


class Courier:
    """Delivers what is put into its buffer. Never raises for what it cannot deliver, and waits no longer than told."""

    def __init__(
        self, buffer: Buffer, tally: Tally, new_delivery: Callable[[], Delivery], seconds_to_close: float
    ) -> None:
        self._buffer = buffer
        self._tally = tally
        self._new_delivery = new_delivery
        self._seconds_to_close = seconds_to_close
        self._lock = new_lock()
        self._thread: _Thread | None = None
        self._is_closed = False
        tell_of_forks(self)

    def start(self) -> None:
        """Begin to deliver, also again after a close. Raises what is wrong with the options of the client."""
        self._is_closed = False
        if (failure := self._running().wait_until_begun()) is not None:
            raise failure

    def put(self, record: Record, seconds: float) -> DropReason | None:
        """Take a record, waiting so long for room at most, or say why not."""
        if self._is_closed:
            return DropReason.CLOSED
        if not self._buffer.put(record, seconds if self._thread else 0.0):
            return DropReason.BUFFER_FULL
        thread = self._thread
        if thread is None:
            with suppress(RuntimeError):  # the program is ending, and no thread can be made any more: told then
                thread = self._running()
        if thread is not None:
            thread.wake()
        return None

    def flush(self, seconds: float) -> int:
        """Wait until all is delivered, so long at most. Gives the number of events that are not."""
        can_deliver = self._thread is not None and self._thread.is_alive()
        return self._buffer.wait_until_empty(seconds) if can_deliver else len(self._buffer)

    async def until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait in an event loop until what depends on deliveries is so, so long at most."""
        loop, progress = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(progress.set)

        with self._buffer.watched(tell), suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_so():
                    await progress.wait()
                    progress.clear()

    def close(self, seconds: float | None = None) -> int:
        """Flush and stop. Gives the number of events that were not delivered, and are dropped now."""
        if self._is_closed:
            return 0
        self._is_closed = True
        try:
            self.flush(self._seconds_to_close if seconds is None else seconds)
        finally:
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.end()
            undelivered = self._give_up_the_rest()
            _open.discard(self)
        return undelivered

    def let_go(self) -> None:
        """Nobody will put anything any more: end when all is delivered."""
        if self._thread is not None:
            self._thread.end_when_all_is_delivered()

    def before_fork(self) -> None:
        """Let the thread import what it needs: a child would have half of it for ever."""
        if (thread := self._thread) is not None:
            thread.wait_until_begun(SECONDS_TO_IMPORT)

    def after_fork_in_child(self) -> None:
        """Begin anew: what waits is the parent's to deliver, and its thread is not here."""
        self._buffer.forget()
        self._tally.forget()
        self._thread = None

    def _running(self) -> _Thread:
        with self._lock:
            if self._thread is None:
                thread = _Thread(self._new_delivery, self._could_not_begin, lambda: _open.discard(self))
                _open.add(self)
                _close_before_this_process_ends()
                thread.start()
                self._thread = thread
            return self._thread

    def _could_not_begin(self, error: BaseException) -> None:
        self._tally.last_error = f"{type(error).__name__}: {error}"
        log.error("Nothing can be published: %s", self._tally.last_error)

    def _give_up_the_rest(self) -> int:
        rest = self._buffer.abandon()
        why = self._tally.last_error or "not acknowledged in time"
        self._tally.drop_the_rest([record.dropped(DropReason.NOT_DELIVERED, why) for record in rest])
        return len(rest)


class _Thread(threading.Thread):
    """A thread with an event loop, in which a delivery runs."""

    def __init__(
        self,
        new_delivery: Callable[[], Delivery],
        on_failure: Callable[[BaseException], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(name="execledger-publisher", daemon=True)
        self._new_delivery = new_delivery
        self._on_failure = on_failure
        self._on_end = on_end
        self._has_begun = threading.Event()
        self._failure: BaseException | None = None
        self._delivery: Delivery | None = None
        self._is_last = False
        self._loop = _Loop()
        self._ending = asyncio.Event()

    def wait_until_begun(self, seconds: float | None = None) -> BaseException | None:
        """Wait until it delivers, or gives the error in making the delivery."""
        self._has_begun.wait(seconds)
        return self._failure

    def wake(self) -> None:
        """There is something to deliver."""
        if self._delivery is not None:  # else it looks when it begins
            self._delivery.wake()

    def end(self) -> None:
        """Stop delivering, and wait for the thread, not for ever."""
        self._soon(self._ending.set)
        if self is not threading.current_thread():
            self.join(SECONDS_TO_STOP + 1)

    def end_when_all_is_delivered(self) -> None:
        """Stop by itself, later."""
        self._is_last = True
        if self._delivery is not None:  # else it looks when it begins
            self._soon(self._delivery.end_when_all_is_delivered)

    def run(self) -> None:
        """The thread's work."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._deliver())

    async def _deliver(self) -> None:
        try:
            "localhost".encode("idna")  # which is imported for it: not later, when somebody may fork
            self._delivery = delivery = self._new_delivery()
        except Exception as error:  # noqa: BLE001 - raised again where the publisher was started
            self._failure = error
            self._on_failure(error)
            return
        finally:
            self._has_begun.set()
        if self._is_last:
            delivery.end_when_all_is_delivered()
        running = asyncio.create_task(delivery.run())
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
        self._on_end()
        await cancel([running])
        if not running.cancelled() and (bug := running.exception()) is not None:
            self._on_failure(bug)
        await delivery.disconnect()

    def _soon(self, call: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(call)


class _Loop(asyncio.SelectorEventLoop):
    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Here and at once: once the program is ending no thread can be made to look up a broker's name."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - for whoever awaits it
            done.set_exception(error)
        return done


def _close_all() -> None:
    """Deliver what waits before the program ends: all publishers in the time of the most patient."""
    began = time.monotonic()
    for courier in list(_open):
        left = courier._seconds_to_close - (time.monotonic() - began)  # noqa: SLF001 - ours
        courier.close(max(0.0, left))


_closed_by: Final[set[str]] = set()


def _close_before_this_process_ends() -> None:
    """A forked worker of multiprocessing, or of Celery, ends without what `atexit` was told, but with this."""
    for name in ("multiprocessing.util", "billiard.util"):
        if name in sys.modules and name not in _closed_by:
            _closed_by.add(name)
            sys.modules[name].Finalize(None, _close_all, exitpriority=100)


class _Process:
    def before_fork(self) -> None:
        """Nothing to wait for."""

    def after_fork_in_child(self) -> None:
        _open.clear()
        _closed_by.clear()


_process: Final = _Process()
tell_of_forks(_process)
atexit.register(_close_all)
