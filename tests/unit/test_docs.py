"""What the documentation says of the code is there, and the other way round."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leveret.errors import BY_CODE, SettingsError
from leveret.testing import TestClient
from leveret.topology import Topology
from leveret.wire.letter import LetterBody
from support.pages import DOCS, FENCE, PAGES, ROOT, file_name, name, program, python_blocks
from taskmanager.actions import app
from taskmanager.settings import Settings

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MACHINE = re.compile(r"(?<![\w.])/(work|home|root|Users|tmp)/\w")
PLACEHOLDER = re.compile(r"\b(TODO|TBD|FIXME|XXX)\b|@@")
GENERATED = re.compile(r"<!-- begin: .*?<!-- end: ", re.DOTALL)
LIST_MARKER = re.compile(r"^ *([-*]|\d+\.) +")
WHOLE = re.compile(r"`[^`]*`|\[[^\]]*\]\([^)]*\)")
PATH = re.compile(r"`((?:benchmarks|docs|examples|faults|src/leveret|taskmanager/src|testbed|tests)/[\w./-]+)`")
LONGEST_LINE = 110

TUTORIAL = "docs/tutorial.md#1"
LETTER = "retries exhausted: RuntimeError: the pen is dry"


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def lines_to_break(page: Path) -> list[str]:
    """The long lines of a page's prose; a heading, a row of a table, one link or one piece of code stays whole."""
    found = []
    for line in GENERATED.sub("", prose(page)).splitlines():
        words = WHOLE.sub("whole", LIST_MARKER.sub("", line)).split()
        if len(line) > LONGEST_LINE and len(words) > 1 and not line.startswith(("|", "#")):
            found.append(line)
    return found


def anchors(page: Path) -> set[str]:
    """The headings as a link names them: small letters, blanks as hyphens, without other signs."""
    headings = HEADING.findall(prose(page))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: Path, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{name(page)} has no section {heading!r}"
    return found[1]


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_internal_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    named = PATH.findall(prose(page))
    missing = [path for path in named if not (ROOT / path).exists() and not path.endswith("_what_it_does.py")]
    assert missing == [], "a file that was moved, or misspelt"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(prose(page)) if "://" not in link)
        waiting += [(page.parent / link).resolve() for link in links if link]
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_names_a_folder_of_one_machine_or_holds_a_gap(page: Path) -> None:
    text = page.read_text()
    assert MACHINE.findall(text) == []
    assert PLACEHOLDER.findall(text) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_line_of_prose_is_longer_than_a_screen_is_wide(page: Path) -> None:
    assert lines_to_break(page) == []


@pytest.mark.parametrize(("where", "code"), [pytest.param(*block, id=block[0]) for block in python_blocks()])
def test_every_python_block_compiles(where: str, code: str) -> None:
    compile(code, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_program_of_the_readme_has_twelve_lines_and_works() -> None:
    assert len(dict(python_blocks())["README.md#1"].splitlines()) <= 12
    with program("README.md#1") as space, TestClient(space["app"]) as client:
        assert [client.call("sign", {"name": name}) for name in ("Ada", "Grace")] == [1, 2]


def test_the_examples_pass_the_strictest_type_check(tmp_path: Path) -> None:
    """Whoever copies one into a program of their own has no error to mend."""
    for where, code in python_blocks():
        file = tmp_path / file_name(where, code)
        assert not file.exists(), f"two programs are called {file.name}"
        file.write_text(code)
    files = sorted(map(str, tmp_path.glob("*.py")))
    assert len(files) >= 4
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", *files]
    generated = {**os.environ, "MYPYPATH": str(ROOT / "taskmanager/clients/python")}
    done = subprocess.run(command, cwd=tmp_path, env=generated, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_program_of_the_tutorial_has_at_most_twenty_lines_and_works() -> None:
    assert len(dict(python_blocks())[TUTORIAL].splitlines()) <= 20
    with program(TUTORIAL) as space, TestClient(space["app"]) as client:
        assert client.call("sign", {"name": "Ada"}, result=space["Entry"]) == space["Entry"](1, "Ada")


def test_what_the_tutorial_makes_fail_becomes_a_letter() -> None:
    (failing,) = re.findall(
        r"^```\n(    if name == .*?)^```$", (DOCS / "tutorial.md").read_text(), re.MULTILINE | re.DOTALL
    )
    with program(TUTORIAL, {"    added": f"{failing}    added"}) as space, TestClient(space["app"]) as client:
        assert client.call("sign", {"name": "Ada"}) == {"number": 1, "name": "Ada"}
        client.send("sign", {"name": "Mallory"})
        for _ in range(3):
            client.advance("5s")
        (letter,) = client.letters()
        assert isinstance(letter.content, LetterBody)
        assert (letter.content.code, letter.content.reason) == ("retries_exhausted", LETTER)


def test_the_test_of_the_tutorial_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    with program(TUTORIAL) as guestbook:
        monkeypatch.setitem(sys.modules, "guestbook", SimpleNamespace(**guestbook))
        with program(TUTORIAL.replace("#1", "#3")) as space:
            (test,) = (found for name, found in space.items() if name.startswith("test_"))
            test()


def test_every_action_and_every_field_of_its_input_is_described() -> None:
    page = DOCS / "actions.md"
    missing = []
    for action in app:
        text = section(page, action.name)
        if "in `get_task`" in text:
            text += section(page, "get_task")
        fields = action.input.__struct_fields__ if action.input else ()
        missing += [f"{action.version}.{action.name} {field}" for field in fields if f"`{field}`" not in text]
    assert missing == []


def test_the_errors_that_an_action_declares_are_those_that_are_described() -> None:
    for action in app:
        where = rf"Errors(?: in {action.version})?: (.*?)(?:\n\n|\Z)"
        described = re.findall(where, section(DOCS / "actions.md", action.name), re.DOTALL)
        codes = {code for text in described for code in re.findall(r"`(\w+)`", text)} & BY_CODE.keys()
        assert {error.code for error in action.errors} == codes, f"{action.version}.{action.name}"


def test_every_action_has_an_output_and_a_description() -> None:
    assert [action.name for action in app if action.output is Any or not action.description] == []


def test_every_action_that_is_described_exists() -> None:
    described = set(re.findall(r"^\| \[`(\w+)`\]", (DOCS / "actions.md").read_text(), re.MULTILINE))
    assert described == {action.name for action in app}


def test_the_settings_that_are_described_are_those_that_exist() -> None:
    described = set(re.findall(r"^\| `(TASKMANAGER_\w+)`", (DOCS / "settings.md").read_text(), re.MULTILINE))
    nonsense = dict.fromkeys(described, "\N{SNOWMAN}")
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(nonsense)
    assert [problem for problem in refused.value.problems if "no such setting" in problem] == []
    assert described == set(Settings().variables())


def test_every_setting_named_anywhere_is_described() -> None:
    known = set(re.findall(r"TASKMANAGER_[A-Z_]*[A-Z]", (DOCS / "settings.md").read_text()))
    named = {found for page in PAGES for found in re.findall(r"TASKMANAGER_[A-Z_]*[A-Z]", page.read_text())}
    assert named - known == set()


def test_the_error_codes_that_are_described_are_those_that_exist() -> None:
    described = re.findall(r"^\| `(\w+)` \|", section(DOCS / "wire.md", "Error codes"), re.MULTILINE)
    assert sorted(described) == sorted(BY_CODE)


def test_the_queues_are_described_with_every_argument() -> None:
    text = section(DOCS / "wire.md", "At the broker")
    for queue in Topology().queues:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{queue.name}` |"))
        assert set(re.findall(r"x-[a-z-]+", row)) == set(queue.arguments)


def test_the_figures_of_the_comparison_are_those_that_were_measured() -> None:
    comparison, performance = ((DOCS / f"{page}.md").read_text() for page in ("comparison", "performance"))
    rows = re.findall(r"^\| (leveret \|.*) \|\n.*\n\| (.*) \|$", comparison, re.MULTILINE)
    (names, figures) = next(row for row in rows if "Celery" in row[0] and "," in row[1] and "yes" not in row[1])
    compared = dict(zip(names.split(" | "), figures.split(" | "), strict=True))
    own = re.search(r"^### Echo from each one's own client.*?(?=^CPU)", performance, re.MULTILINE | re.DOTALL)
    assert own
    measured = dict(re.findall(r"^\| (\w+) \| 64 in flight \| ([\d,.]+) \(", own[0], re.MULTILINE))
    assert compared == {name: measured[name] for name in compared}, "write the new figures into docs/comparison.md"
    assert len(compared) == 7
    elsewhere = set(re.findall(r"\b\d+,\d{3}\b|(?<=made )\d+", comparison))
    assert len(elsewhere) >= 6
    old = [figure for figure in elsewhere if f" {figure} " not in performance]
    assert old == [], "docs/comparison.md names figures that docs/performance.md does not have any more"


@pytest.mark.parametrize(("page", "least"), [("rabbitmq-facts.md", 20), ("security.md", 10)])
def test_every_fact_names_tests_that_exist(page: str, least: int) -> None:
    cited = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (DOCS / page).read_text())
    gone = [f"{path}::{test}" for path, test in cited if f"def {test}" not in (ROOT / path).read_text()]
    assert len(cited) > least
    assert gone == []


def test_every_decision_is_listed_and_has_all_its_parts() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    listed = re.findall(r"^\| \[\d+\]\((.+)\) \|", (DOCS / "decisions" / "README.md").read_text(), re.MULTILINE)
    assert listed == [page.name for page in pages]
    parts = ("**Context.**", "**Decision.**", "**Consequences.**", "**Given up.**")
    assert [page.name for page in pages if any(part not in page.read_text() for part in parts)] == []
