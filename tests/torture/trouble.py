"""The kinds of trouble. Each is over when its function returns, but for what the system has yet to recover from."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random

from torture.system import System, connected, send

_FULL = """
CREATE FUNCTION execledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END
$$;
CREATE TRIGGER full_disk BEFORE UPDATE ON execledger.ledger FOR EACH ROW EXECUTE FUNCTION execledger.refuse();
"""
_ROOM = "DROP FUNCTION IF EXISTS execledger.refuse() CASCADE"


async def kill_recorder(system: System, random: Random) -> None:
    """kill -9, and another one after a while."""
    seat = random.choice(system.seats)
    await seat.clear()
    await asyncio.sleep(random.uniform(0, 3))
    await seat.fill()


async def restart_recorder(system: System, random: Random) -> None:
    """SIGTERM, as in a deployment."""
    seat = random.choice(system.seats)
    assert seat.service is not None
    status = await asyncio.wait_for(seat.service.stop(), 60)
    assert status == 0, f"a recorder that was told to stop ended with {status}"
    await seat.clear()
    await seat.fill()


async def pause_recorder(system: System, random: Random) -> None:
    """SIGSTOP: now and then for so long that the other one is given its partitions, and Postgres ends its sessions."""
    seat = random.choice(system.seats)
    await _paused(seat.pid, random.choice((0.5, 2.0, 20.0)))


async def kill_backend(system: System, random: Random) -> None:
    """kill -9 of one Postgres process: all of them start anew."""
    if backends := await system.backends():
        send(random.choice(backends), signal.SIGKILL)
        await asyncio.sleep(1)


async def end_backends(system: System, _: Random) -> None:
    """The administrator ends every connection of the recorders."""
    for backend in await system.backends():
        send(backend, signal.SIGTERM)


async def pause_backend(system: System, random: Random) -> None:
    """A Postgres process that holds its locks and says nothing."""
    if backends := await system.backends():
        await _paused(random.choice(backends), random.uniform(0.5, 3))


async def kill_postgres(system: System, random: Random) -> None:
    """kill -9 of the postmaster, and a start after a while."""
    send(system.postmaster, signal.SIGKILL)
    await asyncio.sleep(random.uniform(0, 2))
    await system.start_servers()


async def kill_broker(system: System, random: Random) -> None:
    """kill -9 of the broker, and a start after a while."""
    send(system.broker, signal.SIGKILL)
    await asyncio.sleep(random.uniform(0, 2))
    await system.start_servers()


async def pause_broker(system: System, random: Random) -> None:
    """A broker that hangs."""
    if (pid := system.broker) is not None:
        await _paused(pid, random.uniform(1, 6))


async def cut_line(system: System, random: Random) -> None:
    """The network between one recorder and Postgres is cut."""
    await system.line.cut()
    await asyncio.sleep(random.uniform(0.2, 4))
    await system.line.mend()


async def fill_disk(system: System, random: Random) -> None:
    """Postgres refuses to write, with the SQLSTATE of a full disk."""
    async with connected(system.endpoints.postgres_dsn) as connection:
        await connection.execute(_FULL)
        await asyncio.sleep(random.uniform(0.5, 3))
        await connection.execute(_ROOM)


Trouble = Callable[[System, Random], Awaitable[None]]
TROUBLES: tuple[Trouble, ...] = (
    kill_recorder,
    restart_recorder,
    pause_recorder,
    kill_backend,
    end_backends,
    pause_backend,
    kill_postgres,
    kill_broker,
    pause_broker,
    cut_line,
    fill_disk,
)


async def _paused(pid: int, seconds: float) -> None:
    send(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        send(pid, signal.SIGCONT)
