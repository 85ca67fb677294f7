"""A message between two workers: one frame of header, form and data.

The header says which run, which sender and incarnation, and a checksum of everything that follows or stands
in it; the form (JSON) says the channel and the payload's shape; the data are the arrays' bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from rfast_bench.conditions.payload import check_dtype, refusal

SEND, POST, OPEN, ADDRESS, HELLO = range(5)
"""Kinds: queued in order; newest wins; `where shall I post this channel?`; `there`; `I am back, and here`."""

_HEADER = struct.Struct("<8s8sIIIqqddI")
"""Magic, run, kind, incarnation, sender, sequence, count, sent, due, bytes of the form."""
_SUM = struct.Struct("<Q")
_MAGIC = b"rfast\x00\x01\n"
_START = _HEADER.size + _SUM.size
WORD = 8
MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)
"""What comes of a form that no worker writes."""


class Refused(Exception):
    """A frame that is not a whole message of this run; the text says why."""


@dataclass(slots=True)
class Message:
    """What a frame says. Times are seconds of the run's clock."""

    kind: int
    incarnation: int
    sender: int
    channel: Hashable
    sequence: int
    """Counts what the sender put on the wire for this edge, channel and kind."""
    count: int
    """Gradients the sender had done when the algorithm handed it over."""
    sent: float
    due: float
    """Held back by the receiver until then: injected latency. 0 is at once."""
    payload: Any = None

    @property
    def stamp(self) -> tuple[int, int]:
        """What is newer has the larger stamp; a worker that was started again counts from zero again."""
        return self.incarnation, self.sequence


def pack(run: bytes, message: Message) -> memoryview:
    """The frame of a message of run `run` (8 bytes). Payloads: arrays, numbers, words, tuples of those."""
    arrays: list[np.ndarray] = []
    form = json.dumps([_form(message.channel, arrays), _form(message.payload, arrays)]).encode()
    start = _START + len(form) + -(_START + len(form)) % WORD
    blank: Any = np.empty(start + sum(_padded(a.nbytes) for a in arrays), np.uint8)  # zeros would cost time
    frame = memoryview(blank)
    _HEADER.pack_into(
        *(frame, 0, _MAGIC, run, message.kind, message.incarnation, message.sender, message.sequence),
        *(message.count, message.sent, message.due, len(form)),
    )
    frame[_START:start] = form.ljust(start - _START)
    for array in arrays:
        np.frombuffer(frame, array.dtype, array.size, start)[:] = array.reshape(-1)
        padding = -array.nbytes % WORD
        start += array.nbytes + padding
        frame[start - padding : start] = bytes(padding)
    _SUM.pack_into(frame, _HEADER.size, _checksum(frame))
    return frame


def unpack(run: bytes, frame: Any) -> Message:
    """The message in a frame; its arrays are read-only views of it. Raises Refused."""
    buffer = memoryview(frame)
    if len(buffer) < _START or len(buffer) % WORD:
        raise Refused("truncated")
    magic, of, kind, incarnation, sender, sequence, count, sent, due, length = _HEADER.unpack_from(buffer)
    if magic != _MAGIC or of != run:
        raise Refused("another run")
    if _SUM.unpack_from(buffer, _HEADER.size)[0] != _checksum(buffer):
        raise Refused("checksum")
    try:
        channel, payload = json.loads(bytes(buffer[_START : _START + length]))
        reader = _Reader(buffer, _START + length + -(_START + length) % WORD)
        where, what = reader.value(channel), reader.value(payload)
        hash(where)
    except MALFORMED as problem:
        raise Refused("form") from problem
    return Message(kind, incarnation, sender, where, sequence, count, sent, due, what)


def _padded(size: int) -> int:
    return size + -size % WORD


def _form(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        check_dtype(value)
        arrays.append(value)
        return {"dtype": value.dtype.str, "shape": value.shape}
    if isinstance(value, tuple):
        return {"tuple": [_form(part, arrays) for part in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise refusal(value)


class _Reader:
    """Takes arrays from a frame, one after another."""

    def __init__(self, buffer: memoryview, at: int) -> None:
        self._buffer = buffer
        self._at = at

    def value(self, form: Any) -> Any:
        if not isinstance(form, dict):
            return form
        if "tuple" in form:
            return tuple(self.value(part) for part in form["tuple"])
        dtype, shape = np.dtype(form["dtype"]), form["shape"]
        if min(shape, default=0) < 0:
            raise ValueError("a shape below zero")
        array = np.frombuffer(self._buffer, dtype, int(np.prod(shape)), self._at).reshape(shape)
        array.flags.writeable = False
        self._at += _padded(array.nbytes)
        return array


def _checksum(frame: Any) -> int:
    """CRC of header and first words, and the sum of all words after the header: quick at 4 MB."""
    head = crc32(memoryview(frame)[: _HEADER.size])
    words = np.frombuffer(frame, np.uint64, offset=_START)
    total = int(np.add.reduce(words, dtype=np.uint64)) if len(words) else 0
    return (head << 32) ^ total
