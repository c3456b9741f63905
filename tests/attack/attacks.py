"""What bad neighbours do, each as a function whose docstring says what."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from attack.site import TOPIC, Site, event, health_seconds
from bombs import bomb, send_batch
from factories_query import bearing
from running import peak_mib

Attack = Callable[[Site], Awaitable[str]]
_MB: Final = 1_000_000


async def one_id_nine_hundred_times(site: Site) -> str:
    """an event of 743 KB, then 900 tiny ones with its id and other data"""
    large = event(data={"input": ["x" * 90] * 7800})
    await site.send(large)
    await site.send(*({**large, "data": {"input": number}} for number in range(900)))
    seconds = await site.until_recorded()
    [row] = await site.rows("SELECT count(*) AS n FROM execledger.duplicates WHERE reason = 'conflict'")
    return f"{row['n']} conflicts told in {seconds:.1f} s"


async def a_dead_letter_of_30_megabytes(site: Site) -> str:
    """30 MB of zeros, thirty KB on the wire"""
    await site.send_compressed(b"\0" * 30 * _MB)
    seconds = await site.until_recorded()
    while (waiting := (await site.rows("SELECT count(*) AS n FROM execledger.outbox"))[0]["n"]) and seconds < 60:
        await asyncio.sleep(0.5)
        seconds += 0.5
    [row] = await site.rows("SELECT max(length(value)) AS kept FROM execledger.dead_letters")
    return f"{row['kept']:,} bytes kept, {waiting} letters wait after {seconds:.1f} s"


async def gigabytes_that_are_megabytes_on_the_wire(site: Site) -> str:
    """a gigabyte of zeros in a batch, packed by gzip and by zstd, three times each, between events"""
    batches = [await asyncio.to_thread(bomb, codec, 1000 * _MB, [b"{}"] * 3) for codec in ("gzip", "zstd")]
    for batch in batches * 3:
        await send_batch(site.producer, TOPIC, batch)
    seconds = await site.until_recorded()
    [row] = await site.rows("SELECT count(*) AS n FROM execledger.dead_letters WHERE detail LIKE 'not read%'")
    return f"{row['n']} not read, in {seconds:.1f} s; {peak_mib(site.recorder):.0f} MiB by now"


async def a_header_of_30_megabytes(site: Site) -> str:
    """a header of 30 MB beside bytes that are no event"""
    await site.send_compressed(b"{", [("x", b"\0" * 30 * _MB)])
    seconds = await site.until_recorded()
    [row] = await site.rows("SELECT max(length(headers::text)) AS kept FROM execledger.dead_letters")
    return f"{row['kept']:,} characters kept, in {seconds:.1f} s"


async def wrong_tags(site: Site) -> str:
    """1 MB and 16 MB of tags that are none"""
    await site.send(event(data={"tags": [[]] * 200_000}))
    one = await site.until_recorded()
    await site.send_compressed(json.dumps(event(data={"tags": [[]] * 4_000_000})).encode())
    return f"{one:.1f} s and {await site.until_recorded():.1f} s"


async def deep_nesting(site: Site) -> str:
    """1 MB of lists in lists, 95 deep; and one that is nothing but brackets"""
    nest = "[" * 95 + "]" * 95
    await site.send(json.dumps(event(data={"metadata": {"a": json.loads(f"[{','.join([nest] * 5000)}]")}})).encode())
    await site.send(b'{"data":' + b"[" * 900_000)
    return f"{await site.until_recorded():.1f} s"


async def labels_without_end(site: Site) -> str:
    """300,000 labels of one execution, then one more, and 12,000 agents"""
    subject = f"labels-{uuid4()}"
    for first in range(0, 300_000, 20_000):
        labels = {f"label-{number}": "x" for number in range(first, first + 20_000)}
        await site.send(event(subject=subject, data={"labels": labels}))
    many = await site.until_recorded()
    await site.send(event(subject=subject, data={"labels": {"another": "x"}}))
    one = await site.until_recorded()
    calls = (event("tool.called", {"tool_name": "t", "agent_id": f"agent {n}"}, subject=subject) for n in range(12_000))
    await site.send(*calls)
    agents = await site.until_recorded()
    return f"{many:.1f} s, one more {one:.1f} s, agents {agents:.1f} s"


async def newest_first(site: Site) -> str:
    """an event of 23 h ahead, then 3,000 events, the newest first"""
    subject, now = f"ahead-{uuid4()}", datetime.now(UTC)
    ahead = {"subject": subject, "time": (now + timedelta(hours=23)).isoformat()}
    await site.send(event("execution.progressed", **ahead))
    times = ((now - timedelta(seconds=number)).isoformat() for number in range(3000))
    backwards = [event("agent.thinking", subject=subject, time=time) for time in times]
    for first in range(0, len(backwards), 100):
        await site.send(*backwards[first : first + 100])
    return f"{await site.until_recorded():.1f} s"


async def garbage(site: Site) -> str:
    """300 records of 900 bytes to each partition that are no events"""
    for partition in range(3):
        await site.send(*[b"x" * 900] * 300, partition=partition)
    seconds = await site.until_recorded()
    return f"dead letters in {seconds:.1f} s, {len(await site.rows('TABLE execledger.circuit_breakers'))} stopped"


async def times_of_every_year(site: Site) -> str:
    """400 events of 400 months"""
    before = len(await site.rows("SELECT FROM pg_class WHERE relispartition AND relkind = 'r'"))
    months = [f"{2000 + number // 12 % 26}-{number % 12 + 1:02d}-03T00:00:00Z" for number in range(400)]
    await site.send(*(event(time=time) for time in months))
    seconds = await site.until_recorded()
    after = len(await site.rows("SELECT FROM pg_class WHERE relispartition AND relkind = 'r'"))
    return f"{after - before} tables made, in {seconds:.1f} s"


async def in_our_name(site: Site) -> str:
    """endings that say that our watchdog sent them"""
    victim = event(source="urn:neighbour")
    await site.send(victim)
    data = {"provisional": True, "reason": "silence"}
    forged = event("execution.timed_out", data, source="execledger:watchdog", subject=victim["subject"])
    await site.send(forged)
    await site.until_recorded()
    [row] = await site.rows("SELECT status FROM execledger.executions WHERE external_id = $1", victim["subject"])
    [bad] = await site.rows("SELECT count(*) AS n FROM execledger.dead_letters WHERE reason = 'forbidden'")
    assert row["status"] == "running", "it was believed"
    return f"still {row['status']}, {bad['n']} forbidden"


async def silent_connections(site: Site) -> str:
    """1,500 connections to each service that say nothing"""
    answers: list[str] = []
    for service in (site.query, site.recorder):
        address = urlsplit(service.address)
        opening = (asyncio.open_connection(address.hostname, address.port) for _ in range(1500))
        opened = await asyncio.gather(*(_within(each, 5) for each in opening))
        answers.append(f"an answer after {await asyncio.to_thread(health_seconds, service):.2f} s")
        for pair in opened:
            if pair is not None:
                pair[1].close()
    size = site.query.log.stat().st_size + site.recorder.log.stat().st_size
    return f"{' and '.join(answers)}, logs {size / _MB:.1f} MB"


async def _within(opening: Awaitable[Any], seconds: float) -> Any:
    try:
        return await asyncio.wait_for(opening, seconds)
    except (OSError, TimeoutError):
        return None


async def clients_that_never_read(site: Site) -> str:
    """eight clients that ask for 200 large rows and never read the answer"""
    address = urlsplit(site.query.address)
    large = [event(data={"query": "q" * 60_000, "metadata": {"m": "x" * 200_000}}) for _ in range(200)]
    for first in range(0, len(large), 20):
        await site.send(*large[first : first + 20])
    await site.until_recorded()
    head = f"GET /v1/executions?limit=200 HTTP/1.1\r\nHost: {address.netloc}\r\n"
    request = f"{head}Authorization: {site.headers['Authorization']}\r\n\r\n".encode() * 20
    writers = []
    for _ in range(8):
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        writers.append(writer)
    await asyncio.sleep(5)
    answer = await site.query.get("/v1/executions?limit=200", headers=bearing("bob", "default", "reader"))
    for writer in writers:
        writer.transport.abort()
    return f"a page is {len(answer.content) / _MB:.1f} MB of {len(answer.json()['items'])} rows"


async def one_subject_asks_for_everything(site: Site) -> str:
    """300 requests of one subject at once, and one of another"""
    async with httpx2.AsyncClient(base_url=site.query.address, timeout=60) as client:
        asked = [asyncio.create_task(client.get("/v1/executions", headers=site.headers)) for _ in range(300)]
        await asyncio.sleep(0.2)
        began = monotonic()
        other = await site.query.get("/v1/executions?limit=1", headers=bearing("bob", "default", "reader"))
        seconds = monotonic() - began
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
    return f"{statuses.count(429)} of 300 are told to wait; the other has {other.status_code} after {seconds:.1f} s"


async def strange_questions(site: Site) -> str:
    """cursors and tokens that nest deep, are large, or are none"""
    deep = gzip.compress(b"[" * 100_000).hex()
    paths = [f"/v1/executions?cursor={cursor}" for cursor in (deep[:4000], "W" * 6000, "%00", "[" * 3000)]
    answers = [await site.query.get(path, headers=site.headers) for path in paths]
    tokens = ("a.b.c", "x" * 6000, "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.")
    refused = [await site.query.get("/v1/executions", headers={"Authorization": f"Bearer {each}"}) for each in tokens]
    statuses = sorted({answer.status_code for answer in (*answers, *refused)})
    assert max(statuses) < 500, statuses
    return f"only {', '.join(map(str, statuses))}"


ATTACKS: Final[Sequence[tuple[Attack, str]]] = (
    (one_id_nine_hundred_times, "46 s of a blocked loop, then the same again for ever"),
    (a_dead_letter_of_30_megabytes, "never sent; 18 MB more memory a second, to 8 GB; then recording stops"),
    (
        gigabytes_that_are_megabytes_on_the_wire,
        "2.1 GB of memory and 5 s without an answer for each, at each start again",
    ),
    (a_header_of_30_megabytes, "of 205 MB: the recorder ended at every start"),
    (wrong_tags, "2.3 s and 455 MB; 152 s and 7.3 GB"),
    (deep_nesting, "6.5 s"),
    (labels_without_end, "one more label took 2.8 s; agents tripled each batch"),
    (newest_first, "each batch folded all of the log again"),
    (garbage, "all partitions stopped for everybody"),
    (times_of_every_year, "2,000 tables"),
    (in_our_name, "believed; it could take the id of the real one"),
    (silent_connections, "no answer; a batch took 18 s; 547 MB of log in 90 s"),
    (clients_that_never_read, "a page of 127 MB; 1.45 GB held"),
    (one_subject_asks_for_everything, "an outage for all"),
    (strange_questions, "500"),
)
"""Each with what it cost before it was mended, as it was measured then."""
