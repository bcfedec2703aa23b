"""Every command that the documentation shows exists, with the options and arguments that it shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.exceptions import Exit, TyperException
from typer.main import get_command

from leveret.cli.command import Command
from leveret.cli.finding.target import split_target
from leveret.cli.leveret import command as leveret
from support.pages import FENCE, PAGES, ROOT, name
from taskmanager.cli.command import command as taskmanager

PROGRAMS = {"leveret": leveret, "taskmanager": taskmanager}
START = re.compile(
    r"^ *(?:(?:\$|CMD|args:) |ExecStart=|[A-Z_]+=\S+ )*(?:[\w./-]*/bin/)?(?=(?:leveret|taskmanager) (?!in development))"
)
LIST = re.compile(r"^( *(?:CMD|args:) )\[(.*)\]$", re.MULTILINE)
INLINE = re.compile(r"`((?:leveret|taskmanager) [^`]+)`")
OPEN = re.compile(r"\.\.\.|\[|: |\bPID\b")
"""In a line that shows a form, an output or a worker's name, and not a command."""

NEW_PROJECT = ROOT / "src/leveret/cli/new/project/README.md"
"""The page that `leveret new` writes."""

UNFINISHED = {"MissingParameter", "BadOptionUsage", "NoArgsIsHelpError"}
"""Errors for a command, or its last option, that has to be given more."""


def commands() -> Iterator[tuple[str, str]]:
    """Yield each page with each line of its blocks that calls one of our commands."""
    for page in (*PAGES, NEW_PROJECT):
        for language, block in FENCE.findall(page.read_text()):
            listed = LIST.sub(lambda found: found[1] + re.sub('[",]', "", found[2]), block.replace("\\\n", " "))
            for line in listed.splitlines() if language != "python" else ():
                if (start := START.match(line)) and not OPEN.search(line.partition("'")[0]):
                    yield name(page), line[start.end() :]


def named() -> Iterator[tuple[str, str]]:
    """Yield each page with each command that its prose names, which may lack arguments."""
    for page in (*PAGES, NEW_PROJECT):
        for found in INLINE.findall(FENCE.sub("", page.read_text())):
            if not OPEN.search(found):
                yield name(page), " ".join(found.split())


def parse(program: Command, words: list[str]) -> None:
    """Parse a command line as the program does, down to the last subcommand, without running it.

    Raises:
        TyperException: there is no such command, option or argument.
    """
    command: Any = get_command(program.typer)
    context = command.make_context(program.name, words)
    while isinstance(command, TyperGroup) and (left := [*context._protected_args, *context.args]):
        found, command, rest = command.resolve_command(context, left)
        context = command.make_context(found, rest, parent=context)


def problem(program: Command, words: list[str]) -> str | None:
    """Return the kind of error with which the program refuses a command line, or None."""
    if {"--install-completion", "--show-completion"} & set(words):
        return None  # Click has them, and parsing them would change the shell of whoever runs the tests
    ends = {"--help", "--version"} & set(words)
    try:
        parse(program, words)  # takes the words out of the list
    except TyperException as error:
        return type(error).__name__
    except Exit:
        return None if ends else "Exit"
    return None


def words_of(line: str, folder: Path) -> tuple[Command, list[str]]:
    program, *words = shlex.split(line, comments=True)
    end = next((at for at, word in enumerate(words) if word in ("|", "&&", "&", ">", "2>")), len(words))
    words = words[:end]
    return PROGRAMS[program], split_target(words, folder)[0] if program == "leveret" else words


SHOWN = sorted(set(commands()))
NAMED = sorted(set(named()))


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=[f"{page}: {line}" for page, line in SHOWN])
def test_a_command_of_the_documentation_exists(page: str, line: str, tmp_path: Path) -> None:
    program, words = words_of(line, tmp_path)
    assert problem(program, words) is None


@pytest.mark.parametrize(("page", "line"), NAMED, ids=[f"{page}: {line}" for page, line in NAMED])
def test_a_command_that_the_documentation_names_exists(page: str, line: str, tmp_path: Path) -> None:
    program, words = words_of(line, tmp_path)
    assert problem(program, words) in {None, *UNFINISHED}


def test_commands_of_the_documentation_are_found() -> None:
    pages = {page for page, _ in SHOWN}
    assert {"docs/command-line.md", "docs/operations.md", "docs/tutorial.md", name(NEW_PROJECT)} <= pages
    assert len(SHOWN) > 20
    assert len(NAMED) > 30


@pytest.mark.parametrize("words", [["warker"], ["worker", "--proceses", "2"], ["call"], ["letters", "redrive", "--al"]])
def test_a_command_that_does_not_exist_is_found(words: list[str]) -> None:
    assert problem(leveret, words) is not None
