"""A transaction of Kafka's that stays open hides what others committed behind it: that is shown, counted and said."""

import json
import time
from functools import partial

from command_line import execledger
from execledger_recorder.rules.hiding import Hiding
from execledger_recorder.rules.partition import TopicPartition
from execledger_runtime.kafka.transactions import open_transactions
from factories_recorder import event
from recorder_bench import Bench, producing
from running import Service, eventually


async def shown(service: Service, metric: str) -> float:
    metrics = (await service.metrics()).items()
    return next(value for name, value in metrics if name.startswith(f'{metric}{{partition="0",'))


async def hides(service: Service, records: int) -> bool:
    is_open = await shown(service, "execledger_open_transaction_seconds") > 0
    return is_open and await shown(service, "execledger_consumer_lag_records") == records


async def hides_nothing(service: Service) -> bool:
    return await shown(service, "execledger_open_transaction_seconds") == 0


async def test_what_an_open_transaction_hides_is_shown_and_counted_as_lag(bench: Bench) -> None:
    topic = bench.topics.events
    async with bench.recorder() as service, producing(bench.servers, transactional_id=bench.topics.group) as producer:
        await bench.publish(event(subject="before"), partition=0)
        await bench.until_recorded()
        async with producer.transaction():
            an_hour_ago = int(time.time() * 1000) - 3_600_000
            hidden = json.dumps(event(subject="within")).encode()
            await producer.send_and_wait(topic, hidden, partition=0, timestamp_ms=an_hour_ago)
            await bench.publish(event(subject="behind"), partition=0)
            await eventually(partial(hides, service, 2))
            [ledger] = [row for row in await bench.ledger() if row.partition == 0]
            assert (ledger.end_offset, ledger.lag) == (3, 2)
            [found] = await open_transactions({"bootstrap_servers": bench.servers.bootstrap_servers}, [topic])
            assert (found.partition, found.offset, found.hidden) == (0, 1, 2)
            said = await execledger("doctor", **bench.topics.settings(bench.servers, bench.dsn))
            assert f"fault  partition 0 of {topic}: a transaction is open since " in said.out
            assert f"abort --topic {topic} --partition 0 --start-offset 1" in said.out
            assert said.status == 1
        await bench.until_recorded()
        await eventually(partial(hides_nothing, service))
    await bench.assert_every_record_is_accounted_for()


def test_each_open_transaction_has_a_time_of_its_own() -> None:
    first, second, hiding = TopicPartition("events", 0), TopicPartition("events", 1), Hiding()
    assert hiding.look({first: 5}, 10) == {first: 0}
    assert hiding.look({first: 5, second: 7}, 13) == {first: 3, second: 0}
    assert hiding.look({first: 9, second: 7}, 15) == {first: 0, second: 2}
    assert hiding.look({}, 16) == {}
    assert hiding.look({second: 7}, 17) == {second: 0}
