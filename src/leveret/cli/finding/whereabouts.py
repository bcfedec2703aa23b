"""Finds the module that holds an application, so that another process can import it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from leveret.application import Application
from leveret.cli.finding.target import Target

_MAIN = "__main__"


def target_of(application: Application) -> Target | None:
    """Return where an application can be imported from; None if no module holds it under a name of its own.

    A module that runs as a program, with ``python guestbook.py`` or ``python -m guestbook``, is named as another
    process imports it.
    """
    for name, module in sorted(sys.modules.items(), key=lambda item: item[0] == _MAIN):  # the program itself comes last
        attribute = _attribute_of(module, application)
        if attribute is None:
            continue
        place = _place_of(name, module)
        if place is not None:
            return Target(f"{place[0]}:{attribute}", folder=place[1])
    return None


def _attribute_of(module: ModuleType, application: Application) -> str | None:
    names = [name for name, value in list(getattr(module, "__dict__", {}).items()) if value is application]
    return next((name for name in names if name.isidentifier()), None)


def _place_of(name: str, module: ModuleType) -> tuple[str, Path] | None:
    """Return the name under which a module can be imported, and the folder from which."""
    spec, file = getattr(module, "__spec__", None), getattr(module, "__file__", None)
    if file is None:
        return None
    path = Path(file).resolve()
    known = spec.name if spec is not None else path.stem if name == _MAIN else name
    if not all(part.isidentifier() for part in known.split(".")):
        return None
    depth = known.count(".") + (path.name == "__init__.py")
    return known, path.parents[depth]
