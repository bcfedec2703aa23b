"""Versions of what runs here: Python, SQLite, leveret, the application, libraries and extras."""

from __future__ import annotations

import platform
import re
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from leveret.operate.doctor.finding import Findings, ok, unknown, wrong
from leveret.operate.doctor.installation import Installation

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([a-z0-9-]+)["']""")
_WHOLE: Final = "all"
"""The extra that is all of the others together."""


def programs(installation: Installation) -> Findings:
    """Report the versions of Python, SQLite, leveret and the application."""
    application = installation.application
    own = f", {application.name} {application.version}" if application.version else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [ok(f"leveret {_version('leveret')}{own}, {python}, SQLite {sqlite3.sqlite_version}, {platform.platform()}")]


def libraries(installation: Installation) -> Findings:  # noqa: ARG001 - every check takes it
    """Report the libraries that leveret needs, and those that are missing."""
    found = {name: _version(name) for name, extra in _needed() if extra is None}
    if not found:
        return [unknown("leveret is not installed as a distribution, so nobody knows what it needs")]
    missing = [name for name, number in found.items() if number is None]
    if missing:
        return [wrong(f"not installed: {', '.join(missing)}", "Install leveret again with pip.")]
    return [ok(", ".join(f"{name} {number}" for name, number in found.items()))]


def extras(installation: Installation) -> Findings:  # noqa: ARG001 - every check takes it
    """Report which extras are installed; it is not an error that one is not."""
    wanted: dict[str, list[str]] = {}
    for name, extra in _needed():
        if extra not in (None, _WHOLE):
            wanted.setdefault(str(extra), []).append(name)
    there = sorted(extra for extra, names in wanted.items() if all(map(_version, names)))
    absent = sorted(wanted.keys() - there)
    hint = f"; not installed: {', '.join(absent)} (pip install 'leveret[NAME]')" if absent else ""
    return [ok(f"extras: {', '.join(there) or 'none'}{hint}")]


def _needed() -> Iterator[tuple[str, str | None]]:
    """Yield the distributions that leveret needs, each with its extra or None."""
    try:
        lines = requires("leveret") or []
    except PackageNotFoundError:
        return
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = _EXTRA.search(marker)
        if found := _NAME.match(requirement):
            yield found[0], extra[1] if extra else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
