"""The command ``explain``: says where a request is, and what happened to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.terminal.screen import print_json
from leveret.operate.explain import HOLDS_NOW, Explanation, KnownFact, RequestStory, explain
from leveret.process.exit_codes import FAILED
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable, shown

_LONGEST_ID: Final = 128
_WIDTH: Final = len(iso_time(datetime.fromtimestamp(0, UTC)))


def explain_request(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the request.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Say where a request is and what happened to it, each fact with its source; nothing is changed.

    An id belongs to its caller, so one id may be several requests: all of them are shown. What cannot be known is named
    too, with the reason. Exit code 1: nothing is known.
    """
    settings = load_settings(context, needs_secret=False)
    explanation = asyncio.run(explain(application(context), settings, request_id))
    if as_json:
        print_json(encode_json(explanation))
    else:
        typer.echo("\n".join(map(printable, lines_of(explanation))))
    if not explanation.stories:
        raise typer.Exit(FAILED)


def lines_of(explanation: Explanation) -> Iterator[str]:
    """Return the lines of an explanation."""
    name = shown(explanation.id, _LONGEST_ID)
    for story in explanation.stories:
        yield f"{name}{_whose(story)}: {story.text}."
        yield from (f"  {_moment(fact)}  {fact.text}  [{fact.source}]" for fact in story.facts)
    if not explanation.stories:
        yield f"{name}: nothing is known of this request."
    if explanation.blind:
        yield "What cannot be known:"
        yield from (f"  {spot.source}: {spot.why}" for spot in explanation.blind)


def _whose(story: RequestStory) -> str:
    if story.principal is None:
        return ", of a caller who is not known"
    return f", of {shown(story.principal, _LONGEST_ID)}" if story.principal else ", of an anonymous caller"


def _moment(fact: KnownFact) -> str:
    if fact.at is not None:
        return iso_time(datetime.fromtimestamp(fact.at, UTC))
    return ("now" if fact.event in HOLDS_NOW else "then").ljust(_WIDTH)
