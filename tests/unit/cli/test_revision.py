"""`leveret db revision`: writes a migration of an application's tables, in words and in a file."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from leveret import App
from leveret.errors import SettingsError


@pytest.fixture
def tables() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("guests", metadata, sa.Column("number", sa.Integer, primary_key=True))
    return metadata


@pytest.fixture
def app(tables: sa.MetaData, tmp_path: Path) -> "App[Any]":
    return App(
        "revised", tables=tables, migrations=tmp_path / "migrations", database=f"sqlite:///{tmp_path / 'revised.db'}"
    )


def db(app: "App[Any]", *words: str) -> str:
    """Run one command and return what it prints."""
    done = CliRunner().invoke(app.command().typer, ["db", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def written(output: str) -> Path:
    found = re.fullmatch(r"Written: (.+)\. Read it, correct it, then run `revised db upgrade`\.\n", output)
    assert found, output
    return Path(found[1])


def test_the_first_one_makes_the_folder_and_all_tables(app: "App[Any]", tmp_path: Path) -> None:
    file = written(db(app, "revision", "first tables"))
    assert file.parent == tmp_path / "migrations" / "versions"
    assert file.name.endswith("_first_tables.py")
    assert "create_table('guests'" in file.read_text()
    assert db(app, "upgrade") == f"The database is now at revision {file.name.partition('_')[0]}.\n"


def test_the_next_one_has_what_has_changed_since(app: "App[Any]", tables: sa.MetaData) -> None:
    written(db(app, "revision", "first tables"))
    db(app, "upgrade")
    tables.tables["guests"].append_column(sa.Column("city", sa.String(80)))
    text = written(db(app, "revision", "cities")).read_text()
    assert "city" in text
    assert "create_table" not in text


def test_where_nothing_has_changed_nothing_is_written_unless_it_may_be_empty(app: "App[Any]", tmp_path: Path) -> None:
    written(db(app, "revision", "first tables"))
    db(app, "upgrade")
    assert db(app, "revision", "nothing").startswith("Nothing was written, because nothing has changed.")
    assert len(list((tmp_path / "migrations" / "versions").glob("*.py"))) == 1
    file = written(db(app, "revision", "by hand", "--empty"))
    assert file.name.endswith("_by_hand.py")
    assert "    pass" in file.read_text()


def test_before_the_last_one_has_run_there_is_no_next_one(app: "App[Any]") -> None:
    first = written(db(app, "revision", "first tables"))
    with pytest.raises(SettingsError, match=f"a new one follows {first.name.partition('_')[0]}: revised db upgrade"):
        db(app, "revision", "next")


def test_without_a_folder_it_says_how_to_name_one(tables: sa.MetaData, tmp_path: Path) -> None:
    app: App[Any] = App("revised", tables=tables, database=f"sqlite:///{tmp_path / 'revised.db'}")
    with pytest.raises(SettingsError, match=r'give the application migrations=Path\(__file__\)\.parent / "migrations"'):
        db(app, "revision", "first tables")
