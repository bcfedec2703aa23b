"""The pages of the documentation, and the programs in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leveret.sql import metadata

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "taskmanager/README")),
        *ROOT.glob("examples/*/README.md"),
        *DOCS.rglob("*.md"),
    ]
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """Return a page's path from the root of the project."""
    return page.relative_to(ROOT).as_posix()


def english(page: Path) -> Path:
    """Return the page of which a page is the Russian translation, or the page itself."""
    if page.is_relative_to(DOCS / "ru") and (found := DOCS / page.relative_to(DOCS / "ru")).is_file():
        return found
    return page


def python_blocks() -> Iterator[tuple[str, str]]:
    """Yield every Python program, as ``docs/tutorial.md#1`` and its code; of a translated page, only the English."""
    for page in PAGES:
        if english(page) != page:
            continue  # a translation shows the same programs, as a test checks
        blocks = (code for language, code in FENCE.findall(page.read_text()) if language == "python")
        yield from ((f"{name(page)}#{number}", code) for number, code in enumerate(blocks, start=1))


def file_name(where: str, code: str) -> str:
    """Return the name of the file in which a program stands: what its first line says, such as ``# shop.py``."""
    named = re.match(r"# (\w+\.py)\n", code)
    return named[1] if named else f"{re.sub(r'[^a-z0-9]+', '_', where.lower())}.py"


@contextmanager
def program(where: str, replaced: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """Run a program as far as it does not start by itself, and yield its names; its tables are not kept.

    Args:
        where: as `python_blocks` names it.
        replaced: what a test has to write differently, such as the name of a queue; each of them has to be there.
    """
    code = dict(python_blocks())[where]
    for old, new in (replaced or {}).items():
        assert old in code, f"{where} does not contain {old!r}"
        code = code.replace(old, new)
    tables = set(metadata.tables)
    space: dict[str, Any] = {"__name__": "documentation"}
    try:
        exec(compile(code, where, "exec", dont_inherit=True), space)
        yield space
    finally:
        for added in set(metadata.tables) - tables:
            metadata.remove(metadata.tables[added])
