"""A topic that Kafka keeps so that events are lost is warned of, by the recorder and by the doctor."""

import pytest
from aiokafka.admin import NewTopic

from command_line import execledger
from execledger.stack import broker
from execledger_runtime.kafka.topics import Danger, Keeping
from recorder_bench import Bench
from running import eventually

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("kept", "dangers"),
    [
        (Keeping("delete", 7 * DAY_MS, 0), []),
        (Keeping("delete", -1, 0), []),
        (Keeping("delete", DAY_MS, 0), []),
        (Keeping("delete", DAY_MS - 1, 0), [Danger.SHORT_RETENTION]),
        (Keeping("compact", 1, 0), [Danger.COMPACTED]),
        (Keeping("compact,delete", 1, 0), [Danger.COMPACTED, Danger.SHORT_RETENTION]),
        (Keeping("delete", -1, 2), [Danger.UNDER_REPLICATED]),
    ],
)
def test_some_ways_of_keeping_a_topic_lose_events(kept: Keeping, dangers: list[Danger]) -> None:
    assert kept.dangers == dangers
    assert all(kept.fact(danger) for danger in dangers)


async def test_the_recorder_warns_of_a_compacted_topic(bench: Bench) -> None:
    topic = f"{bench.topics.events}-kept"
    settings = {"cleanup.policy": "compact,delete", "retention.ms": "3600000"}
    async with broker.admin(bench.servers.bootstrap_servers) as client:
        await client.create_topics([NewTopic(topic, 1, -1, replica_assignments={}, topic_configs=settings)])
    async with bench.recorder(events_topic=topic) as service:

        async def shown() -> dict[str, float]:
            metrics = await service.metrics()
            names = {danger: f'execledger_topic_dangers{{danger="{danger}",topic="{topic}"}}' for danger in Danger}
            return {danger: metrics.get(name, -1) for danger, name in names.items()}

        async def is_warned() -> bool:
            return await shown() == {"compacted": 1, "short_retention": 1, "under_replicated": 0}

        await eventually(is_warned)
        assert {line["danger"] for line in service.said("topic_in_danger")} == {"compacted", "short_retention"}
        assert all(line["topic"] == topic and line["do"] for line in service.said("topic_in_danger"))
    said = await execledger("doctor", **bench.topics.settings(bench.servers, bench.dsn) | {"events_topic": topic})
    assert said.status == 1
    assert f"fault  topic {topic}: cleanup.policy=compact,delete\n       Compaction deletes all but" in said.out
    assert f"fault  topic {topic}: retention.ms=3600000, which is 1.0 h\n" in said.out


async def test_it_warns_of_no_topic_that_is_kept_well(bench: Bench) -> None:
    async with bench.recorder() as service:

        async def shown() -> bool:
            metrics = await service.metrics()
            about = f'topic="{bench.topics.events}"'
            found = [metrics.get(f'execledger_topic_dangers{{danger="{danger}",{about}}}') for danger in Danger]
            return found == [0, 0, 0]

        await eventually(shown)
        assert not service.said("topic_in_danger")
