"""The bytes of a recording: a header, and records of one size. No I/O.

A record consists of four parts that are written at different times: which request it is about, its action, six moments,
and the outcome. All but the moments have a checksum, because a process may die while it writes them; to write one part
endangers no other. A moment is eight bytes at an address that eight divides, which a processor writes as a whole.
"""

from __future__ import annotations

import struct
from math import isfinite
from typing import Final
from zlib import crc32

from msgspec import Struct

from leveret.observe.outcome_words import OutcomeWord

MAGIC: Final = b"leveret recorder 2\n"

HEADER_SIZE: Final = 256
RECORD_SIZE: Final = 320
"""Bytes of the header, and of each record."""

POINTS: Final = ("received", "admitted", "begun", "ended", "committed", "settled")
"""The points of a request's life, in the order in which their moments stand in a record."""

_HEADER: Final = struct.Struct("<32sIIdd64s128s")
_SUBJECT: Final = struct.Struct("<QB")
_ACTION: Final = struct.Struct("<HB64sx")
_OUTCOME: Final = struct.Struct("<BB42s")
_CHECK: Final = struct.Struct("<I")
_MOMENTS: Final = struct.Struct("<6d")

_SUBJECT_AT: Final = 4
ACTION_AT: Final = 144
MOMENTS_AT: Final = 216
OUTCOME_AT: Final = 264
"""Where the parts of a record begin; those that have a checksum begin with its four bytes."""

_LONGEST_ID: Final = 128
_LONGEST_ACTION: Final = 64
_LONGEST_CODE: Final = 42


_OUTCOMES: Final = tuple(OutcomeWord)


class RecordedRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request as a worker has recorded it. Moments are POSIX seconds; None for a point that it has not passed.

    Attributes:
        sequence: the request's number in its recording, from 1.
        id: the request's id; the correlation id until the message was read.
        action: version and name; ``-`` where they are not known.
        attempt: which attempt it is, from 1.
        received, admitted, begun, ended, committed, settled: when it passed each point, see ``leveret.observe``.
        outcome: what became of it; None before that, and if the process died while it wrote that.
        code: code of the error, or of the letter; empty without one.
    """

    sequence: int
    id: str
    action: str
    attempt: int = 1
    received: float | None = None
    admitted: float | None = None
    begun: float | None = None
    ended: float | None = None
    committed: float | None = None
    settled: float | None = None
    outcome: OutcomeWord | None = None
    code: str = ""

    @property
    def in_hand(self) -> bool:
        """Whether it had not come to its end."""
        return self.settled is None and self.outcome is None

    @property
    def running(self) -> bool:
        """Whether its action had begun and not ended."""
        return self.in_hand and self.begun is not None and (self.ended is None or self.ended < self.begun)


class RecordingHeader(Struct, frozen=True):
    """What stands at the beginning of a recording.

    Attributes:
        pid: the process that writes it.
        size: how many records it has.
        started: when it was begun, POSIX seconds.
        closed: when the process ended in good order; 0 before that.
        application: name of the application.
        worker: name of the worker.
    """

    pid: int
    size: int
    started: float
    closed: float
    application: str
    worker: str


def encode_header(header: RecordingHeader) -> bytes:
    """Return the bytes of a header; names that are too long are cut."""
    names = _cut(header.application, 64), _cut(header.worker, 128)
    data = _HEADER.pack(MAGIC, header.pid, header.size, header.started, header.closed, *names)
    return data.ljust(HEADER_SIZE, b"\0")


def decode_header(data: bytes | bytearray | memoryview) -> RecordingHeader | None:
    """Return the header of a recording; None if these are not the bytes of one."""
    if len(data) < HEADER_SIZE:
        return None
    magic, pid, size, started, closed, application, worker = _HEADER.unpack_from(data)
    if magic.rstrip(b"\0") != MAGIC or not (isfinite(started) and isfinite(closed)):
        return None
    return RecordingHeader(pid, size, started, closed, _text(application), _text(worker))


def encode_new(sequence: int, request_id: str) -> bytes:
    """Return a record in which only the first part is written, with its checksum; an id that is too long is cut."""
    known = _cut(request_id, _LONGEST_ID)
    data = _SUBJECT.pack(sequence, len(known)) + known  # without what fills it up: a checksum takes time by length
    return (_CHECK.pack(crc32(data)) + data).ljust(RECORD_SIZE, b"\0")


def encode_action(action: str, attempt: int) -> bytes:
    """Return the second part of a record, with its checksum; a name that is too long is cut."""
    name = _cut(action, _LONGEST_ACTION)
    data = _ACTION.pack(min(65535, attempt), len(name), name)
    return _CHECK.pack(crc32(data)) + data


def encode_outcome(outcome: OutcomeWord, code: str) -> bytes:
    """Return the last part of a record, with its checksum."""
    known = _cut(code, _LONGEST_CODE)
    data = _OUTCOME.pack(_OUTCOMES.index(outcome) + 1, len(known), known)
    return _CHECK.pack(crc32(data)) + data


def decode_record(data: bytes | bytearray | memoryview) -> RecordedRequest | None:
    """Return a record; None if it was never written, or only in part. Parts that are damaged count as not written."""
    sequence, length = _SUBJECT.unpack_from(data, _SUBJECT_AT)
    known = bytes(data[_SUBJECT_AT + _SUBJECT.size : _SUBJECT_AT + _SUBJECT.size + min(length, _LONGEST_ID)])
    if not sequence or _CHECK.unpack_from(data)[0] != crc32(known, crc32(data[_SUBJECT_AT:][: _SUBJECT.size])):
        return None
    moments = (each if isfinite(each) and each > 0 else None for each in _MOMENTS.unpack_from(data, MOMENTS_AT))
    action, attempt = _decode_action(bytes(data[ACTION_AT : ACTION_AT + 4 + _ACTION.size]))
    outcome, code = _decode_outcome(bytes(data[OUTCOME_AT : OUTCOME_AT + 4 + _OUTCOME.size]))
    return RecordedRequest(
        sequence=sequence,
        id=_text(known),
        action=action,
        attempt=attempt,
        outcome=outcome,
        code=code,
        **dict(zip(POINTS, moments, strict=True)),
    )


def is_torn(data: bytes | bytearray | memoryview) -> bool:
    """Return whether a process died while it wrote the first part of this record."""
    return any(data[:ACTION_AT]) and decode_record(data) is None


def _decode_action(data: bytes) -> tuple[str, int]:
    attempt, length, name = _ACTION.unpack_from(data, _CHECK.size)
    if _CHECK.unpack_from(data)[0] != crc32(data[_CHECK.size :]):
        return "-", 1
    return _text(name[:length]), attempt


def _decode_outcome(data: bytes) -> tuple[OutcomeWord | None, str]:
    number, length, code = _OUTCOME.unpack_from(data, _CHECK.size)
    if not 1 <= number <= len(_OUTCOMES) or _CHECK.unpack_from(data)[0] != crc32(data[_CHECK.size :]):
        return None, ""
    return _OUTCOMES[number - 1], _text(code[:length])


def _cut(text: str, most: int) -> bytes:
    return text.encode("utf-8", "replace")[:most]


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
