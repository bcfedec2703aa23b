"""Revisions are read from their files; Alembic is imported only for what cannot be read so."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from leveret.errors import SettingsError
from leveret.sql.schema import framework
from leveret.sql.schema.folder import Revisions, read_folder
from taskmanager.storage.schema import SCHEMA


def write(folder: Path, **files: str) -> Path:
    (folder / "versions").mkdir()
    (folder / "env.py").write_text("")
    for name, text in files.items():
        (folder / "versions" / f"{name}.py").write_text(text)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read_folder(folder)
    [problem] = caught.value.problems
    return problem.removeprefix(str(folder))


ANNOTATED = """from typing import Sequence, Union
revision: str = "b2"
down_revision: Union[str, Sequence[str], None] = "a1"
branch_labels: Union[str, Sequence[str], None] = None
def upgrade() -> None:
    pass
"""


@pytest.mark.parametrize("folder", [framework.FOLDER, SCHEMA.migrations])
def test_our_own_folders_are_read_as_alembic_reads_them(folder: Path) -> None:
    scripts = ScriptDirectory(str(folder))
    found = read_folder(folder)
    assert found.head == scripts.get_current_head()
    assert found.known == tuple(script.revision for script in reversed(list(scripts.walk_revisions())))


@pytest.mark.parametrize(
    ("last", "known"),
    [
        pytest.param('revision = "b2"\ndown_revision = "a1"\n', ("a1", "b2"), id="plain"),
        pytest.param(ANNOTATED, ("a1", "b2"), id="annotated"),
        pytest.param('revision = "b2"\r\ndown_revision = ("a1",)\r\n', ("a1", "b2"), id="tuple"),
        pytest.param('revision = "b2"\ndown_revision = ["a1"]\n', ("a1", "b2"), id="list"),
        pytest.param("def helper():\n    pass\n\nrevision = 'b2'\ndown_revision = 'a1'\n", ("a1", "b2"), id="behind"),
        pytest.param('"""Text\ndef nothing\n"""\nrevision = "b2"\ndown_revision = "a1"\n', ("a1", "b2"), id="text"),
        pytest.param('# -*- coding: latin-1 -*-\nrevision = "b2"\ndown_revision = "a1"\n', ("a1", "b2"), id="encoded"),
        pytest.param('revision = "b" + "2"\ndown_revision = "a1"\n', ("a1", "b2"), id="computed"),
    ],
)
def test_a_revision_is_read_however_it_is_written(tmp_path: Path, last: str, known: tuple[str, ...]) -> None:
    write(tmp_path, z='revision = "a1"\ndown_revision = None\n', a=last, __init__="")
    assert read_folder(tmp_path) == Revisions(known, "b2")


def test_a_merge_follows_both_of_its_revisions(tmp_path: Path) -> None:
    files = {name: f"revision = {name!r}\ndown_revision = 'a'\n" for name in ("b", "c")}
    merge = "revision = 'd'\ndown_revision = ('b', 'c')\n"
    write(tmp_path, a="revision = 'a'\ndown_revision = None\n", d=merge, **files)
    assert read_folder(tmp_path) == Revisions(("a", "b", "c", "d"), "d")


def test_a_folder_without_revisions_has_none(tmp_path: Path) -> None:
    assert read_folder(write(tmp_path)) == Revisions((), None)


def test_two_newest_revisions_are_refused_in_words(tmp_path: Path) -> None:
    write(tmp_path, **{name: f"revision = {name!r}\ndown_revision = None\n" for name in ("a", "b")})
    assert "there are 2 newest revisions, a and b: let one follow the other, or merge them" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"b": "revision = 'b'\ndown_revision = 'a'\n"}, ": b follows a, and no file has that revision"),
        (dict.fromkeys("xy", "revision = 'a'\ndown_revision = None\n"), ": two files have the revision a"),
        (
            {"a": "revision = 'a'\ndown_revision = 'b'\n", "b": "revision = 'b'\ndown_revision = 'a'\n"},
            ": its revisions follow each other in a circle",
        ),
        ({"a": "revision = "}, ": its revisions cannot be read: SyntaxError"),
        ({"helper": "X = 1\n"}, ": its revisions cannot be read: CommandError"),
    ],
)
def test_a_folder_that_makes_no_sense_is_refused_in_words(tmp_path: Path, files: dict[str, str], words: str) -> None:
    assert refusal(write(tmp_path, **files)).startswith(words)


def test_a_folder_that_is_not_alembics_is_refused_in_words(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ": there is no env.py, so it is not an Alembic folder"


def test_a_long_list_of_revisions_is_told_by_its_number() -> None:
    assert str(Revisions(("a", "b"), "b")) == "a, b"
    assert str(Revisions(tuple("abcdefgh"), "h")) == "8 others, of which h is the newest"
    assert str(Revisions((), None)) == "none"


PROGRAM = """
import sys
from pathlib import Path
from leveret.sql.schema.folder import read_folder
read_folder(Path(sys.argv[1]))
print("alembic" in sys.modules)
"""


@pytest.mark.parametrize(("written", "imported"), [("'a'", "False"), ("'a' + ''", "True")])
def test_alembic_is_imported_only_for_what_cannot_be_read_without_it(
    tmp_path: Path, written: str, imported: str
) -> None:
    write(tmp_path, a=f"revision = {written}\ndown_revision = None\n")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{imported}\n"
