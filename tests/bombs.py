"""Batches of Kafka's that are small on the wire and swell when they are read, as the wire has them (KIP-98)."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.codec import snappy_encode
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

CODECS: Final = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HEADER: Final = 61
_ATTRIBUTES: Final = 21
_SPACES: Final = 16  # their number is written as a space
_CHUNK: Final = bytes(16 * 1024 * 1024)
_AT_MS: Final = 1_772_366_400_123


def plain_batch(values: Iterable[bytes | None], codec: str | None = None, offset: int = 0) -> bytes:
    """Records with these values."""
    builder = DefaultRecordBatchBuilder(2, CODECS.get(codec or "", 0), 0, -1, -1, -1, 2**30)
    for number, value in enumerate(values):
        builder.append(number, _AT_MS + number, b"key", value, [])
    return offset.to_bytes(8, "big") + bytes(builder.build())[8:]


def raw_snappy(batch: bytes) -> bytes:
    """The batch that snappy_encode wrote in blocks, as one block."""
    records = [_record(n, each.value, each.timestamp, each.key) for n, each in enumerate(DefaultRecordBatch(batch))]
    packed = cramjam.snappy.compress_raw(b"".join(records))
    return _batch(CODECS["snappy"], bytes(packed), len(records))


def bomb(codec: str, size: int, before: Iterable[bytes] = (), after: Iterable[bytes] = ()) -> bytes:
    """A batch of records, one of which is so many bytes of nothing."""
    first, last = list(before), list(after)
    number = len(first) + 1 + len(last)

    def pieces() -> Iterator[bytes]:
        yield b"".join(_record(n, value) for n, value in enumerate(first))
        head = _head(len(first), 0, None) + _varint(size)
        yield _varint(len(head) + size + 1) + head
        for begin in range(0, size, len(_CHUNK)):
            yield _CHUNK[: size - begin]
        yield b"\0"
        yield b"".join(_record(n, value) for n, value in enumerate(last, len(first) + 1))

    return _batch(CODECS[codec], _PACK[codec](pieces()), number)


def many(codec: str, number: int) -> bytes:
    """A batch of so many records with nothing in them."""
    return _batch(CODECS[codec], _PACK[codec](_record(n, b"") for n in range(number)), number)


def leaping(ahead: int, before: Iterable[bytes] = ()) -> bytes:
    """A batch whose last record lies in its place for the broker, and for aiokafka so many offsets ahead.

    Its attributes are a byte, 0xFF, which aiokafka takes for the beginning of a longer number: all that follows is then
    read as what comes next: the length of the key, from 100 to 8,000, as the offset, and the key as no key and a value.
    """
    first = [_record(n, value) for n, value in enumerate(before)]
    behind = _varint(_SPACES) + b" " * _SPACES
    seen = ahead - 3 + len(behind)  # what aiokafka takes for the value: the key's rest, the true value and its length
    key = (_varint(-1) + _varint(seen)).ljust(ahead)
    last = b"\xff\0" + _varint(len(first)) + _varint(ahead) + key + behind + b"\0"
    return _batch(0, b"".join([*first, _varint(len(last)) + last]), len(first) + 1)


async def send_batch(producer: AIOKafkaProducer, topic: str, batch: bytes, partition: int = 0) -> None:
    """Send it as it is."""
    builder: Any = producer.create_batch()
    builder.append(key=None, value=b"", timestamp=None)
    builder._build()
    builder._buffer = bytearray(batch)
    await (await producer.send_batch(builder, topic, partition=partition))


def _batch(codec: int, packed: bytes, number: int) -> bytes:
    rest = struct.pack(">hiqqqhii", codec, number - 1, _AT_MS, _AT_MS, -1, -1, -1, number) + packed
    checked = struct.pack(">ibI", 0, 2, calc_crc32c(rest)) + rest
    return struct.pack(">qi", 0, len(checked)) + checked


def _record(number: int, value: bytes | None, at_ms: int = _AT_MS, key: bytes | None = None) -> bytes:
    body = _head(number, at_ms - _AT_MS, key) + (_varint(-1) if value is None else _varint(len(value)) + value) + b"\0"
    return _varint(len(body)) + body


def _head(number: int, after_ms: int, key: bytes | None) -> bytes:
    named = _varint(-1) if key is None else _varint(len(key)) + key
    return b"\0" + _varint(after_ms) + _varint(number) + named


def _varint(number: int) -> bytes:
    left = number << 1 ^ number >> 63  # zigzag
    written = bytearray()
    while left > 0x7F:
        written.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*written, left])


def _gzip(pieces: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(map(packer.compress, pieces)) + packer.flush()


def _streamed(packer: Any) -> Callable[[Iterable[bytes]], bytes]:
    def pack(pieces: Iterable[bytes]) -> bytes:
        packing = packer()
        for piece in pieces:
            packing.compress(piece)
        return bytes(packing.finish())

    return pack


_PACK: Final[dict[str, Callable[[Iterable[bytes]], bytes]]] = {
    "gzip": _gzip,
    "snappy": lambda pieces: snappy_encode(b"".join(pieces)),
    "lz4": _streamed(cramjam.lz4.Compressor),
    "zstd": _streamed(cramjam.zstd.Compressor),
}
