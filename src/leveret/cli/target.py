"""Where an application is, written as ``module:name``, and how it is imported."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from leveret.application import Application
from leveret.cli.endings import WrongUse

_FORM: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FACTORY: Final = "--factory"
_APP_DIR: Final = "--app-dir"

OPTIONS: Final = "[OPTIONS]"
USAGE: Final = f"[MODULE:APP] {OPTIONS}"
"""How a command's help shows where the application's name goes."""


class Target(Struct, frozen=True):
    """Where an application is.

    Attributes:
        text: module and name, such as ``guestbook:app``; empty if nobody has said it.
        factory: whether the name is that of a function which makes the application.
        folder: the folder in which the module is looked for first.
    """

    text: str = ""
    factory: bool = False
    folder: Path = Path()

    def words(self) -> list[str]:
        """Return the words of a command line that name this application, whatever the working folder is."""
        folder = str(self.folder.resolve())
        return [self.text, _APP_DIR, folder, *([_FACTORY] if self.factory else [])]

    def load(self) -> Application:
        """Import the application.

        Raises:
            WrongUse: nobody has named it, or it cannot be imported; the text says where that fails.
        """
        if not self.text:
            raise WrongUse(
                "which application? Name it as MODULE:APP, such as guestbook:app, or write "
                '[tool.leveret] app = "guestbook:app" into pyproject.toml in this folder'
            )
        name, _, attribute = self.text.partition(":")
        folder = str(self.folder.resolve())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        found = _attribute(_module(name, folder), attribute, self.text)
        if self.factory:
            if not callable(found) or isinstance(found, Application):
                raise WrongUse(f"{self.text} is not a function that makes an application: leave {_FACTORY} out")
            found = found()
        if isinstance(found, Application):
            return found
        hint = f": add {_FACTORY} if it makes the application" if callable(found) else ""
        raise WrongUse(f"{self.text} is not an App, but a {type(found).__name__}{hint}")


def split_target(words: Sequence[str], folder: Path) -> tuple[list[str], Target]:
    """Take what names the application out of the words of a command line.

    A word is taken for the application if it has the form ``module:name``, comes after the command, and its module is
    there; so an id of that form is left alone.

    Args:
        words: what follows the program's name.
        folder: the working folder.

    Raises:
        WrongUse: pyproject.toml in this folder cannot be read.
    """
    words, factory, given = _options(words)
    here = Path(given) if given is not None else folder
    if given is None and (default := _default(folder)):
        at = _place(words, here, certain=False)
    else:
        default, at = "", _place(words, here, certain=True)
    text = default if at is None else words.pop(at)
    return words, Target(text, factory, here)


def _options(words: Sequence[str]) -> tuple[list[str], bool, str | None]:
    """Take our two options out of the words before a ``--``."""
    end = words.index("--") if "--" in words else len(words)
    left, rest = list(words[:end]), list[str]()
    factory, folder = False, None
    while left:
        word = left.pop(0)
        if word == _FACTORY:
            factory = True
        elif word == _APP_DIR and left:
            folder = left.pop(0)
        elif word.startswith(f"{_APP_DIR}="):
            folder = word.partition("=")[2]
        else:
            rest.append(word)
    return [*rest, *words[end:]], factory, folder


def _place(words: list[str], folder: Path, *, certain: bool) -> int | None:
    """Return the index of the word that names the application.

    Args:
        words: the words of the command line.
        folder: where the module is looked for first.
        certain: whether there has to be one: then the first word of the form is taken if no word's module is there.
    """
    end = words.index("--") if "--" in words else len(words)
    places = [at for at, word in enumerate(words[:end]) if at and _FORM.fullmatch(word)]
    there = [at for at in places if _is_there(words[at].partition(":")[0], folder)]
    if there:
        return there[0]
    return places[0] if certain and places else None


def _is_there(module: str, folder: Path) -> bool:
    top = module.partition(".")[0]
    if (folder / f"{top}.py").exists() or (folder / top).is_dir():
        return True
    return top in sys.modules or importlib.util.find_spec(top) is not None


def _default(folder: Path) -> str:
    """Return the application that pyproject.toml in a folder names, or nothing."""
    file = folder / "pyproject.toml"
    if not file.is_file():
        return ""
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file} cannot be read: {error}") from error
    app = document.get("tool", {}).get("leveret", {}).get("app", "")
    if not isinstance(app, str) or (app and not _FORM.fullmatch(app)):
        raise WrongUse(f'{file}: [tool.leveret] app is {app!r}, and "module:name" is expected, such as "guestbook:app"')
    return app


def _module(name: str, folder: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise WrongUse(f"there is no module {name} in {folder}, nor is one installed") from error
        raise WrongUse(f"{name} cannot be imported: {_told(error)}") from error
    except Exception as error:
        raise WrongUse(f"{name} cannot be imported: {_told(error)}") from error


def _told(error: Exception) -> str:
    """Return an error of an application's module in one line, with the place in the file where it was raised."""
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{text}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}"


def _attribute(module: Any, path: str, text: str) -> Any:
    found = module
    for name in path.split("."):
        if not hasattr(found, name):
            raise WrongUse(f"{text}: {module.__name__} has no {path}")
        found = getattr(found, name)
    return found
