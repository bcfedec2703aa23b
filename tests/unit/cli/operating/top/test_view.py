"""What is shown, in a small terminal, in a large one, and without one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leveret.cli.operating.top.state import TopState
from leveret.cli.operating.top.view import KEYS, page
from leveret.operate.overview import HeldRequest
from support.overviews import busy


def shown(
    width: int = 112, height: int | None = None, *, held: int = 3, workers: int = 2, **chosen: object
) -> list[str]:
    return [line.plain for line in page(busy(held, workers), TopState(**chosen), width, height)]  # type: ignore[arg-type]


def test_everything_is_on_the_page() -> None:
    text = "\n".join(shown())
    for words in (
        "taskmanager: ",
        "wrong: The database does not answer: no route to host",
        "(1 min)",
        "Repair it",
        "warning: The worker 2 on ant does not report any more",
        "waiting 20 of 1,000   retrying 10   letters 3   consumers 2",
        "in 33   finished 30   failing 0",
        "waited 0.5 ms / ",
        "RabbitMQ 4.3.6 at amqp://broker:5672",
        "away: no route to host",
        "not seen: stored requests",
        "1 ant ",
        "request-2-2",
    ):
        assert words in text, words
    assert KEYS not in text


@pytest.mark.parametrize(("held", "workers"), [(0, 0), (3, 2), (50, 30), (0, 30), (200, 1)])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 12), (200, 60)])
def test_a_page_fits_into_its_terminal_and_ends_with_the_keys(width: int, height: int, held: int, workers: int) -> None:
    lines = shown(width, height, held=held, workers=workers)
    assert len(lines) <= height
    assert lines[-1] == KEYS
    tables = [line for line in lines if "request-" in line or (" ant" in line and ":" not in line)]
    assert all(len(line) <= width for line in tables)


def test_what_is_selected_is_always_on_the_page() -> None:
    lines = shown(80, 24, held=50, selected="request-1-0")
    (marked,) = [line for line in lines if line.startswith("> ")]
    assert "request-1-0" in marked


def test_a_request_is_opened() -> None:
    text = "\n".join(shown(80, 24, opened="request-1-1"))
    assert "v2.create_task" in text
    assert "for 11 s" in text
    assert "process 1 on ant" in text
    assert "No worker has it in hand any more" in "\n".join(shown(80, 24, opened="gone"))


def test_a_page_that_stands_still_says_so() -> None:
    assert "paused" in shown(paused=True)[0]
    assert "paused" not in shown()[0]


def test_what_strangers_wrote_cannot_control_the_terminal() -> None:
    overview = busy(held=1, workers=1)
    bad = HeldRequest("a\x1b[2Jb\u202e", "v1.x\n", overview.at)
    overview = replace(overview, workers=(replace(overview.workers[0], held=(bad,), host="h\x07"),))
    for state in (TopState(), TopState(opened=bad.id)):
        assert all(line.plain.isprintable() for line in page(overview, state))


def test_a_quiet_system_says_that_nothing_is_wrong() -> None:
    quiet = replace(busy(), problems=(), blind=())
    assert "nothing is wrong" in [line.plain for line in page(quiet, TopState())]
