"""Gives commands the ids and options that say which letters they mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.letters.filters import LetterFilter

_IDS: Final = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids of the requests, or keys of letters.", show_default=False),
]
_ALL: Final = Annotated[bool, typer.Option("--all", help="All letters.", rich_help_panel="Which letters")]
_CONDITIONS: Final[dict[str, Any]] = {
    "action": options.Action,
    "version": options.Version,
    "worker_version": options.WorkerVersion,
    "code": options.Code,
    "exception": options.ExceptionName,
    "place": options.Place,
    "principal": options.PrincipalOption,
    "older": options.Older,
    "newer": options.Newer,
    "text": options.Text,
    "group": options.Group,
}


def choosing(function: Callable[..., None], *, named: bool = True) -> Callable[..., None]:
    """Give a command the ids and options of letters; it gets all of them as its argument ``wanted``, a LetterFilter.

    Args:
        function: the command.
        named: whether it refuses to work without ids, options or ``--all``. Otherwise it works on all letters then.
    """
    own = [each for each in inspect.signature(function, eval_str=True).parameters.values() if each.name != "wanted"]
    place = next((at for at, each in enumerate(own) if each.kind is inspect.Parameter.KEYWORD_ONLY), len(own))
    ids = inspect.Parameter("ids", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=_IDS)
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, keyword, default=None, annotation=kind) for name, kind in _CONDITIONS.items()]
    if named:
        added.insert(0, inspect.Parameter("everything", keyword, default=False, annotation=_ALL))
    parameters = [*own[:place], ids, *own[place:], *added]

    def command(**given: Any) -> None:
        conditions = {name: given.pop(name) for name in ("ids", *_CONDITIONS)}
        everything = given.pop("everything", not named)
        function(**given, wanted=_wanted(conditions, everything=everything, named=named))

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # a function may have one
    return command


def _wanted(conditions: dict[str, Any], *, everything: bool, named: bool) -> LetterFilter:
    wanted = options.wanted_letters(**conditions)
    if named and wanted.everything != everything:
        both = ", not both" if everything else ""
        raise WrongUse(f"which letters? Name the ids of their requests, or say --all{both}; or use the options")
    return wanted
