"""The exit codes of our programs. ``docs/command-line.md`` is the list for people.

Imports nothing but the standard library, so that a program can end with the right code whatever else fails.
"""

from __future__ import annotations

from typing import Final

DONE: Final = 0
"""What was asked for is done."""

FAILED: Final = 1
"""An error response, or a demonstration that did not show what it promises."""

WRONG_USE: Final = 2
"""Arguments or settings that cannot be used, or an application that lacks a resource; nothing was done."""

NO_ANSWER: Final = 3
"""What the command needs does not answer or refuses: no reply, no broker, no database, a queue of another kind."""

UNFORESEEN: Final = 4
"""An error that nobody foresaw, or an output that could not be written; what was asked for may have been done."""

DEAF: Final = 70
"""A worker that was deaf or stuck ended itself, so that another one is started in its place (sysexits, EX_SOFTWARE)."""

INTERRUPTED: Final = 128 + 2
"""Ctrl-C, as a shell reports a program that SIGINT ended."""

READER_GONE: Final = 128 + 13
"""Whoever read the output has closed it, as a shell reports a program that SIGPIPE ended."""
