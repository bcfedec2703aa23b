"""A client program under test: it reads calls, one a line, and writes what became of each, one a line."""

from __future__ import annotations

import asyncio
import shlex
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Final

import msgspec

from leveret.contracts.conformance.scripts import Asked, CallOutcome
from leveret.errors import SettingsError
from leveret.settings import environment

_PATIENCE: Final = 10.0
"""Seconds beyond the timeout of a call in which a program has to tell what became of it."""

_ENDING: Final = 10.0
"""Seconds in which a program has to end after the end of its input."""

_LONGEST_LINE: Final = 1024 * 1024


class ProgramFailed(Exception):
    """The program did not do its part; the text says what it did instead."""


class ClientProgram:
    """A process that makes calls as it is told.

    Args:
        command: how it is started, as one writes it in a shell.
        url: address of the broker that it gets.
        queues: first part of the queues' names that it gets.

    Raises:
        SettingsError: the command is empty or has an open quotation.
    """

    def __init__(self, command: str, url: str, queues: str) -> None:
        try:
            self._words = shlex.split(command, posix=sys.platform != "win32")
        except ValueError as error:
            raise SettingsError([f"--client: {error}"]) from error
        if not self._words:
            raise SettingsError(["--client: the command is empty"])
        self._variables = {"CONFORMANCE_URL": url, "CONFORMANCE_QUEUES": queues}
        self._errors = TemporaryFile()  # noqa: SIM115 - it is gone when the program is
        self._process: Process | None = None

    async def start(self) -> None:
        """Start the process.

        Raises:
            SettingsError: there is no such program.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=PIPE,
                stdout=PIPE,
                stderr=self._errors,
                limit=_LONGEST_LINE,
                env={**environment(), **self._variables},
            )
        except OSError as error:
            raise SettingsError([f"--client: {self._words[0]} cannot be started: {error.strerror or error}"]) from error

    async def call(self, asked: Asked) -> CallOutcome:
        """Tell the program to make a call, and return what it says became of it.

        Raises:
            ProgramFailed: it has ended, is silent, or says something else.
        """
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise ProgramFailed("the program has no standard streams")
        line = b""
        with suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(asked) + b"\n")
            await process.stdin.drain()
        try:
            async with asyncio.timeout(asked.timeout + _PATIENCE):
                line = await process.stdout.readline()
        except TimeoutError:
            raise ProgramFailed(f"the program says nothing {_PATIENCE:g} s after the call's timeout") from None
        except ValueError as error:
            raise ProgramFailed(f"a line of the program is too long: {error}") from error
        if not line:
            raise ProgramFailed(await self._last_words())
        try:
            return msgspec.json.decode(line, type=CallOutcome)
        except ValueError as error:
            raise ProgramFailed(f"the program's line is not an outcome: {error}: {line[:200]!r}") from error

    async def end(self) -> str:
        """End the program's input and wait for its end; return how it ended, in words."""
        process = self._running()
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_ENDING):
                code = await process.wait()
        except TimeoutError:
            await self.kill()
            return f"still running {_ENDING:g} s after the end of its input"
        return f"exit code {code}"

    async def kill(self) -> None:
        """Kill the process if it runs; the program cannot be started again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._errors.close()

    def _running(self) -> Process:
        if self._process is None:
            raise ProgramFailed("the program was not started")
        return self._process

    async def _last_words(self) -> str:
        """Return how the program has ended, with the last line that it wrote on standard error."""
        code = await self._running().wait()
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the program has ended with exit code {code}: {words[-1] if words else 'it wrote no error'}"
