"""The observer that records: it writes each point of a request's life into memory that a file shares."""

from __future__ import annotations

import mmap
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from leveret.observe.outcome_words import OutcomeWord, outcome_word
from leveret.observe.recorder.folder import LOCK_SUFFIX, SUFFIX, clean_up, default_folder, lock_of, own_folder
from leveret.observe.recorder.record_format import (
    ACTION_AT,
    HEADER_SIZE,
    MOMENTS_AT,
    OUTCOME_AT,
    RECORD_SIZE,
    RecordingHeader,
    encode_action,
    encode_header,
    encode_new,
    encode_outcome,
)
from leveret.observe.records import Admitted, Begun, Committed, Ended, Received, Record, Settled, Subject

K = TypeVar("K")

LEAST_RECORDS: Final = 1000
"""Requests that a recording holds at least."""

_MOST_ENCODED: Final = 1000
"""Actions and outcomes whose bytes are remembered; then the memory begins anew."""

_PLACE: Final[Mapping[object, int]] = {
    kind: MOMENTS_AT // 8 + number for number, kind in enumerate((Received, Admitted, Begun, Ended, Committed, Settled))
}


class FlightRecorder:
    """Records the last requests of one worker in a file; an observer, see ``leveret.observe``.

    What is written stays in the file when the process is killed. The file holds ids, actions, moments and outcomes;
    no data, and nothing of who asked. Several threads may call it: each request has a record of its own.

    Args:
        application: name of the application, with which the file's name begins.
        worker: name of the worker, as the broker lists it.
        records: how many requests are kept. It must be larger than the number of requests that the worker holds,
            because the oldest records are written over, also if their request is still in hand.
        folder: where the file is made; by default in shared memory.

    Raises:
        OSError: there is no room for the file, or its folder is not only this user's.
    """

    def __init__(
        self, application: str, worker: str, *, records: int = LEAST_RECORDS, folder: Path | None = None
    ) -> None:
        folder = own_folder(folder or default_folder())
        clean_up(folder, application)
        self.path = folder / f"{_file_name(application)}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        self._size = records
        self._offset = time.time() - time.monotonic()
        self._header = RecordingHeader(os.getpid(), records, time.time(), 0.0, application, worker)
        self._lock = lock_of(self.path)
        self._lock.acquire()
        try:
            self._memory = _make_file(self.path, self._header)
        except BaseException:
            self.path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)
            self._lock.release()
            raise
        self._bytes = memoryview(self._memory)
        self._moments = self._bytes.cast("d")  # an item is written as a whole
        self._sequence = 0
        self._places: dict[int, int] = {}
        self._occupants: list[tuple[int, str]] = [(0, "")] * records  # whose record it is, and the id that it holds
        self._actions: dict[tuple[str, int], bytes] = {}
        self._outcomes: dict[tuple[OutcomeWord, str], bytes] = {}

    def __call__(self, record: Record) -> None:
        """Write one point of a request's life."""
        kind, subject = type(record), record.subject
        key = id(subject.delivery)
        at = self._take_place(key, subject) if kind is Received else self._places.get(key)
        if at is None:  # its record was written over
            return
        if kind is Admitted:
            self._write_subject(at, subject)
        elif kind is Settled:
            self._settle(at, key, record)  # type: ignore[arg-type]  # it is one: `isinstance` takes as long as the rest
        self._moments[(at >> 3) + _PLACE[kind]] = record.at + self._offset

    def close(self) -> None:
        """Note that the process ends in good order."""
        header = replace(self._header, closed=time.time())
        self._memory[:HEADER_SIZE] = encode_header(header)
        self._lock.release()

    def _take_place(self, key: int, subject: Subject) -> int:
        """Write over the oldest record, and return where it is."""
        number = self._sequence % self._size
        at = HEADER_SIZE + number * RECORD_SIZE
        former = self._occupants[number][0]
        if self._places.get(former) == at:
            del self._places[former]
        self._sequence += 1
        self._occupants[number] = key, subject.id
        self._places[key] = at
        self._bytes[at : at + RECORD_SIZE] = encode_new(self._sequence, subject.id)
        return at

    def _write_subject(self, at: int, subject: Subject) -> None:
        """Write what is known when the message was read: the action, and the id if it is another one than before."""
        known = subject.action, subject.attempt
        action = self._actions.get(known)
        if action is None:
            action = encode_action(*known)
            _remember(self._actions, known, action)
        self._bytes[at + ACTION_AT : at + MOMENTS_AT] = action
        number = (at - HEADER_SIZE) // RECORD_SIZE
        if self._occupants[number][1] != subject.id:
            sequence = int.from_bytes(self._memory[at + 4 : at + 12], "little")
            self._bytes[at : at + ACTION_AT] = encode_new(sequence, subject.id)[:ACTION_AT]

    def _settle(self, at: int, key: int, record: Settled) -> None:
        if not self._moments[(at >> 3) + _PLACE[Admitted]]:
            self._write_subject(at, record.subject)
        outcome = outcome_word(record.outcome)
        data = self._outcomes.get(outcome)
        if data is None:
            data = encode_outcome(*outcome)
            _remember(self._outcomes, outcome, data)
        self._bytes[at + OUTCOME_AT : at + OUTCOME_AT + len(data)] = data
        self._places.pop(key, None)


def _remember(encoded: dict[K, bytes], known: K, data: bytes) -> None:
    """Remember bytes; strangers may write any number of names."""
    if len(encoded) >= _MOST_ENCODED:
        encoded.clear()
    encoded[known] = data


def _make_file(path: Path, header: RecordingHeader) -> mmap.mmap:
    """Make the file under another name and then rename it, so that readers see it whole.

    All bytes are written at once: writing into memory for which the system has no room would end the process.
    """
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "r+b", closefd=False) as file:
            file.write(encode_header(header) + bytes(header.size * RECORD_SIZE))
        memory = mmap.mmap(descriptor, HEADER_SIZE + header.size * RECORD_SIZE)
        new.rename(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return memory


def _file_name(application: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in application)[:64]
