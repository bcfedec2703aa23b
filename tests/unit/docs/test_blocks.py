"""Every block of code in the documentation is tested, or a reason says why not: see `blocks.toml`."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret import App
from support.pages import DOCS, PAGES, ROOT, english, name
from support.walking import Block, blocks

LIST = Path(__file__).with_name("blocks.toml")
VERDICTS: dict[str, dict[str, str]] = tomllib.loads(LIST.read_text())
TESTED = [page for page in PAGES if english(page) == page]
"""Translations have the blocks of the English pages; test_translations.py compares them."""


def verdicts_of(page: str) -> dict[str, str]:
    """The verdicts of a page, or of its folder."""
    return VERDICTS.get(page) or VERDICTS.get(f"{Path(page).parent.as_posix()}/", {})


def verdict(page: str, code: str) -> str | None:
    """Return what is said of a block: under the longest beginning that fits."""
    fitting = [begin for begin in verdicts_of(page) if code.startswith(begin)]
    return verdicts_of(page)[max(fitting, key=len)] if fitting else None


def all_blocks() -> Iterator[tuple[str, Block]]:
    return ((name(page), block) for page in TESTED for block in blocks(page))


def test_every_block_is_in_the_list() -> None:
    missing = [f"{page}: {block.code[:60]!r}" for page, block in all_blocks() if verdict(page, block.code) is None]
    assert missing == [], f"say in {LIST.name} which test runs these blocks, or why none does"


def test_nothing_in_the_list_is_left_over() -> None:
    codes: dict[str, list[str]] = {}
    for page, block in all_blocks():
        codes.setdefault(page if page in VERDICTS else f"{Path(page).parent.as_posix()}/", []).append(block.code)
    unused = [
        f"{page}: {begin}"
        for page, named in VERDICTS.items()
        for begin in named
        if not any(verdict_key(named, code) == begin for code in codes.get(page, []))
    ]
    assert unused == []


def verdict_key(named: dict[str, str], code: str) -> str | None:
    return max((begin for begin in named if code.startswith(begin)), key=len, default=None)


def test_every_test_in_the_list_exists_and_every_reason_says_something() -> None:
    wrong = []
    for said in {said for named in VERDICTS.values() for said in named.values()}:
        kind, _, rest = said.partition(": ")
        path, _, function = rest.partition("::")
        if kind in ("run", "same"):
            file = ROOT / path
            if not file.is_file() or not re.search(rf"def {function or 'test_'}", file.read_text()):
                wrong.append(said)
        elif not (kind == "checked" and not rest) and not (kind == "shown" and len(rest.split()) > 1):
            wrong.append(said)
    assert wrong == []


def test_a_block_that_is_only_checked_has_commands_of_ours() -> None:
    """The test of commands parses them; a block without any of them would be tested by nothing."""
    empty = [
        f"{page}: {block.code[:60]!r}"
        for page, block in all_blocks()
        if verdict(page, block.code) == "checked" and not re.search(r"\b(leveret|taskmanager)\b", block.code)
    ]
    assert empty == []


def test_most_blocks_are_run() -> None:
    said = [verdict(page, block.code) or "" for page, block in all_blocks() if not page.startswith("docs/reference/")]
    kinds = {kind: sum(each.startswith(kind) for each in said) for kind in ("run", "same", "checked", "shown")}
    assert sum(kinds.values()) == len(said)
    assert kinds["shown"] < len(said) / 5
    assert kinds["run"] > len(said) / 3


def block_of(page: str, begin: str) -> str:
    (found,) = (block.code for block in blocks(ROOT / page) if block.code.startswith(begin))
    return found


@pytest.mark.parametrize("page", ["docs/how-to/deploy.md", "docs/operations.md"])
def test_units_of_systemd_are_read_and_start_a_command_that_exists(page: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names of systemd have capital letters
    unit.read_string(block_of(page, "[Unit]"))
    assert {"Unit", "Service", "Install"} <= set(unit.sections())
    program = Path(shlex.split(unit["Service"]["ExecStart"])[0]).name
    assert program in ("leveret", "taskmanager")
    assert unit["Service"]["EnvironmentFile"]


def test_files_of_settings_name_settings_that_exist() -> None:
    names = [line.partition("=")[0] for line in block_of("docs/how-to/deploy.md", "GUESTBOOK_AMQP").splitlines()]
    known = set(App("guestbook").defaults.variables())
    assert names
    assert [each for each in names if each not in known] == []


def test_fragments_of_configuration_are_read_by_their_parsers() -> None:
    page = DOCS / "how-to" / "test.md"
    (toml,) = (tomllib.loads(block.code) for block in blocks(page) if block.language == "toml")
    assert toml == {"tool": {"leveret": {"app": "shop:app"}}}
    ini = configparser.ConfigParser()
    ini.read_string(block_of("docs/how-to/test.md", "[pytest]"))
    assert ini["pytest"]["leveret_app"] == "shop:app"


def test_messages_of_the_pages_are_json() -> None:
    problem = json.loads(block_of("docs/http.md", '{"type"'))
    assert (problem["status"], problem["code"]) == (404, "not_found")
    request, *replies = block_of("docs/wire.md", '{"id"').splitlines()
    assert set(json.loads(request)) == {"id", "version", "action", "data", "auth"}
    for reply in replies:
        shown = json.loads(reply.replace(",...", ""))
        assert {"correlation_id", "status"} <= set(shown)


def test_the_file_of_the_script_has_the_guests_that_its_output_names() -> None:
    guests, output = (
        block.code.splitlines()
        for block in blocks(DOCS / "how-to" / "call-from-a-script.md")
        if block.code.startswith("Ada")
    )
    assert output == [f"{guest}: number {number}" for number, guest in enumerate(guests, start=1)]
