"""What the outermost layer does with answers."""

import pytest
from starlette.types import Message

from execledger_query.correlation import correlation_of
from execledger_query.edge import _Answer, _is_for_this_machine


async def test_a_large_answer_is_handed_on_piece_by_piece() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = bytes(range(256)) * 1000
    correlation = correlation_of({})
    answer = _Answer({"path": "/"}, send, None, correlation)  # type: ignore[arg-type]  # nothing of /v1 is asked for
    await answer.send({"type": "http.response.body", "body": body})
    assert b"".join(message["body"] for message in sent) == body
    assert max(len(message["body"]) for message in sent) == 65_536
    assert [message["more_body"] for message in sent] == [True] * (len(sent) - 1) + [False]


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        (b"localhost:8080", True),
        (b"127.0.0.1", True),
        (b"[::1]:8080", True),
        (b"LocalHost", True),
        (b"evil.test:8080", False),
        (b"localhost.evil.test", False),
        (b"127.0.0.1@evil.test", False),
        (b"10.0.0.1", False),
        (b"[", False),
        (b"", False),
    ],
)
def test_only_names_of_this_machine_are_for_this_machine(host: bytes, is_ours: bool) -> None:
    assert _is_for_this_machine({"type": "http", "headers": [(b"host", host)]}) == is_ours
