"""What the outermost layer does with answers."""

from starlette.types import Message

from execledger_query.edge import _Answer


async def test_a_large_answer_is_handed_on_piece_by_piece() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = bytes(range(256)) * 1000
    answer = _Answer({"path": "/"}, send, None)  # type: ignore[arg-type]  # nothing of /v1 is asked for
    await answer.send({"type": "http.response.body", "body": body})
    assert b"".join(message["body"] for message in sent) == body
    assert max(len(message["body"]) for message in sent) == 65_536
    assert [message["more_body"] for message in sent] == [True] * (len(sent) - 1) + [False]
