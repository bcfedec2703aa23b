"""How the demonstration looks: narrow, wide, without a terminal, without Unicode, without colours."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from leveret.broker.queues import QueueReport
from taskmanager.demo.screen import Screen
from taskmanager.demo.worker_logs import LogLine

TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
REQUEST = {"id": "demo-03", "action": "login", "data": {"password": "correct horse"}, "auth": TOKEN}
RESPONSE = {"status": "ok", "data": {"access_token": TOKEN}}
LINES = [LogLine("12:00:00.123", "worker-1", "retry #1 for demo-08 because simulated temporary error")]


def shown(width: int, *, encoding: str = "utf-8", terminal: bool = False, **options: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=stream, width=width, highlight=False, force_terminal=terminal, _environ=options)  # type: ignore[arg-type]
    screen = Screen(console)
    screen.head("3  login", "A sentence.")
    screen.columns([("request", REQUEST), ("response", RESPONSE)], LINES)
    screen.queues([QueueReport("api.requests", "requests for the workers", 0, 1)])
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_in_80_columns_the_log_stands_below_and_no_line_is_longer() -> None:
    lines = shown(80).splitlines()
    assert max(map(len, lines)) == 80
    log = next(line for line in lines if "retry #1" in line)
    assert "12:00:00.123 worker-1 retry #1 for demo-08 because simulated temporary error" in log
    assert '"id"' not in log
    assert any("request" in line and "response" in line for line in lines)


def test_in_120_columns_the_log_stands_beside_request_and_response() -> None:
    lines = shown(120).splitlines()
    assert max(map(len, lines)) == 120
    assert any("request" in line and "response" in line and "log of the workers" in line for line in lines)
    assert any('"id"' in line and "retry #1 for demo-08 because" in line for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "cp850", "cp1252"])
def test_a_console_without_unicode_gets_plain_characters(encoding: str) -> None:
    assert "retry #1 for demo-08" in shown(80, encoding=encoding)


def test_passwords_are_hidden_and_tokens_shortened() -> None:
    for width in (80, 120):
        output = shown(width)
        assert "correct horse" not in output
        assert "********" in output
        assert TOKEN not in output
        assert "eyJhbGciOiJI..." in output


def test_no_color_is_honoured_and_a_terminal_has_colours_otherwise() -> None:
    assert "\x1b[36m" in shown(80, terminal=True, TERM="xterm")
    assert "\x1b[36m" not in shown(80, terminal=True, TERM="xterm", NO_COLOR="1")


def test_json_is_shown_as_it_is() -> None:
    raw = io.StringIO()
    value = {"text": "[bold]Größe[/bold] :smile:", "numbers": [1, 2.5, None, True]}
    Screen(Console(file=raw, width=200, highlight=False)).columns([("value", value)], [])
    inside = "".join(line.strip("│ ") for line in raw.getvalue().splitlines()[3:-1])
    assert json.loads(inside) == value
