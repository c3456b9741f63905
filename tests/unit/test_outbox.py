"""Messages of one key go out in their order, whatever fails on the way, and nothing else waits for them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from execledger_recorder.duties.relay import Waiting, send_in_turn
from execledger_recorder.store import OutboxRow


def waiting(keys: list[bytes | None]) -> list[Waiting]:
    return [(number, OutboxRow("topic", key, str(number).encode(), "[]")) for number, key in enumerate(keys)]


@given(st.lists(st.sampled_from([b"a", b"b", None]), max_size=12), st.lists(st.integers(0, 3), max_size=20))
async def test_the_messages_of_a_key_arrive_in_order_and_each_once_whatever_is_refused(
    keys: list[bytes | None], takes: list[int]
) -> None:
    left = waiting(keys)
    arrived: dict[bytes | None, list[int]] = defaultdict(list)
    taking = iter(takes)

    async def send(messages: Sequence[OutboxRow]) -> int | Exception:
        await asyncio.sleep(0)
        taken = messages[: next(taking, 1)]
        for message in taken:
            arrived[message.key].append(int(message.value or b""))
        return len(taken) or OSError("not now")

    while left:
        taken, failures = await send_in_turn(left, send, in_order=True)
        assert failures or len(taken) == len(left)
        left = [each for each in left if each[0] not in taken]
    for key in (b"a", b"b"):
        assert arrived[key] == [number for number, said in enumerate(keys) if said == key]
    assert sorted(arrived[None]) == [number for number, said in enumerate(keys) if said is None]


async def test_without_order_none_waits_for_another() -> None:
    """Five hundred dead letters of one key take one round trip, not five hundred."""
    at_once = 0
    everybody = asyncio.Event()

    async def send(messages: Sequence[OutboxRow]) -> int:
        nonlocal at_once
        at_once += 1
        if at_once == 500:
            everybody.set()
        await everybody.wait()
        return len(messages)

    taken, _ = await asyncio.wait_for(send_in_turn(waiting([b"a"] * 500), send, in_order=False), 10)
    assert len(taken) == 500
