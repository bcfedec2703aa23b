"""The templates: every value is escaped, and a value that is missing is an error."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from leveret.wire.masking import printable

ASSETS: Final = Path(__file__).parent.parent / "assets"
"""What the console serves beside its pages."""

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
"""The templates."""

_VERSION: Final = 12
"""Characters of a file's digest in its address: a new file has a new address, so browsers may keep the old one."""


@cache
def environment() -> Environment:
    """Return Jinja's environment, which is made once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
        auto_reload=False,
    )
    made.globals["asset"] = asset
    made.filters["lines"] = lines
    made.filters["pretty"] = pretty
    made.filters["number"] = number
    return made


def _finalize(value: Any) -> Any:
    """Escape what could change the direction of a page's text or hide in it; a stranger may have written any text."""
    return printable(value) if type(value) is str else value


def lines(text: str) -> Markup:
    """Return a text with its line breaks; everything else in it that cannot be printed is escaped."""
    return Markup("\n").join(escape(printable(line.replace("\t", "    "))) for line in text.split("\n"))


def pretty(value: Any) -> Markup:
    """Return a value as indented JSON."""
    return lines(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def number(value: float | None) -> str:
    """Return a number with commas, with one digit behind the point where it is small; a dash for None."""
    if value is None:
        return "-"
    return f"{value:,.1f}".removesuffix(".0") if 0 < value < 10 else f"{value:,.0f}"


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours, which changes with its content."""
    digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()
    return f"/assets/{name}?v={digest[:_VERSION]}"
