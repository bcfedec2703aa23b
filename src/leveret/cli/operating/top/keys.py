"""Reads keys from a terminal, one by one, without an Enter behind them."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

_SEQUENCES: Final = {"\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down"}
"""What terminals send for arrow keys (ECMA-48; DEC's application mode)."""

_SINGLE: Final = {"\r": "enter", "\n": "enter", "\x1b": "escape"}
_WINDOWS: Final = {"H": "up", "P": "down"}
"""Second signs of arrow keys on Windows, behind a 0 or an E0."""

_PAUSE: Final = 0.05
_MOST: Final = 1024


def keys_of(text: str) -> Iterator[str]:
    """Yield the keys in what a terminal has sent: ``up``, ``down``, ``enter``, ``escape``, or the sign itself.

    A sequence of another key, such as one for F5, is left out.
    """
    while text:
        known = next((sequence for sequence in _SEQUENCES if text.startswith(sequence)), None)
        if known is not None:
            yield _SEQUENCES[known]
            text = text[len(known) :]
        elif text[0] == "\x1b" and len(text) > 1:
            text = text[_length(text) :]
        else:
            yield _SINGLE.get(text[0], text[0])
            text = text[1:]


@asynccontextmanager
async def keyboard() -> AsyncIterator[asyncio.Queue[str]]:
    """Read the keys of the terminal at standard input while a block runs; they come in a queue."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    with _windows(keys) if sys.platform == "win32" else _posix(keys):
        yield keys


def _length(text: str) -> int:
    """Return how long a sequence is that begins with an escape: up to its last sign (ECMA-48, section 5.4)."""
    if text[1] not in "[O":
        return 2
    return next((at + 1 for at in range(2, len(text)) if "@" <= text[at] <= "~"), len(text))


@contextmanager
def _posix(keys: asyncio.Queue[str]) -> Iterator[None]:
    if sys.platform == "win32":
        return
    import termios  # noqa: PLC0415 - not on Windows
    import tty  # noqa: PLC0415 - not on Windows

    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def read() -> None:
        for key in keys_of(os.read(terminal, _MOST).decode(errors="replace")):
            keys.put_nowait(key)

    try:
        tty.setcbreak(terminal)  # Ctrl-C is a signal as before
        loop.add_reader(terminal, read)
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextmanager
def _windows(keys: asyncio.Queue[str]) -> Iterator[None]:
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def put(key: str) -> None:
        loop.call_soon_threadsafe(keys.put_nowait, key)

    thread = threading.Thread(target=_poll, args=(put, ended), name="keys", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _poll(put: Callable[[str], None], ended: threading.Event) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only on Windows

        while not ended.wait(_PAUSE):
            while msvcrt.kbhit():
                sign = msvcrt.getwch()
                if sign in ("\x00", "\xe0"):
                    put(_WINDOWS.get(msvcrt.getwch(), ""))
                else:
                    put(_SINGLE.get(sign, sign))
