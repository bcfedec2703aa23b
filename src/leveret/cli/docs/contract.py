"""The command ``docs contract``: what an application promises, as a document to keep."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Final

import typer

from leveret.cli.context import application
from leveret.cli.ending.endings import WrongUse

_LIBRARIES: Final = ("jsonschema", "rstr")


def contract(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the contract to this file; its folder is made.")
    ] = None,
) -> None:
    """Print what the application promises, to keep it: `docs diff` compares with it. It needs `leveret[contracts]`.

    The contract has the schemas of all inputs and outputs, the routes, and which inputs the decoders took and refused
    when they were tried.
    """
    need_libraries()
    from leveret.contracts.diff.building import contract_of  # noqa: PLC0415 - it needs the extra
    from leveret.contracts.diff.contract import write_contract  # noqa: PLC0415

    text = write_contract(contract_of(application(context)))
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"{output} cannot be written: {error.strerror or error}") from error
    typer.echo(f"Wrote {output}")


def need_libraries() -> None:
    """Check that the libraries for contracts are installed.

    Raises:
        WrongUse: they are not.
    """
    if missing := [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]:
        raise WrongUse(f"contracts need {', '.join(missing)}: pip install 'leveret[contracts]'")
