"""The command ``new``: writes a project that runs."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from leveret.cli.new.naming import project_name
from leveret.cli.new.writing import write_project


def new(
    name: Annotated[str, typer.Argument(help="The project's name, such as shop or my-shop.", show_default=False)],
    *,
    folder: Annotated[
        Path | None,
        typer.Option(help="The project's folder; it must not exist, or be empty. Default: NAME.", show_default=False),
    ] = None,
) -> None:
    """Write a project that runs: an application with three actions, its tests, and what a server needs.

    Exit code 2: the name cannot be used, or the folder is not empty or cannot be written; nothing was made.
    """
    project = project_name(name)
    place = Path(project.text) if folder is None else folder
    made = write_project(project, place)
    lines = [f"{place} is made:", *(f"  {path}" for path in made), "", *_next(place)]
    typer.echo("\n".join(lines))


def _next(place: Path) -> list[str]:
    """Return what to do next."""
    go = [] if place.resolve() == Path.cwd() else [f"  cd {shlex.quote(str(place))}"]
    install = [] if find_spec("pytest") else ["  python -m pip install pytest"]
    return [
        "Run it, with a broker of its own:",
        *go,
        "  leveret dev",
        "Call it, in another terminal:",
        *go,
        "  leveret call sign name=Ada",
        "Test it:",
        *install,
        "  python -m pytest",
    ]
