"""What events cost that come late to a long execution, one by one."""

from datetime import UTC, datetime

from bench.cases import Sizes, long_execution
from bench.figures import Late, Spent
from bench.meters import peak_mib
from bench.recorders import recording, until_recorded
from bench.site import Servers, connected, held, producing, site

_PATIENCE_SECONDS = 300.0


async def late(servers: Servers, sizes: Sizes) -> Late:
    """Record the execution, then publish each late event when the one before is recorded."""
    stored, coming = long_execution(sizes, datetime.now(UTC))
    meters = servers.meters
    spent: list[Spent] = []
    seconds: list[float] = []
    async with site(servers) as here, held(here, stored) as show, recording(here) as services:
        pids = [service.process.pid for service in services]
        async with connected(here.dsn) as connection, producing(servers, linger_ms=0) as producer:
            await show()
            recorded = await until_recorded(here, services, len(stored), _PATIENCE_SECONDS, connection)
            for key, value in coming if recorded == len(stored) else ():
                before = meters.read(pids)
                await producer.send_and_wait(here.topic, value, key=key)
                recorded = await until_recorded(here, services, recorded + 1, _PATIENCE_SECONDS, connection)
                after = meters.read(pids)
                spent.append(after.spent.since(before.spent))
                seconds.append(after.seconds_since(before))
        return Late(len(stored), tuple(spent), tuple(seconds), max(map(peak_mib, pids)))
