"""Lines on their way to a reader that may stall, go away, or have no room."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from leveret.observe.log_writer import LIMIT, PIECE, LogWriter
from testbed.waiting import wait_until

LINES = [f"line {number:06d}\n" for number in range(20_000)]
MISSING = re.compile(r"(\d+) lines? (?:is|are) missing here, because the log could not be written\n")
Make = Callable[..., LogWriter]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes writers, and ends them."""
    made: list[LogWriter] = []

    def make(stream: TextIO, *, most: int = 10**9) -> LogWriter:
        made.append(LogWriter(stream, lambda text: text + "\n", most=most))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """A pipe: where it is read, and where it is written."""
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as read, os.fdopen(writer, "w", encoding="utf-8") as write:
        yield read, write


def fill(write: TextIO) -> int:
    """Put into a pipe what it takes, and return how many bytes that were."""
    size = 0
    os.set_blocking(write.fileno(), False)
    with suppress(BlockingIOError):
        while True:
            size += os.write(write.fileno(), b" " * 4096)
    os.set_blocking(write.fileno(), True)
    return size


def put_all(writer: LogWriter) -> None:
    for line in LINES:
        writer.put(line)


def test_all_lines_come_in_their_order(make: Make, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        writer = make(stream)
        put_all(writer)
        writer.flush()
        assert (tmp_path / "log").read_text() == "".join(LINES)


def test_who_logs_does_not_wait_for_the_reader_and_nothing_is_missing_within_the_bound(
    make: Make, pipe: tuple[TextIO, TextIO]
) -> None:
    read, write = pipe
    writer = make(write)
    put_all(writer)  # a pipe takes 64 KiB, these are 240,000
    assert [read.readline() for _ in LINES] == LINES


def test_what_does_not_fit_is_counted_and_told_in_its_place(make: Make, pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    filled = fill(write)
    writer = make(write, most=20_000)
    put_all(writer)
    assert read.read(filled) == " " * filled
    first = []
    while not (missing := MISSING.fullmatch(line := read.readline())):
        first.append(line)
    assert first == LINES[: len(first)]
    assert len(first) + int(missing[1]) == len(LINES)
    writer.flush()
    for line in LINES[:100]:
        writer.put(line)
    assert [read.readline() for _ in range(100)] == LINES[:100]


def test_lines_and_gaps_add_up_whatever_the_reader_does(make: Make, pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    writer = make(write, most=5_000)
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.extend(iter(read.readline, "the end\n")))
    reader.start()
    put_all(writer)
    writer.flush()
    writer.put("the end\n")
    reader.join()
    missing = sum(int(found[1]) for line in seen if (found := MISSING.fullmatch(line)))
    lines = [line for line in seen if line in set(LINES)]
    assert lines == sorted(lines)
    assert len(lines) + missing == len(LINES)


def test_no_piece_is_larger_than_a_pipe_takes_at_once_and_none_ends_within_a_line(make: Make) -> None:
    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    pieces: list[str] = []
    writer = make(Stream())
    put_all(writer)
    writer.put("ü" * PIECE + "\n")
    writer.flush()
    assert "".join(pieces) == "".join(LINES) + "ü" * PIECE + "\n"
    assert all(piece.endswith("\n") for piece in pieces)
    assert all(len(piece) <= PIECE for piece in pieces[:-1])


def test_a_line_that_is_larger_than_the_bound_comes_when_nothing_waits(make: Make) -> None:
    stream = io.StringIO()
    writer = make(stream, most=10)
    writer.put("a line of some length\n")
    writer.flush()
    assert stream.getvalue() == "a line of some length\n"


def test_a_stream_that_takes_nothing_for_a_while_is_told_what_is_missing(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = Full()
    writer = make(stream)
    for line in LINES[:1000]:
        writer.put(line)
    writer.flush()
    assert capsys.readouterr().err == "the log cannot be written: [Errno 28] No space left on device\n"
    Full.full = False
    writer.put("again\n")
    writer.flush()
    missing, again = stream.getvalue().splitlines(keepends=True)
    assert MISSING.fullmatch(missing)
    assert missing.startswith("1000 lines are ")
    assert again == "again\n"


def test_a_single_line_that_is_missing_is_told_as_one(make: Make) -> None:
    class FullOnce(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if FullOnce.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = FullOnce()
    writer = make(stream)
    writer.put("lost\n")
    writer.flush()
    FullOnce.full = False
    writer.put("again\n")
    writer.flush()
    assert stream.getvalue() == "1 line is missing here, because the log could not be written\nagain\n"


def test_a_reader_that_is_gone_stops_nobody(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    with os.fdopen(descriptor, "w") as stream:
        writer = make(stream)
        put_all(writer)
        writer.close()
    assert "Broken pipe" in capsys.readouterr().err


def test_a_pipe_that_somebody_made_non_blocking_is_waited_for(make: Make, pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    os.set_blocking(write.fileno(), False)
    put_all(make(write))
    assert [read.readline() for _ in LINES] == LINES


def test_an_end_waits_for_a_stalled_reader_once_and_within_a_bound(make: Make, pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    writer = make(write)
    put_all(writer)

    def end() -> None:
        writer.flush()
        writer.flush()
        writer.close()

    ended = threading.Thread(target=end)
    ended.start()
    ended.join(LIMIT * 1.9)
    assert not ended.is_alive()
    assert [read.readline() for _ in LINES] == LINES  # and whoever reads on gets all of it


PROGRAM = """
import logging, sys
from leveret.observe import logs

logs.configure("worker", form=sys.argv[1])
for number in range(5000):
    logging.getLogger("leveret.test").info("line %d", number)
if sys.argv[2] == "raises":
    raise SystemExit(3)
if sys.argv[2] == "deaf":
    from leveret.worker.watch.loop_guard import end_process
    end_process("the last words")
"""


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("how", "code"), [("ends", 0), ("raises", 3), ("deaf", 70)])
def test_the_lines_of_the_last_moments_are_written(form: str, how: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, form, how], stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    lines = [re.findall(r"line (\d+)", line) for line in done.stderr.splitlines()]
    assert lines[:5000] == [[str(number)] for number in range(5000)]
    assert ("the last words" in done.stderr) == (how == "deaf")


def test_a_program_whose_log_nobody_reads_ends(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as read, os.fdopen(writer, "wb") as write:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, "text", "raises"], stderr=write)
        wait_until(lambda: process.poll() is not None, "the end of the program", limit=60)
        assert process.returncode == 3
        write.close()
        assert read.readline().endswith(b" line 0\n")
