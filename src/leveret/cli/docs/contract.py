"""The command ``docs contract``: what an application promises, as a document to keep."""

from __future__ import annotations

import importlib.util
from typing import Final

import typer

from leveret.cli.context import application
from leveret.cli.docs.writing import Output, print_or_write
from leveret.cli.ending.endings import WrongUse

_LIBRARIES: Final = ("jsonschema", "rstr")


def contract(
    context: typer.Context,
    *,
    output: Output = None,
) -> None:
    """Print what the application promises, to keep it: `docs diff` compares with it. It needs `leveret[contracts]`.

    The contract has the schemas of all inputs and outputs, the routes, and which inputs the decoders took and refused
    when they were tried.
    """
    need_libraries()
    from leveret.contracts.diff.building import contract_of  # noqa: PLC0415 - it needs the extra
    from leveret.contracts.diff.contract import write_contract  # noqa: PLC0415

    text = write_contract(contract_of(application(context)))
    print_or_write(text, output)


def need_libraries() -> None:
    """Check that the libraries for contracts are installed.

    Raises:
        WrongUse: they are not.
    """
    if missing := [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]:
        raise WrongUse(f"contracts need {', '.join(missing)}: pip install 'leveret[contracts]'")
