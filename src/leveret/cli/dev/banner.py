"""What ``dev`` prints before the first request: where everything is, and a call to try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from leveret.application import Application
from leveret.cli.command_line import CommandLine
from leveret.cli.dev.broker import BrokerChoice
from leveret.cli.dev.example import example_action, example_words
from leveret.cli.dev.paint import Paint
from leveret.settings import Settings
from leveret.settings.values import shown_database
from leveret.wire.words import counted

_LABEL: Final = 12


def where_it_is(app: Application, settings: Settings, broker: BrokerChoice) -> Iterator[tuple[str, str]]:
    """Yield labels and texts: broker, management page and database."""
    yield "broker", f"{broker.url}  {broker.about}"
    if broker.management_url:
        yield "management", f"{broker.management_url}  user guest, password guest"
    if app.uses_database(settings):
        yield "database", shown_database(settings.database_url)


def what_to_do(called: CommandLine, app: Application, files: int) -> Iterator[tuple[str, str]]:
    """Yield labels and texts: which files are watched, and a call to try."""
    here = Path.cwd()
    places = ["this folder" if place == here else str(place) for place in called.places()]
    yield "watching", f"{', '.join(places)} ({counted(files, 'file')})"
    yield "try", try_call(called, app)


def table(rows: Iterable[tuple[str, str]], paint: Paint) -> str:
    """Return labels and texts as lines."""
    return "\n".join(f"  {paint(f'{label:<{_LABEL}}', 'quiet')}{text}" for label, text in rows)


def try_call(called: CommandLine, app: Application) -> str:
    """Return a call to try, as a person types it; or what to do if there is nothing to call."""
    app.complete()
    action = example_action(app)
    if action is None or action.name == "health_check":
        hint = 'no action is registered yet: write a function with @app.action("v1", "hello") above it'
        return f"{called.shown('call')} health_check   ({hint})" if action else hint
    words = example_words(action)
    given = words if words is not None else ["--data '{...}'"]
    return " ".join([called.shown("call"), action.name, *given])
