"""``taskmanager compare``: the same load on both forms of the system, REST and RabbitMQ, while things fail."""

from __future__ import annotations

import importlib.util
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option
from leveret.cli.terminal.screen import make_console
from leveret.process.interrupts import interruptible
from leveret.settings import values
from taskmanager.compare.scenes import SCENES, Scene, chosen

if TYPE_CHECKING:
    from taskmanager.compare.running import Shown

_NEEDED: Final = ("httptools", "httpx2", "starlette", "uvicorn")
_NAMES: Final = tuple(scene.name for scene in SCENES)


def compare(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCENE",
            parser=read_option("--only", values.one_of(*_NAMES)),
            help=f"Only this scene; repeatable: {', '.join(_NAMES)}.",
        ),
    ] = None,
    short: Annotated[
        bool, typer.Option("--short", help="A tenth of the time: shows that it works, and measures nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write a page (index.html) and the pictures as PNG and SVG into this folder."
        ),
    ] = None,
) -> None:
    """Put the same load on both forms of the system, REST and RabbitMQ, while things fail, and show what became of it.

    Everything runs on a private RabbitMQ node and in folders for temporary files, and is stopped and removed at the
    end. The whole takes six minutes.
    """
    _check_libraries(pictures=output is not None)
    scenes = [scene.shortened() if short else scene for scene in chosen(only or [])]
    with interruptible():
        found = _run(scenes)
    if output is not None:
        _write(output, found, short=short)


def _run(scenes: list[Scene]) -> list[list[Shown]]:
    from taskmanager.compare.forms import FORMS, NAMES  # noqa: PLC0415 - it needs the extra
    from taskmanager.compare.running import run_scenes  # noqa: PLC0415 - it needs the extra
    from taskmanager.compare.terminal import show_legend, show_scene  # noqa: PLC0415 - it needs the extra

    console = make_console()
    found: list[list[Shown]] = []
    status = console.status("starting a private RabbitMQ node")
    with status:
        for shown in run_scenes(scenes, lambda scene, form: status.update(f"{scene.title}: {NAMES[form]}")):
            if shown.form == FORMS[0]:
                found.append([])
            found[-1].append(shown)
            if shown.form == FORMS[-1]:
                show_scene(console, found[-1])
    show_legend(console)
    return found


def _write(folder: Path, found: list[list[Shown]], *, short: bool) -> None:
    from taskmanager.compare.page import page  # noqa: PLC0415 - it needs matplotlib
    from taskmanager.compare.pictures import KINDS, draw  # noqa: PLC0415 - it needs matplotlib

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(page(found, _about(short=short)), encoding="utf-8")
        for shown in found:
            for kind in KINDS:
                (folder / f"{shown[0].scene.name}.{kind}").write_bytes(draw(shown, "light", kind))
    except OSError as error:
        raise WrongUse(f"--output: {folder} cannot be written: {error.strerror or error}") from error
    typer.echo(f"\npage and pictures: {folder / 'index.html'}")


def _about(*, short: bool) -> str:
    names = ("leveret", "uvicorn", "httpx2")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    what = "A short run, which measures nothing" if short else "Measured"
    system = f"{os.cpu_count()} cores, {platform.system()}"
    return f"{what}: {datetime.now(UTC):%Y-%m-%d}, {system}, Python {platform.python_version()}, {versions}, SQLite."


def _check_libraries(*, pictures: bool) -> None:
    needed = (*_NEEDED, "matplotlib") if pictures else _NEEDED
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise WrongUse(f"compare needs {', '.join(missing)}: pip install 'taskmanager[compare]'")
