"""``taskmanager letters``: dead letters, looked at without being consumed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from taskmanager.bootstrap import build_topology
from taskmanager.cli.environment import load_settings
from taskmanager.cli.screen import print_json
from warren.codec import encode_json
from warren.dead_letters import MOST_LETTERS, Letter
from warren.envelope import DeadLetter
from warren.operations import look_at_letters


def letters(
    *,
    most: Annotated[int, typer.Option(min=1, max=MOST_LETTERS, help="Letters to show, the oldest ones.")] = 20,
) -> None:
    """Print dead letters, oldest first, one JSON object each; all of them stay in the queue as they are."""
    settings = load_settings()
    for letter in asyncio.run(look_at_letters(settings.amqp_url, build_topology(settings), most)):
        print_json(encode_json(as_document(letter)))


def as_document(letter: Letter) -> dict[str, object]:
    """Make what is shown of a letter: what the worker wrote, or the body as text where the broker moved a message."""
    content: object = letter.content
    if not isinstance(letter.content, DeadLetter):
        content = {"body": letter.content.decode(errors="backslashreplace")}
    deaths = [{"queue": death.queue, "reason": death.reason, "count": death.count} for death in letter.deaths]
    return {"correlation_id": letter.correlation_id, "letter": content, "deaths": deaths}
