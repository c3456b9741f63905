"""The small server for health and metrics: answers what it knows, and a bad client harms nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx2
import pytest

from execledger_runtime.listener import Answer, Kept, PortTakenError, answering, listening, respond

SECONDS = 0.5
PATHS = {
    "/healthz": lambda: Answer(b"alive\n"),
    "/readyz": lambda: Answer(b"waiting\n", HTTPStatus.SERVICE_UNAVAILABLE),
}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where it listens."""
    with listening("127.0.0.1", 0, "EXECLEDGER_PORT") as held:
        number: int = held.getsockname()[1]
        async with answering(held, PATHS, most=2, seconds=SECONDS):
            yield number


async def test_a_path_answers_with_its_status_and_length(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        healthy, waiting = await client.get("/healthz?full=1"), await client.get("/readyz")
        head = await client.head("/healthz")
    assert (healthy.status_code, healthy.text, healthy.headers["content-length"]) == (200, "alive\n", "6")
    assert healthy.headers["content-type"] == "text/plain; charset=utf-8"
    assert (waiting.status_code, waiting.text) == (503, "waiting\n")
    assert (head.status_code, head.text, head.headers["content-length"]) == (200, "", "6")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /nothing HTTP/1.1", b"404 Not Found"),
        (b"POST /healthz HTTP/1.1", b"405 Method Not Allowed"),
        (b"\xff\xfe", b"404 Not Found"),
        (b"", b"404 Not Found"),
    ],
)
def test_anything_else_is_refused(request_line: bytes, status: bytes) -> None:
    said = respond(request_line + b"\r\nHost: h\r\n\r\n", PATHS)
    assert said.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert (b"Allow: GET, HEAD\r\n" in said) == status.startswith(b"405")


@pytest.mark.parametrize("sent", [b"", b"GET /healthz", b"x" * 100_000])
async def test_a_client_that_says_no_request_is_dropped_in_time(port: int, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    except ConnectionResetError:  # what it had sent was not even read
        pass
    finally:
        writer.close()


async def test_silent_connections_keep_no_other_out() -> None:
    with listening("127.0.0.1", 0, "EXECLEDGER_PORT") as held:
        async with answering(held, PATHS, most=2, seconds=600):
            where = held.getsockname()
            silent = [await asyncio.open_connection(*where) for _ in range(5)]
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{where[1]}") as client:
                assert (await client.get("/healthz")).text == "alive\n"
            for _, writer in silent:
                writer.close()


def test_an_answer_that_takes_long_to_make_is_given_again_for_long() -> None:
    now = 0.0
    made = []

    def make() -> Answer:
        nonlocal now
        now += 0.01
        made.append(now)
        return Answer(b"")

    answer = Kept(make, lambda: now)
    for _ in range(100):
        answer()
        now += 0.01
    assert len(made) == 6  # 0.01 s of each 0.2 s, and the first


def test_a_port_that_is_taken_names_the_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"^EXECLEDGER_PORT: cannot listen on 127.0.0.1 port {number}: "):
            listening("127.0.0.1", number, "EXECLEDGER_PORT")
