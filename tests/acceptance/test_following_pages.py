"""Start and tutorial, followed word for word: from a clone to a typed call, a failure, and the letter sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import DOCS
from support.walking import Edit, Terminal, Walk, blocks, clone, environment, use_packages_of_the_tests

START, TUTORIAL, REPORT = DOCS / "start.md", DOCS / "tutorial.md", DOCS / "ru" / "report.md"
WITH_NETWORK = "FOLLOW_WITH_NETWORK" in os.environ
"""Whether pip loads what is needed, as it does for somebody who follows the pages for the first time."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("following")


@pytest.fixture(scope="module")
def venv(home: Path) -> Path:
    """The environment that the first block of the start makes, in a clone."""
    place = environment(home)
    if WITH_NETWORK:
        place = {name: value for name, value in place.items() if name not in ("PIP_NO_INDEX", "PIP_NO_BUILD_ISOLATION")}
    folder = clone(home, place)
    terminal = Terminal(home / "install.txt", folder, place)
    try:
        for line in blocks(START)[0].code.splitlines():
            assert terminal.run(line)[1] == 0, terminal.text
            if "-m venv" in line and not WITH_NETWORK:
                use_packages_of_the_tests(folder / ".venv")
        assert terminal.run("command -v leveret")[0].strip() == str(folder / ".venv/bin/leveret")
    finally:
        terminal.close()
    return folder / ".venv"


@pytest.fixture
def walk(venv: Path, tmp_path: Path) -> Iterator[Walk]:
    folder = tmp_path / "own"
    folder.mkdir()
    fast = {f"{name}_RETRY_DELAY": "200ms" for name in ("SHOP", "GUESTBOOK", "TASKMANAGER")}
    walk = Walk(folder, venv, environment(tmp_path, **fast))
    yield walk
    walk.close()


def insert(path: str, anchor: str, *, behind: bool = False) -> Edit:
    """Return what writes a block of a page into a file, before or behind a line."""

    def edit(walk: Walk, code: str) -> None:
        assert walk.place
        text = (walk.place / path).read_text()
        assert text.count(anchor) == 1
        walk.change(path, text.replace(anchor, f"{anchor}{code}" if behind else f"{code}{anchor}"))

    return edit


def remove(path: str, begin: str, lines: int) -> Edit:
    """Return what takes lines out of a file again."""

    def edit(walk: Walk, _: str) -> None:
        assert walk.place
        kept = (walk.place / path).read_text().splitlines(keepends=True)
        (at,) = (number for number, line in enumerate(kept) if line.startswith(begin))
        walk.change(path, "".join(kept[:at] + kept[at + lines :]))

    return edit


def test_the_start_leads_from_a_clone_to_a_typed_call_and_through_a_failure(walk: Walk) -> None:
    docstring = '    """Write a guest into the book."""\n'
    fails = '    raise RuntimeError("the pen is dry")'
    walk.edits = {fails: insert("shop/guests.py", docstring, behind=True)}
    walk.before = {"leveret letters redrive --all": remove("shop/guests.py", fails, 1)}
    walk.follow(blocks(START)[1:])


def test_the_tutorial_leads_from_an_empty_file_through_a_failure_and_back(walk: Walk) -> None:
    assert blocks(TUTORIAL)[0].code == blocks(START)[0].code, "both pages install in the same way"
    fails = '    if name == "Mallory":'
    walk.place = walk.folder
    walk.edits = {fails: insert("guestbook.py", "    added = ")}
    walk.before = {"leveret letters redrive guestbook:app --all": remove("guestbook.py", fails, 2)}
    walk.follow(blocks(TUTORIAL)[1:])


def test_the_guide_to_the_report_shows_each_topic_live(walk: Walk, home: Path) -> None:
    (_, install, *rest) = blocks(REPORT)
    place = environment(home)
    terminal = Terminal(home / "application.txt", walk.venv.parent, place)
    try:
        assert terminal.run(f". {walk.venv}/bin/activate; {install.code.strip()}")[1] == 0, terminal.text
    finally:
        terminal.close()
    walk.elsewhere = ("taskmanager gateway", "curl ", "taskmanager compare")
    walk.follow(rest)
