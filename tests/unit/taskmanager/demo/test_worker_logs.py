"""The log lines of the demonstration's workers."""

import os
import threading

import pytest

from taskmanager.demo.checks import DemoFailed, check
from taskmanager.demo.worker_logs import LogLine, WorkerLogs, read_line

JSON = '{"event":1,"level":"info","time":"2030-01-31T12:34:56.789Z","message":"ok: demo-01 v1.health_check"}'


def test_a_json_line_gives_time_of_day_and_message() -> None:
    assert read_line(JSON, "worker-1") == LogLine("12:34:56.789", "worker-1", "ok: demo-01 v1.health_check")


@pytest.mark.parametrize("written", ["Traceback (most recent call last):", "", "{", "[1]", '"text"', '{"time": "now"}'])
def test_any_other_line_is_a_message_as_it_stands(written: str) -> None:
    assert read_line(written, "worker-1") == LogLine("", "worker-1", written)


def test_a_line_is_about_a_request_that_it_names_and_no_other() -> None:
    line = LogLine("", "worker-1", "retry #1 for demo-01 because demo-0 failed")
    assert line.is_about("demo-01")
    assert not line.is_about("demo-1")
    assert not line.is_about("demo")


def test_lines_are_read_until_the_stream_ends_and_waited_for() -> None:
    logs = WorkerLogs()
    reading, writing = os.pipe()
    thread = logs.follow(os.fdopen(reading, "rb"), "worker-1")
    with os.fdopen(writing, "wb", buffering=0) as stream:
        timer = threading.Timer(0.05, lambda: stream.write(f"{JSON}\n{JSON}\n".encode()))
        timer.start()
        found = logs.wait(lambda line: line.is_about("demo-01"), "two lines", count=2, limit=10)
        timer.join()
    thread.join(10)
    assert not thread.is_alive()
    assert logs.about("demo-01") == [found, found]


def test_a_line_that_does_not_come_is_named() -> None:
    with pytest.raises(DemoFailed, match=r"waited 0\.01 s in vain for a line of the second worker"):
        WorkerLogs().wait(lambda _: True, "a line of the second worker", limit=0.01)


def test_a_promise_that_is_not_kept_fails_with_its_words() -> None:
    check(holds=True, text="one letter")
    with pytest.raises(DemoFailed, match="not as promised: one letter"):
        check(holds=False, text="one letter")
