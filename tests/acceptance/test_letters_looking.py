"""Looking at dead letters on the command line: lists, groups, one letter, the index."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.command import Commands
from support.dead_requests import write_letters


@pytest.fixture
def look(commands: Commands, tmp_path: Path) -> Look:
    write_letters(commands, "a", "b", "c")
    return Look(commands, tmp_path / "letters.db")


class Look:
    """Runs commands of `letters` with an index of their own."""

    def __init__(self, commands: Commands, path: Path) -> None:
        self.commands = commands
        self.path = path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.commands.run("letters", *words, "--index", str(self.path))

    def lines(self, *words: str) -> list[dict[str, object]]:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def test_letters_are_listed_filtered_grouped_and_shown(look: Look) -> None:
    assert [row["request_id"] for row in look.lines("list")] == ["a", "b", "c"]
    assert [row["request_id"] for row in look.lines("list", "--newest", "--limit", "2")] == ["c", "b"]
    assert [row["request_id"] for row in look.lines("list", "--action", "create_task", "--text", "no such tab")] == [
        *"abc"
    ]
    assert look.lines("list", "--older", "1h") == []
    (group,) = look.lines("groups")
    assert (group["present"], group["action"]) == (3, "v1.create_task")
    assert [row["group"] for row in look.lines("list", "--group", str(group["fingerprint"])[:6])] == [
        group["fingerprint"]
    ] * 3
    (shown,) = look.lines("show", "b")
    assert shown["letter"]["request"]["data"]["title"] == "b"  # type: ignore[index] # of JSON
    for _ in range(2):
        assert look("list", "--check").returncode == 0


def test_what_cannot_be_found_or_read_is_told_with_an_exit_code(look: Look) -> None:
    missing = look("show", "nobody")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "not there: nobody" in missing.stderr
    wrong = look("list", "--older", "soon")
    assert wrong.returncode == 2
    assert "--older: 'soon' is not a duration" in wrong.stderr
    about = look("index")
    assert about.returncode == 0
    assert "letters   3 present, 3 known" in about.stdout
    assert "the queue holds the same letters" in look("index", "--rebuild").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("redrive", "--steps", "1,all"),
        ("redrive", "--dry-run"),
        ("redrive", "--what-if"),
        ("discard", "--yes"),
        ("edit", "--set", "title=x", "--why", "x", "--yes"),
        ("export", "letters.jsonl"),
    ],
    ids=" ".join,
)
def test_conditions_that_no_letter_meets_change_nothing(look: Look, words: tuple[str, ...]) -> None:
    unknown = look(*words, "--group", "zzz")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no group 'zzz' among the letters of the queue" in unknown.stderr
    none = look(*words, "--action", "sell", "--older", "1h")
    assert (none.returncode, none.stdout) == (1, "")
    assert "no letter in the queue meets the conditions: action=sell, older=1h" in none.stderr
    assert not (look.commands.folder / "letters.jsonl").exists()
    for record in ("history", "operations"):
        assert look.commands.run("letters", record).stdout == ""
    wrong = look(*words, "--text", '"')
    assert wrong.returncode == 2
    assert "--text: there is no word" in wrong.stderr


def test_conditions_that_no_discarded_letter_meets_bring_nothing_back(look: Look) -> None:
    assert look("discard", "a", "b", "--yes").returncode == 0
    none = look.commands.run("letters", "restore", "--group", "zzz")
    assert (none.returncode, none.stdout) == (1, "")
    assert "there is no group 'zzz' among the letters of the archive" in none.stderr
    assert len(look.commands.run("letters", "archive", "--limit", "1").stdout.splitlines()) == 1
    assert look("list", "--limit", "5").stdout.count("\n") == 1
