"""The command ``recorder``: shows what workers on this machine did last, and what they had in hand when they died."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from leveret.cli.context import application
from leveret.cli.ending.endings import CommandFailed
from leveret.cli.terminal.screen import print_json
from leveret.observe.recorder.folder import default_folder
from leveret.observe.recorder.reading import FlightRecording, read_recordings
from leveret.observe.recorder.record_format import RecordedRequest
from leveret.process.exit_codes import FAILED
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable
from leveret.wire.words import counted

_LAST: Final = 10


def recorder(
    context: typer.Context,
    request_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only the request with this id.", show_default=False)
    ] = None,
    *,
    last: Annotated[int, typer.Option(metavar="N", min=0, help="Requests that are shown of each worker.")] = _LAST,
    folder: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Folder of the recordings. Default: that of this user.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Show the last requests of the workers on this machine, and what a worker had in hand when it died.

    Workers record with PREFIX_RECORDER=on. What is in hand is always shown. Exit code 1: nothing is recorded.
    """
    place = folder or default_folder()
    try:
        found = read_recordings(application(context).name, folder=folder)
    except OSError as error:
        raise CommandFailed(f"recordings cannot be read: {error}") from error
    chosen = [_chosen(each, request_id, last) for each in found]
    chosen = [each for each in chosen if each.requests or request_id is None]
    if as_json:
        print_json(encode_json(chosen))
    else:
        typer.echo("\n".join(map(printable, lines_of(chosen))) or _nothing(context, place, request_id))
    if not chosen:
        raise typer.Exit(FAILED)


def _nothing(context: typer.Context, place: Path, request_id: str | None) -> str:
    if request_id is not None:
        return printable(f"nothing is recorded of {request_id} in {place}")
    return f"nothing is recorded in {place}: workers record there with {application(context).prefix}RECORDER=on"


def lines_of(recordings: Sequence[FlightRecording]) -> Iterator[str]:
    """Return the lines that show recordings."""
    for each in recordings:
        yield _life(each)
        if each.torn:
            yield f"  {counted(each.torn, 'record')} cannot be read: the process died while it wrote there"
        yield from (f"  {_line(request, died=each.died)}" for request in each.requests)


def _chosen(recording: FlightRecording, request_id: str | None, last: int) -> FlightRecording:
    if request_id is not None:
        kept = [each for each in recording.requests if each.id == request_id]
    else:
        in_hand = [each for each in recording.requests if each.in_hand]
        kept = in_hand + [each for each in recording.requests if not each.in_hand][:last]
    return replace(recording, requests=tuple(kept))


def _life(recording: FlightRecording) -> str:
    who = f"{recording.worker}, since {_time(recording.started)}"
    if recording.alive:
        return f"alive: {who}"
    if recording.closed is not None:
        return f"ended: {who}, until {_time(recording.closed)}"
    return f"DIED:  {who}, with {counted(len(recording.in_hand), 'request')} in hand"


def _line(request: RecordedRequest, *, died: bool) -> str:
    return f"{_time(request.received or 0)}  {_end(request, died=died):<36}  {request.id or '?'} {_what(request)}"


def _what(request: RecordedRequest) -> str:
    return request.action if request.attempt == 1 else f"{request.action} attempt {request.attempt}"


def _end(request: RecordedRequest, *, died: bool) -> str:
    if request.in_hand:
        where = "running" if request.running else "in hand"
        return f"{where} when it died" if died else where
    took = (request.settled or 0) - (request.received or 0)
    text = request.outcome.value.replace("_", " ") if request.outcome else "settled"
    return f"{text}{' ' if request.code else ''}{request.code}" + (f" {took * 1000:.1f} ms" if took >= 0 else "")


def _time(moment: float) -> str:
    return iso_time(datetime.fromtimestamp(moment, UTC))
