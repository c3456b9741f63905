"""Records with a header whose name is not UTF-8, as another language's client may send them."""

import gzip
import struct
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

NAME: Final = "odd-name"
SENT: Final = b"\xffdd-\xe4ame"
READ: Final = "\ufffddd-\ufffdame"
_CRC: Final = slice(17, 21)
_ATTRIBUTES: Final = 21
_RECORDS: Final = 61


def crooked(batch: bytes, *, compressed: bool = False) -> bytes:
    """The bytes of a batch, with the name of the header NAME as such a client sends it."""
    records = batch[_RECORDS:].replace(NAME.encode(), SENT)
    head = bytearray(batch[:_RECORDS])
    if compressed:
        records = gzip.compress(records)
        head[8:12] = struct.pack(">i", _RECORDS - 12 + len(records))
        head[_ATTRIBUTES + 1] |= 1
    whole = head + records
    whole[_CRC] = struct.pack(">I", calc_crc32c(bytes(whole[_ATTRIBUTES:])))
    return bytes(whole)


async def send_crooked(
    producer: AIOKafkaProducer, topic: str, values: list[bytes | None], odd: set[int], partition: int = 0
) -> None:
    """These values in one batch; those at the places `odd` with such a header."""
    builder: Any = producer.create_batch()
    for place, value in enumerate(values):
        headers = [(NAME, b"\xff"), ("even", b"1")] if place in odd else [("even", b"1")]
        builder.append(key=b"key", value=value, timestamp=None, headers=headers)
    builder._buffer = bytearray(crooked(bytes(builder._build())))
    await (await producer.send_batch(builder, topic, partition=partition))
