"""The program of the guide about migrations, with the commands that it names."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.databases import rows, tables
from support.pages import DOCS, python_blocks

PAGE = DOCS / "how-to" / "migrate.md"
NAME = '    sa.Column("name", sa.String(80), nullable=False),\n'
EMAIL = '    sa.Column("email", sa.String(254)),\n'
TABLES = 'App("guestbook", tables=metadata)'
FOLDER = 'App("guestbook", tables=metadata, migrations=Path(__file__).parent / "migrations")'

Leveret = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def leveret(tmp_path: Path) -> Leveret:
    """Runs `leveret` in the folder of the guide's program."""
    (tmp_path / "guestbook.py").write_text(dict(python_blocks())["docs/how-to/migrate.md#1"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUESTBOOK_")}

    def run(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "leveret", *words, "guestbook:app"],
            cwd=tmp_path,
            env=environment | {f"GUESTBOOK_{name}": value for name, value in settings.items()},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "guestbook.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def begin_migrations(folder: Path) -> None:
    """Change the program as the guide says."""
    assert FOLDER in PAGE.read_text()
    change(folder, TABLES, FOLDER)
    change(folder, "import sqlalchemy as sa\n", "from pathlib import Path\n\nimport sqlalchemy as sa\n")


def test_an_application_begins_with_tables_and_goes_on_with_migrations(tmp_path: Path, leveret: Leveret) -> None:
    url = f"sqlite:///{tmp_path / 'guestbook.db'}"
    assert leveret("db", "current").stdout == "no tables, this version needs 0006: leveret db upgrade guestbook:app\n"
    assert leveret("db", "upgrade").stdout == "The database is now at revision 0006.\n"
    assert leveret("db", "current").stdout == "0006, which this version needs\n"
    begin_migrations(tmp_path)
    first = leveret("db", "revision", "the guest book")
    assert first.stdout.startswith(f"Written: {tmp_path / 'migrations'}"), first.stderr
    assert first.stdout.endswith(
        "_the_guest_book.py. Read it, correct it, then run `leveret db upgrade guestbook:app`.\n"
    )
    assert leveret("db", "current").stdout.startswith("no revision, this version needs ")
    assert leveret("db", "upgrade").stdout.startswith("The database is now at revision ")
    change(tmp_path, NAME, NAME + EMAIL)
    assert leveret("db", "revision", "emails of guests").returncode == 0
    assert leveret("db", "upgrade").returncode == 0
    nothing = "Nothing was written, because nothing has changed. --empty writes one without changes.\n"
    assert leveret("db", "revision", "nothing").stdout == nothing
    assert leveret("db", "revision", "--empty", "by hand").stdout.startswith("Written: ")
    assert "guests" in tables(url)
    assert len(list((tmp_path / "migrations" / "versions").glob("*.py"))) == 3


def test_a_column_that_tables_cannot_add_is_told_in_the_words_of_the_guide(tmp_path: Path, leveret: Leveret) -> None:
    leveret("db", "upgrade")
    change(tmp_path, NAME, NAME + EMAIL)
    refused = leveret("worker")
    assert refused.returncode == 2
    [line] = [line for line in PAGE.read_text().splitlines() if "has no column email" in line]
    assert refused.stderr == f"{line}\n"


def test_both_parts_are_made_in_postgresql_by_one_command(tmp_path: Path, leveret: Leveret, postgres_url: str) -> None:
    begin_migrations(tmp_path)
    settings = {"DATABASE_URL": postgres_url, "JWT_SECRET": "s" * 32}
    assert leveret("db", "revision", "the guest book", **settings).returncode == 0
    assert leveret("db", "upgrade", **settings).stdout.startswith("The database is now at revision ")
    assert {"guests", "processed_requests", "alembic_version", "leveret_version"} < tables(postgres_url)
    assert rows(postgres_url, "leveret_version") == [("0006",)]
