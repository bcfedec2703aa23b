"""Reads recordings: what a worker did last, and what it had in hand when it died."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from leveret.observe.recorder.folder import RecordingFile, check_folder, default_folder, files_of
from leveret.observe.recorder.record_format import (
    HEADER_SIZE,
    RECORD_SIZE,
    RecordedRequest,
    RecordingHeader,
    decode_record,
    is_torn,
)


class FlightRecording(Struct, frozen=True, kw_only=True):
    """What one worker process has recorded.

    Attributes:
        application: name of the application.
        worker: name of the worker.
        pid: its process.
        path: the file.
        started: when the recording was begun, POSIX seconds.
        closed: when the process ended in good order; None if it lives or died.
        alive: whether the process lives.
        torn: how many records the process was writing when it died; they cannot be read.
        requests: the last requests, the newest first.
    """

    application: str
    worker: str
    pid: int
    path: str
    started: float
    closed: float | None
    alive: bool
    torn: int
    requests: tuple[RecordedRequest, ...]

    @property
    def died(self) -> bool:
        """Whether its process is gone and did not end in good order."""
        return not self.alive and self.closed is None

    @property
    def in_hand(self) -> tuple[RecordedRequest, ...]:
        """The requests that had not come to their end: those of a process that died are delivered again."""
        return tuple(request for request in self.requests if request.in_hand)


def read_recordings(application: str | None = None, *, folder: Path | None = None) -> list[FlightRecording]:
    """Return the recordings on this machine, the newest first.

    Args:
        application: whose recordings; None for all.
        folder: where they are; by default where this user's workers make them.

    Raises:
        OSError: they cannot be read; or nobody named the folder, and the one of this user is not only this user's, so
            that a stranger could have written what is in it.
    """
    place = default_folder() if folder is None else folder
    if folder is None and os.path.lexists(place):
        check_folder(place)
    found = [_read(file) for file in files_of(place, application)]
    return sorted(found, key=lambda recording: recording.started, reverse=True)


def find(
    application: str, request_id: str, *, folder: Path | None = None
) -> Iterator[tuple[FlightRecording, RecordedRequest]]:
    """Return what the workers of an application on this machine have recorded of a request, the newest first.

    Args:
        application: name of the application.
        request_id: the request's id.
        folder: where the recordings are; by default where this user's workers make them.

    Raises:
        OSError: they cannot be read.
    """
    for recording in read_recordings(application, folder=folder):
        yield from ((recording, request) for request in recording.requests if request.id == request_id)


def _read(file: RecordingFile) -> FlightRecording:
    data = memoryview(file.path.read_bytes())
    records = list(_records(data, file.header))
    requests = [request for each in records if (request := decode_record(each))]
    return FlightRecording(
        application=file.header.application,
        worker=file.header.worker,
        pid=file.header.pid,
        path=str(file.path),
        started=file.header.started,
        closed=file.header.closed or None,
        alive=file.alive,
        torn=0 if file.alive else sum(map(is_torn, records)),
        requests=tuple(sorted(requests, key=lambda request: request.sequence, reverse=True)),
    )


def _records(data: memoryview, header: RecordingHeader) -> Iterator[memoryview]:
    for at in range(HEADER_SIZE, HEADER_SIZE + header.size * RECORD_SIZE, RECORD_SIZE):
        if len(data) < at + RECORD_SIZE:  # it was cut, or its header names more than there are
            return
        yield data[at : at + RECORD_SIZE]
