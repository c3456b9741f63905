"""The doctor says whether anybody records what waits in Kafka."""

from command_line import execledger
from factories_recorder import event
from recorder_bench import Bench


async def test_the_doctor_says_when_nothing_is_recording(bench: Bench) -> None:
    settings = {**bench.topics.settings(bench.servers, bench.dsn), "jwt_secret": "s" * 32}
    quiet = await execledger("doctor", **settings)
    assert (quiet.status, f"nothing waits; nobody is in the consumer group {bench.topics.group}" in quiet.out) == (
        0,
        True,
    )
    await bench.publish(event())
    waits = await execledger("doctor", **settings)
    assert waits.status == 1
    assert "fault  recording: nothing is recording: 1 record(s) wait" in waits.out
    async with bench.recorder():
        await bench.until_recorded()
        works = await execledger("doctor", **settings)
    assert (works.status, "recording: 1 member(s) in the consumer group" in works.out) == (0, True), works.out
