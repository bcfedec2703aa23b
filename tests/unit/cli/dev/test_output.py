"""What ``dev`` shows of the log, and how it shows tracebacks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.cli.dev.output import configure
from leveret.cli.dev.paint import Paint
from leveret.cli.dev.tracebacks import Traces

HERE = Path(__file__).resolve().parent


@pytest.fixture(autouse=True)
def former_logging() -> Iterator[None]:
    """Put back what a test changes about logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    former = logging._srcfile, logging.logThreads, logging.logProcesses, logging.logMultiprocessing
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level
    logging._srcfile, logging.logThreads, logging.logProcesses, logging.logMultiprocessing = former


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    for handler in logging.getLogger().handlers:
        handler.flush()
    return [line[9:] for line in capsys.readouterr().out.splitlines()]


def test_the_applications_log_goes_through_and_the_frameworks_only_when_it_warns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("info", Paint(), [HERE])
    logging.getLogger("guestbook").info("hello %s", "Ada")
    logging.getLogger("guestbook.db").debug("too low")
    logging.getLogger("leveret.worker").info("consuming guestbook.requests")
    logging.getLogger("leveret.worker").warning("lost the broker")
    logging.getLogger("leveret.reloading").info("a.py changed")
    assert written(capsys) == ["guestbook: hello Ada", "WARNING lost the broker", "a.py changed"]


def test_what_the_worker_logs_of_a_request_is_left_out_because_the_request_has_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put = configure("debug", Paint(), [HERE])
    logging.getLogger("leveret.worker").warning("retry #1", extra={"request_id": "1"})
    logging.getLogger("leveret.worker").info("consuming")
    logging.getLogger("guestbook").info("mine", extra={"request_id": "1"})
    put("12:00:00 ok")
    assert written(capsys) == ["consuming", "guestbook: mine", "ok"]


def test_control_characters_of_a_message_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", Paint(), [HERE])
    logging.getLogger("guestbook").error("\x1b[2Jgone")
    assert written(capsys) == ["ERROR guestbook: \\x1b[2Jgone"]


def library_that_calls(function: object) -> object:
    """Return a function that calls another, as if a library did."""
    scope: dict[str, object] = {"function": function}
    code = compile("def call():\n    return function()\n", str(Path(sys.prefix) / "site-packages" / "lib.py"), "exec")
    exec(code, scope)
    return scope["call"]


def trace_of(function: object, places: list[Path]) -> str:
    try:
        function()  # type: ignore[operator]  # it is a function
    except Exception as error:
        return Traces(places, Paint()).write(error)
    raise AssertionError("it raised nothing")


def fails() -> None:
    raise ValueError("bad \x1b[31mx")


def test_only_the_applications_lines_of_code_are_shown() -> None:
    trace = trace_of(library_that_calls(fails), [HERE])
    assert "in fails" in trace
    assert "lib.py" not in trace
    assert trace.splitlines()[-1] == "    ValueError: bad \\x1b[31mx"


def test_an_error_outside_of_the_application_is_shown_whole() -> None:
    assert "in fails" in trace_of(library_that_calls(fails), [HERE / "elsewhere"])


def test_the_error_that_led_to_another_is_shortened_too() -> None:
    def wraps() -> None:
        try:
            library_that_calls(fails)()  # type: ignore[operator]  # it is a function
        except ValueError as error:
            raise KeyError("y") from error

    trace = trace_of(wraps, [HERE])
    assert "lib.py" not in trace
    assert trace.count("Traceback") == 2
    assert "direct cause" in trace
