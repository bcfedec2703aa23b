"""An env.py that does not do its work on the connection that it is given changes nothing, and hears what to do."""

import subprocess
import sys
from pathlib import Path

import alembic
import pytest

from leveret.errors import SettingsError
from leveret.sql.schema import Schema, upgrade
from support.databases import rows, tables
from support.guestbook import CREATE_GUESTS, NAMES, with_migrations, write_revision

TEMPLATES = Path(alembic.__file__).parent / "templates"
COOKBOOK = """
from alembic import context
connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
"""
OWN = """
import sqlalchemy as sa
from alembic import context
engine = sa.create_engine(URL, poolclass=sa.pool.NullPool, **OPTIONS)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
COMMITS = f"{COOKBOOK}\nconnection.commit()\n"
COMMITS_QUIETLY = f"{COOKBOOK}\ntry:\n    connection.commit()\nexcept RuntimeError:\n    pass\n"
CLOSES = f"{COOKBOOK}\nconnection.close()\n"
ANOTHER_TABLE = COOKBOOK.replace("target_metadata=None", "version_table='mine'")
NOTHING_RUN = "from alembic import context\n"
HALF = COOKBOOK.replace("    context.run_migrations()", "    pass")


def refused(url: str, schema: Schema, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        upgrade(url, schema, NAMES)
    [problem] = caught.value.problems
    assert problem.startswith(f"{schema.migrations}/env.py: ")
    assert words in problem
    assert "run_env(metadata)" in problem
    assert "Nothing was changed" in problem
    assert tables(url) == set()


def test_an_env_that_uses_the_connection_in_its_own_words_works(empty_url: str, tmp_path: Path) -> None:
    assert upgrade(empty_url, with_migrations(tmp_path / "migrations", COOKBOOK), NAMES)
    assert rows(empty_url, "alembic_version") == [("b2",)]


def test_an_env_that_opens_a_connection_of_its_own_is_refused_at_once(empty_url: str, tmp_path: Path) -> None:
    options = {"connect_args": {"timeout": 0.1}} if empty_url.startswith("sqlite") else {}
    env = OWN.replace("URL", repr(empty_url)).replace("OPTIONS", repr(options))
    refused(empty_url, with_migrations(tmp_path / "migrations", env), "it opened a connection of its own")


@pytest.mark.parametrize("name", ["generic", "async", "multidb", "pyproject"])
def test_the_templates_of_alembic_are_refused_in_words(empty_url: str, tmp_path: Path, name: str) -> None:
    env = (TEMPLATES / name / "env.py").read_text()
    refused(empty_url, with_migrations(tmp_path / "migrations", env), "Error: ")


@pytest.mark.parametrize(
    ("env", "words"),
    [
        pytest.param(COMMITS, "ended the transaction of that connection", id="commits"),
        pytest.param(COMMITS_QUIETLY, "ended the transaction of that connection", id="commits quietly"),
        pytest.param(CLOSES, "ended the transaction of that connection", id="closes"),
        pytest.param(ANOTHER_TABLE, "it uses the version table mine", id="another table"),
        pytest.param(NOTHING_RUN, "it ran no migrations", id="does nothing"),
        pytest.param(HALF, "it ran no migrations", id="leaves them out"),
        pytest.param("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'", id="fails"),
        pytest.param("this is not (Python", "SyntaxError", id="cannot be read"),
    ],
)
def test_an_env_that_does_something_else_is_refused_in_words(
    empty_url: str, tmp_path: Path, env: str, words: str
) -> None:
    refused(empty_url, with_migrations(tmp_path / "migrations", env), words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param('op.execute("COMMIT")', "ended the transaction of that connection", id="commit"),
        pytest.param("op.get_bind().commit()", "ended the transaction of that connection", id="method"),
    ],
)
def test_a_revision_that_ends_the_transaction_is_refused_and_taken_back(
    empty_url: str, tmp_path: Path, code: str, words: str
) -> None:
    write_revision(tmp_path / "migrations", "a1", None, f"{CREATE_GUESTS}\n{code}")
    refused(empty_url, Schema(migrations=tmp_path / "migrations"), words)


def test_a_revision_that_wants_no_transaction_is_refused_and_taken_back(empty_url: str, tmp_path: Path) -> None:
    code = f"{CREATE_GUESTS}\nwith op.get_context().autocommit_block():\n    pass"
    write_revision(tmp_path / "migrations", "a1", None, code)
    with pytest.raises(SettingsError, match=r"autocommit_block\(\), and all revisions share one transaction"):
        upgrade(empty_url, Schema(migrations=tmp_path / "migrations"), NAMES)
    assert tables(empty_url) == set()


METADATA = """
import sqlalchemy as sa
from leveret.sql.schema import run_env
metadata = sa.MetaData()
columns = [sa.Column(name, sa.Text) for name in ("name", "email", "town")]
sa.Table("guests", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)
run_env(metadata)
"""
INI = "[alembic]\nscript_location = %(here)s/migrations\n"


def alembic_command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "alembic", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_alembic_itself_runs_and_writes_revisions_too(empty_url: str, tmp_path: Path) -> None:
    schema = with_migrations(tmp_path / "migrations", METADATA)
    (tmp_path / "migrations" / "script.py.mako").write_text((TEMPLATES / "generic" / "script.py.mako").read_text())
    (tmp_path / "alembic.ini").write_text(INI)
    upgrade(empty_url, schema, NAMES)
    url = f"url={empty_url}"
    done = alembic_command(tmp_path, "-x", url, "revision", "--autogenerate", "-m", "towns", "--rev-id", "c3")
    assert done.returncode == 0, done.stderr
    [written] = (tmp_path / "migrations" / "versions").glob("c3*.py")
    assert "drop_table" not in written.read_text()
    assert "sa.Column('town'" in written.read_text()
    assert alembic_command(tmp_path, "-x", url, "upgrade", "head").returncode == 0
    assert rows(empty_url, "alembic_version") == [("c3",)]
    assert not upgrade(empty_url, Schema(migrations=schema.migrations), NAMES)


def test_the_command_alembic_prints_statements_without_a_database(tmp_path: Path) -> None:
    with_migrations(tmp_path / "migrations", METADATA)
    (tmp_path / "alembic.ini").write_text(INI)
    done = alembic_command(tmp_path, "-x", "url=postgresql+psycopg://nobody/nowhere", "upgrade", "head", "--sql")
    assert "CREATE TABLE guests" in done.stdout
    assert "ALTER TABLE guests ADD COLUMN email" in done.stdout


def test_the_command_alembic_says_how_to_name_the_database(tmp_path: Path) -> None:
    with_migrations(tmp_path / "migrations", METADATA)
    (tmp_path / "alembic.ini").write_text(INI)
    done = alembic_command(tmp_path, "current")
    assert done.returncode != 0
    assert "alembic -x url=sqlite:///app.db" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
