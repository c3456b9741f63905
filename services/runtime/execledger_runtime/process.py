"""A service as a process: its settings and exit status, what stops it, and its work in the background."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog

from execledger_publisher.cancelling import cancel
from execledger_publisher.outages import Outage
from execledger_runtime.errors import Unstorable
from execledger_runtime.settings import EnvironmentSettings, SettingsError

SettingsT = TypeVar("SettingsT", bound=EnvironmentSettings)

log = structlog.get_logger()


def run_service(
    module: str,
    purpose: str,
    settings: type[SettingsT],
    run: Callable[[SettingsT], int],
    arguments: Sequence[str] = (),
) -> int:
    """Run a service by the settings of its environment; the exit status.

    That is 2 when a setting is wrong, or an argument is given that is not --help, else what `run` returns.
    """
    if arguments:
        return _help(module, purpose, settings, arguments)
    raise_descriptor_limit()
    try:
        return run(settings.load())
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def raise_descriptor_limit() -> None:
    """Let this process open as many files and sockets as it may: the usual 1024 are few for a service."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the system allows less than it says, what there is has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def warn_of_misspelt(settings: type[EnvironmentSettings]) -> None:
    """A log line for each variable that looks like a setting and is none."""
    for name, meant in settings.misspelt(os.environ):
        log.warning("setting_unknown", name=name, perhaps=meant)


def _help(module: str, purpose: str, settings: type[EnvironmentSettings], arguments: Sequence[str]) -> int:
    if list(arguments) not in (["--help"], ["-h"]):
        sys.stderr.write(f"python -m {module} takes no {arguments[0]}; --help lists the settings\n")
        return 2
    usage = f"usage: python -m {module} [--help]"
    sys.stdout.write(f"{usage}\n\n{purpose} Settings, by environment variable:\n{settings.described()}\n")
    return 0


class Lifetime:
    """How long a service runs: until it is told to stop, or something in it fails that nobody planned."""

    def __init__(self, *passing: type[Exception]) -> None:
        """`passing` are the errors that time mends."""
        self.has_failed = False
        self._passing = passing
        self._end = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self._end.is_set()

    def end_by_signal(self) -> None:
        """Let SIGTERM and SIGINT end it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)

    def fail(self) -> None:
        """End it, for something went wrong."""
        self.has_failed = True
        self._end.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Until it is over, or so many seconds have passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), seconds)

    @asynccontextmanager
    async def background(self, works: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """Do these beside the block, and stop them behind it. One that raises ends the service."""
        tasks = [asyncio.create_task(self._guarded(work)) for work in works]
        await asyncio.sleep(0)  # what is cancelled before it began would complain
        try:
            yield
        finally:
            await cancel(tasks)

    async def every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do it again and again, so many seconds after each end. What time mends is logged, and tried again."""
        outage = Outage(lambda said: log.warning("background_waits", error=said), "what is done now and then")
        while True:
            try:
                await work()
                outage.is_over()
            except self._passing as error:
                outage.goes_on(str(error) or repr(error))
            except Unstorable as error:  # a row that was damaged by hand must not end what records
                log.error("background_failed", error=str(error))
            await asyncio.sleep(seconds)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("background_failed")
            self.fail()
