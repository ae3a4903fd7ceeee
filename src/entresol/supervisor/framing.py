"""Batches of messages as frames: four bytes of length, then a MessagePack array. Sans-IO."""

from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from entresol.supervisor.messages import FromSupervisor, FromWorker

M = TypeVar("M")
MAX_FRAME: Final = 256 * 1024 * 1024
"""A frame may hold a whole configuration file. More than this is a broken stream."""

_encoder: Final = msgspec.msgpack.Encoder()


def frame(messages: Sequence[FromWorker | FromSupervisor]) -> bytes:
    """One batch as bytes."""
    body = _encoder.encode(messages)
    return len(body).to_bytes(4, "big") + body


class FrameReader(Generic[M]):
    """Takes bytes as they come and gives back messages, in order."""

    def __init__(self, decoder: "msgspec.msgpack.Decoder[list[M]]") -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[M]:
        """The messages that `data` completes. Raises ValueError on a stream that is not ours."""
        buffer = self._buffer
        buffer += data
        start = 0
        batches = []
        while len(buffer) - start >= 4:
            size = int.from_bytes(buffer[start : start + 4], "big")
            if size > MAX_FRAME:
                raise ValueError(f"frame of {size} bytes")
            if len(buffer) - start - 4 < size:
                break
            batches.append(bytes(buffer[start + 4 : start + 4 + size]))
            start += 4 + size
        del buffer[:start]
        for batch in batches:
            yield from self._decoder.decode(batch)


def worker_messages() -> "FrameReader[FromWorker]":
    """Reads what workers send."""
    return FrameReader(msgspec.msgpack.Decoder(list[FromWorker]))


def supervisor_messages() -> "FrameReader[FromSupervisor]":
    """Reads what the supervisor sends."""
    return FrameReader(msgspec.msgpack.Decoder(list[FromSupervisor]))
