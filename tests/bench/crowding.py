"""How long others in its partition wait for a long execution, told by one worker, or by two whose clocks differ."""

import asyncio
from datetime import UTC, datetime

from bench.cases import Sizes, crowd
from bench.events import Sent
from bench.figures import Crowded, Lag, lags
from bench.lags import look, placed, publish
from bench.meters import Cores
from bench.recorders import recording
from bench.site import Servers, connected, held, producing, site

_RATE = 200.0  # events a second, every other one of the long execution: far from what a recorder can
_PATIENCE_SECONDS = 120.0


async def crowded(servers: Servers, sizes: Sizes, cores: Cores) -> Crowded:
    """The same twice: the long execution's events in order, and in turn with some that are 50 ms older."""
    return Crowded(
        sizes.crowd,
        await _lag_of_others(servers, sizes, cores, apart_ms=0),
        await _lag_of_others(servers, sizes, cores, apart_ms=50),
    )


async def _lag_of_others(servers: Servers, sizes: Sizes, cores: Cores, apart_ms: int) -> Lag:
    stored, coming = crowd(sizes, datetime.now(UTC), int(_RATE * sizes.crowd_seconds), apart_ms)
    key = stored[0][0]  # one key, so that all of it lies in one partition
    records: list[Sent] = [(key, value) for _, value in coming]
    meters = servers.meters
    async with site(servers) as here, held(here, stored) as show, recording(here) as services:
        pids = [service.process.pid for service in services]
        async with connected(here.dsn) as connection, producing(servers) as producer:
            await show()
            await look(here, len(stored), _PATIENCE_SECONDS, connection)
            obtained = await cores.obtained()
            before = meters.read(pids)
            # The marker that ended the transaction of the stored ones takes an offset, too.
            wanted = len(stored) + 1 + len(records)
            looking = asyncio.create_task(look(here, wanted, sizes.crowd_seconds + _PATIENCE_SECONDS, connection))
            seconds, sent = await publish(producer, here.topic, records, _RATE)
            sights = await looking
            after = meters.read(pids)
            others = (await placed(sent))[1::2]
    return Lag(lags(others, sights), seconds, after.spent.since(before.spent), obtained, after.free_since(before))
