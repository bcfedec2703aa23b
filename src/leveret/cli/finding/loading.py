"""Imports the module of an application; whatever it does while it is imported, people read one line."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, TypeVar

from leveret.cli.ending.endings import BrokenModule, WrongUse

T = TypeVar("T")

_LOADING: Final = ContextVar("loading", default=False)


def is_loading() -> bool:
    """Return whether a command imports an application's module just now."""
    return _LOADING.get()


def import_module(name: str, folder: Path) -> Any:
    """Import a module.

    Args:
        name: the module's name, with dots.
        folder: where it is looked for first; modules that it imports are found there too.

    Raises:
        WrongUse: there is no such module, or its import fails, or ends the program; the text says where.
    """
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))
    with _loading():
        return _in_words(lambda: _import(name, folder), f"{name} cannot be imported", folder)


def call_factory(factory: Callable[[], T], text: str, folder: Path) -> T:
    """Call the function that makes an application.

    Args:
        factory: the function.
        text: module and name, for an error's text.
        folder: that of the application.

    Raises:
        WrongUse: it raises an error, or ends the program; the text says where.
    """
    with _loading():
        return _in_words(factory, f"{text} cannot make the application", folder)


@contextmanager
def _loading() -> Iterator[None]:
    """Send what the block prints to standard error, because standard output is for what the command prints."""
    before = _LOADING.set(True)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _LOADING.reset(before)


def _import(name: str, folder: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise WrongUse(f"there is no module {name} in {folder}, nor is one installed") from error
        raise


def _in_words(step: Callable[[], T], what: str, folder: Path) -> T:
    try:
        return step()
    except WrongUse:
        raise
    except SystemExit as error:
        told = f"it ends the program with {error.code!r}{_place(error, folder)}"
        raise BrokenModule(f"{what}: {told}, and must not call sys.exit here") from error
    except Exception as error:
        raise BrokenModule(f"{what}: {_told(error, folder)}") from error


def _told(error: Exception, folder: Path) -> str:
    """Return an error in one line, with the place in the application's own files where it was raised."""
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return text
    return f"{type(error).__name__}: {text}{_place(error, folder)}"


def _place(error: BaseException, folder: Path) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in frames if _is_own(Path(frame.filename), folder)]
    last = (own or frames)[-1:]
    return "".join(f" ({frame.filename}, line {frame.lineno})" for frame in last)


def _is_own(file: Path, folder: Path) -> bool:
    return file.is_relative_to(folder) and "site-packages" not in file.parts and file.name != Path(__file__).name
