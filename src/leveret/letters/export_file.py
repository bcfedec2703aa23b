"""Files with exported letters: written as a whole or not at all, and checked as a whole before a letter is used."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.errors import LeveretError
from leveret.letters.export_lines import LONGEST_LINE, ExportedLetter, read_line, write_line
from leveret.letters.portable import NotPortable

_MOST_AT_ONCE: Final = 200
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Letters, and bytes of their bodies, that are in memory together."""


class ExportTrouble(LeveretError):
    """The file cannot be written or read; the text says why and what to do."""


class LineProblem(Struct, frozen=True):
    """What is wrong with a line of a file.

    Attributes:
        line: its number, from 1.
        text: what is wrong.
    """

    line: int
    text: str


class CheckedFile(Struct, frozen=True):
    """What a file with letters holds.

    Attributes:
        letters: how many letters it has.
        problems: what is wrong with it; nothing may be used unless this is empty.
    """

    letters: int
    problems: tuple[LineProblem, ...]


def write_export(path: Path, letters: Iterable[Delivery], queue: str) -> int:
    """Write letters into a new file that only its owner may read; it is there with all letters, or not at all.

    Args:
        path: of the file.
        letters: with their bodies.
        queue: the queue that they are in.

    Returns:
        How many letters were written.

    Raises:
        ExportTrouble: there is such a file already, or it cannot be written.
    """
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                count = 0
                for letter in letters:
                    file.write(write_line(letter, queue) + b"\n")
                    count += 1
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # fails if there is such a file; to rename would replace it
        finally:
            draft.unlink()
    except FileExistsError:
        raise ExportTrouble(f"{path} is there already and stays as it is; name another file") from None
    except OSError as error:
        raise ExportTrouble(f"{path}: it cannot be written: {error.strerror}; name another file") from error
    _sync_folder(path.parent)
    return count


def check_export(path: Path, look: Callable[[ExportedLetter], None]) -> CheckedFile:
    """Read all lines of a file, and return everything that is wrong with it.

    Args:
        path: of the file.
        look: sees each letter that can be read.

    Raises:
        ExportTrouble: it cannot be read at all.
    """
    problems: list[LineProblem] = []
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        try:
            letter = read_line(line)
        except NotPortable as error:
            problems.append(LineProblem(number, str(error)))
            continue
        if (before := lines.setdefault(letter.key, number)) != number:
            problems.append(LineProblem(number, f"the same letter stands in line {before}"))
        else:
            look(letter)
    if not lines and not problems:
        problems.append(LineProblem(1, "the file holds no letter"))
    return CheckedFile(len(lines), tuple(problems))


def read_export(path: Path) -> Iterator[Sequence[ExportedLetter]]:
    """Yield the letters of a file that was checked, a few at a time.

    Raises:
        ExportTrouble: it cannot be read, or was changed since.
    """
    part: list[ExportedLetter] = []
    size = 0
    for number, line in _lines(path):
        try:
            letter = read_line(line)
        except NotPortable as error:
            raise ExportTrouble(f"{path} was changed since it was checked: line {number}: {error}") from None
        if part and (len(part) >= _MOST_AT_ONCE or size + len(letter.message.body) > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(letter)
        size += len(letter.message.body)
    if part:
        yield part


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers; a line that is too long is cut, and the last one."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 2):
                number += 1
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
                if len(line) > LONGEST_LINE + 1:
                    return
    except OSError as error:
        raise ExportTrouble(f"{path}: it cannot be read: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file survive a crash of the machine, where folders can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
