"""Watches the Python files of some folders, and notices when they have changed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final, TypeAlias

Sight: TypeAlias = Mapping[str, tuple[int, int]]
"""The files that are there: path, time of the last change in nanoseconds, and bytes."""

Look: TypeAlias = Callable[[], Sight]

Wait: TypeAlias = Callable[[float], Awaitable[object]]
"""Returns when files may have changed, at the latest after that many seconds."""

_IGNORED: Final = frozenset({"node_modules", "__pycache__"})
"""Folders in which nothing is watched, beside those that begin with a dot and virtual environments."""

_VIRTUAL_ENVIRONMENT: Final = "pyvenv.cfg"
"""The file that a virtual environment has (PEP 405)."""

_PAUSE: Final = 0.3
"""Seconds between two looks, at the least."""

_SHARE: Final = 20
"""How many times longer a pause is than the look before it, so that looking takes a twentieth of a processor."""

_QUIET: Final = 0.1
"""Seconds without a change after which a burst of changes is over."""

_LOOKS: Final = 20
"""Looks at a burst of changes that does not end."""


def look_at(places: Iterable[Path]) -> Sight:
    """Return the Python files in folders, and in the folders below them; links to other folders are not followed.

    Args:
        places: the folders, or single files.
    """
    found = dict[str, tuple[int, int]]()
    for place in places:
        for entry in _files(str(place)) if place.is_dir() else [place]:
            with suppress(OSError):  # it was removed meanwhile
                state = entry.stat()
                found[os.fspath(entry)] = (state.st_mtime_ns, state.st_size)
    return found


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        with suppress(OSError):  # it was removed meanwhile, or may not be read
            with os.scandir(here) as entries:
                inside = list(entries)
            if here != folder and any(entry.name == _VIRTUAL_ENVIRONMENT for entry in inside):
                continue
            waiting += [
                entry.path for entry in inside if _is_watched(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
            yield from (entry for entry in inside if entry.name.endswith(".py"))


def _is_watched(folder: str) -> bool:
    return not folder.startswith(".") and folder not in _IGNORED


class FileWatch:
    """Notices changes of files.

    Args:
        look: returns the files that are there; called in a thread, except for the first time.
        wait: waits until files may have changed.
        pause: waits while a burst of changes goes on.
        clock: tells seconds, to measure how long a look takes.
    """

    def __init__(
        self,
        look: Look,
        *,
        wait: Wait = asyncio.sleep,
        pause: Wait = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._wait = wait
        self._pause = pause
        self._clock = clock
        self._seen = look()

    @property
    def count(self) -> int:
        """How many files there were at the last change."""
        return len(self._seen)

    async def change(self) -> list[str]:
        """Wait until files have changed, and a burst of changes is over; return the paths of the changed files."""
        while True:
            began = self._clock()
            sight = await asyncio.to_thread(self._look)
            if sight != self._seen:
                sight = await self._settled(sight)
            changed = _difference(self._seen, sight)
            self._seen = sight
            if changed:
                return changed
            await self._wait(max(_PAUSE, _SHARE * (self._clock() - began)))

    async def _settled(self, sight: Sight) -> Sight:
        """Look again and again until nothing changes any more, and return what is there then."""
        for _ in range(_LOOKS):
            await self._pause(_QUIET)
            later = await asyncio.to_thread(self._look)
            if later == sight:
                break
            sight = later
        return sight


def _difference(before: Sight, after: Sight) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def forget_bytecode(paths: Iterable[str]) -> None:
    """Remove what Python has compiled of these files.

    Python takes compiled code for current if the file has the same size and was changed within the same second, which
    happens while somebody types.
    """
    for path in paths:
        with suppress(OSError, NotImplementedError):
            Path(cache_from_source(path)).unlink()
