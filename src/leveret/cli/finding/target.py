"""Where an application is, written as ``module:name``, and how it is imported."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Collection, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from leveret.application import Application
from leveret.cli.ending.endings import WrongUse
from leveret.cli.finding.loading import call_factory, import_module

_FORM: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FACTORY: Final = "--factory"
_APP_DIR: Final = "--app-dir"
_WHERE: Final = ("--url", "--queues")

OPTIONS: Final = "[OPTIONS]"
USAGE: Final = f"[MODULE:APP] {OPTIONS}"
"""How a command's help shows where the application's name goes."""


class Target(Struct, frozen=True):
    """Where an application is.

    Attributes:
        text: module and name, such as ``guestbook:app``; empty if nobody has said it.
        factory: whether the name is that of a function which makes the application.
        folder: the folder in which the module is looked for first.
        default: whether pyproject.toml names it, and not the command line.
        problem: why pyproject.toml could not be read; empty if it could, or did not have to be.
    """

    text: str = ""
    factory: bool = False
    folder: Path = Path()
    default: bool = False
    problem: str = ""

    def words(self) -> list[str]:
        """Return the words of a command line that name this application, whatever the working folder is."""
        folder = str(self.folder.resolve())
        return [self.text, _APP_DIR, folder, *([_FACTORY] if self.factory else [])]

    def places(self) -> list[Path]:
        """Return where its code is: the folder, and the package that holds it if that is elsewhere."""
        folder = self.folder.resolve()
        package = place_of(self.text.partition(":")[0], folder)
        return [folder] if package is None or package.is_relative_to(folder) else [folder, package]

    def load(self) -> Application:
        """Import the application.

        Raises:
            WrongUse: nobody has named it, or it cannot be imported; the text says where that fails.
        """
        if self.problem:
            raise WrongUse(self.problem)
        if not self.text:
            raise WrongUse(
                "which application? Name it as MODULE:APP, such as guestbook:app, or write "
                '[tool.leveret] app = "guestbook:app" into pyproject.toml in this folder'
            )
        name, _, attribute = self.text.partition(":")
        folder = self.folder.resolve()
        found = _attribute(import_module(name, folder), attribute, self.text)
        if self.factory:
            if not callable(found) or isinstance(found, Application):
                raise WrongUse(f"{self.text} is not a function that makes an application: leave {_FACTORY} out")
            found = call_factory(found, self.text, folder)
        if isinstance(found, Application):
            return found
        hint = f": add {_FACTORY} if it makes the application" if callable(found) and not self.factory else ""
        what = f"what {self.text} makes" if self.factory else self.text
        raise WrongUse(f"{what} is not an App, but a {type(found).__name__}{hint}")


def split_target(words: Sequence[str], folder: Path, valued: Collection[str] = ()) -> tuple[list[str], Target]:
    """Take what names the application out of the words of a command line.

    A word is taken for the application if it has the form ``module:name``, comes after the command, is not the value of
    an option, and its module is there; so an id of that form is left alone. Where pyproject.toml names the application,
    only the word right behind the command is taken for another one.

    Args:
        words: what follows the program's name.
        folder: the working folder.
        valued: the options of the command that take a value, such as ``--id``.

    Raises:
        WrongUse: the folder of the application's module is not said.
    """
    words, factory, given = _options(words)
    here, default, problem = Path(given) if given is not None else folder, "", ""
    try:
        default = _default(folder)
    except WrongUse as error:
        problem = str(error)
    at = _place(words, here, valued, default, certain=not default and not _says_where(words))
    if at is None:
        return words, Target(default, factory, here, default=True, problem=problem)
    text = words.pop(at)
    return words, Target(text, factory, here)


def _says_where(words: Sequence[str]) -> bool:
    """Return whether the words say where the application listens, so that it need not be at hand."""
    return all(any(word == option or word.startswith(f"{option}=") for word in words) for option in _WHERE)


def _options(words: Sequence[str]) -> tuple[list[str], bool, str | None]:
    """Take our two options out of the words before a ``--``.

    Raises:
        WrongUse: the option for the folder has no value.
    """
    end = words.index("--") if "--" in words else len(words)
    left, rest = list(words[:end]), list[str]()
    factory, folder = False, None
    while left:
        word = left.pop(0)
        if word == _FACTORY:
            factory = True
        elif word == _APP_DIR:
            if not left:
                raise WrongUse(f"{_APP_DIR} needs a folder: {_APP_DIR} DIR")
            folder = left.pop(0)
        elif word.startswith(f"{_APP_DIR}="):
            folder = word.partition("=")[2]
        else:
            rest.append(word)
    return [*rest, *words[end:]], factory, folder


def _place(words: Sequence[str], folder: Path, valued: Collection[str], default: str, *, certain: bool) -> int | None:
    """Return the index of the word that names the application.

    Args:
        words: the words of the command line.
        folder: where the module is looked for first.
        valued: the options that take a value.
        default: the application that pyproject.toml names; empty for none.
        certain: whether there has to be one: then the first word of the form is taken if no word's module is there.
    """
    end = words.index("--") if "--" in words else len(words)
    places = [at for at in range(1, end) if _FORM.fullmatch(words[at]) and words[at - 1] not in valued]
    if default:
        places = [at for at in places if at == 1 or words[at] == default]
    there = [at for at in places if _is_there(words[at].partition(":")[0], folder)]
    if there:
        return there[0]
    if default and places[:1] == [1]:
        return 1  # no action or id stands there, so it is a misspelt application
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
    tool = document.get("tool", {})
    own = tool.get("leveret", {}) if isinstance(tool, dict) else {}
    if not isinstance(own, dict):
        raise WrongUse(f"{file}: [tool.leveret] has to be a table")
    app = own.get("app", "")
    if not isinstance(app, str) or (app and not _FORM.fullmatch(app)):
        raise WrongUse(f'{file}: [tool.leveret] app is {app!r}, and "module:name" is expected, such as "guestbook:app"')
    return app


def place_of(module: str, folder: Path | None = None) -> Path | None:
    """Return the folder of a module's package, or the file of one that is in no package; nothing is imported.

    Args:
        module: the module's name, with dots.
        folder: where it is looked for first.
    """
    top = module.partition(".")[0]
    here = [str(folder)] if folder is not None else []
    spec = PathFinder.find_spec(top, [*here, *sys.path]) if top else None
    if spec is None:
        return None
    found = next(iter(spec.submodule_search_locations or []), spec.origin)
    return Path(found).resolve() if found else None


def _attribute(module: Any, path: str, text: str) -> Any:
    found = module
    for name in path.split("."):
        if not hasattr(found, name):
            file = getattr(module, "__file__", None)
            where = f" ({file})" if file else ""
            raise WrongUse(f"{text}: {module.__name__}{where} has no {path}")
        found = getattr(found, name)
    return found
