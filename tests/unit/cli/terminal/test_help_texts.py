"""The help of every command is readable on a terminal of 80 columns."""

import re
from itertools import pairwise

import pytest

from leveret.cli.commands import COMMANDS, WITHOUT_APPLICATION
from leveret.cli.leveret import command as leveret
from leveret.cli.program import Program
from leveret.cli.terminal.help_texts import reflow
from taskmanager.cli.command import command as taskmanager

GROUPS = {
    "letters": ("redrive", "discard", "archive", "restore", "export", "import", "edit"),
    "topology": ("show", "apply", "users"),
    "db": ("upgrade", "current", "revision"),
    "clients": ("python", "typescript"),
    "docs": ("contract", "diff"),
    "keys": ("show", "add", "secret", "sign", "remove"),
}
WORDS = [[name] for name in (*COMMANDS, *WITHOUT_APPLICATION)] + [
    [group, name] for group, names in GROUPS.items() for name in names
]


def shown(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, own: bool = False
) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        (taskmanager if own else leveret).run(Program("taskmanager" if own else "leveret"), [*words, "--help"])
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [[], *WORDS], ids=" ".join)
def test_no_help_has_a_ragged_paragraph_or_developers_words(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(words, capsys, monkeypatch)
    assert not re.search(r"<(str|int|float|int range|value)>|<=x<=", text)
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    prose = [line.strip() for line in lines if not line.startswith(("│", "╭", "╰"))]
    for line, following in pairwise(prose):
        if line and following and not line.startswith("Usage"):
            first = following.split()[0]
            assert len(line) + 1 + len(first) > 76, f"{line!r} ends early: {first!r} has room in it"


def test_the_help_of_an_applications_own_command_names_its_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(["worker"], capsys, monkeypatch, own=True)
    assert "TASKMANAGER_PROCESSES" in text
    assert "MODULE:APP" not in text
    assert "MODULE:APP" in shown(["worker"], capsys, monkeypatch)


def test_a_subcommand_shows_where_the_application_goes_and_its_arguments_in_capitals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "leveret keys add [MODULE:APP] [OPTIONS] {KID}" in shown(["keys", "add"], capsys, monkeypatch)
    assert "taskmanager keys add [OPTIONS] {KID}" in shown(["keys", "add"], capsys, monkeypatch, own=True)


def test_lines_of_a_paragraph_are_joined_and_paragraphs_stay() -> None:
    assert reflow("One\ntwo.\n\n    Three\n    four.\n") == "One two.\n\nThree four."


@pytest.mark.parametrize("words", [[], ["dev"], ["console"]], ids=" ".join)
def test_the_name_of_an_extra_is_not_taken_for_markup(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(words, capsys, monkeypatch)
    assert "'leveret[console]'" in text
    assert "\\[" not in text
