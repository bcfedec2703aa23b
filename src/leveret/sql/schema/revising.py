"""Writes a new revision of an application's tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from leveret.errors import SettingsError
from leveret.sql.engine import create_engine
from leveret.sql.schema.application import Names, Schema
from leveret.sql.schema.folder import read_folder
from leveret.sql.schema.upgrading import position_of
from leveret.sql.store import Store

_ENV: Final = '''"""Alembic's entry point. The command `alembic` itself needs the tables: `run_env(metadata)`."""

from leveret.sql.schema import run_env

run_env()
'''

_TEMPLATE: Final = '''<%!
def quoted(value):
    return repr(value) if not isinstance(value, str) else f'"{value}"'


def sorted_lines(imports, *steps):
    text = "".join(step or "" for step in steps)
    lines = set((imports or "").splitlines())
    lines |= {line for name, line in COMMON.items() if name in text or "." not in text}
    return "\\n".join(sorted(filter(None, lines), key=lambda line: (line.startswith("from"), line)))


COMMON = {"sa.": "import sqlalchemy as sa", "op.": "from alembic import op"}
%>\\
"""${message}

Revision: ${up_revision}
Follows: ${", ".join([down_revision] if isinstance(down_revision, str) else down_revision or ["nothing"])}
Made: ${create_date}
"""

${sorted_lines(imports, upgrades, downgrades)}

revision = ${quoted(up_revision)}
down_revision = ${quoted(down_revision)}


def upgrade() -> None:
    """Go on to this revision."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Go back to the revision before."""
    ${downgrades if downgrades else "pass"}
'''


def revise(url: str, schema: Schema, message: str, names: Names, *, empty: bool = False) -> Path | None:
    """Write a revision that leads from the database's tables to those of the application, to be read and corrected.

    The folder is made if it does not exist. The first revision holds all tables, and makes those that are missing, so
    that it also runs on a database that ``tables=`` has made without migrations.

    Args:
        url: a database at the newest revision; for the first revision, one of the same kind that may be empty.
        schema: what the application has.
        message: what the revision does; it becomes part of the file's name.
        names: for the texts.
        empty: write a revision without changes, to be filled by hand.

    Returns:
        The file; None where nothing has changed, and ``empty`` is false.

    Raises:
        SettingsError: there is no folder, or no tables to compare with, or the database is not at the newest revision.
        StorageUnavailable: the database does not answer.
    """
    if schema.migrations is None:
        hint = 'give the application migrations=Path(__file__).parent / "migrations"'
        raise SettingsError([f"migrations: this application has no folder for a revision: {hint}"])
    if schema.tables is None and not empty:
        raise SettingsError(["tables: a revision is compared with the application's tables: give it tables=metadata"])
    made = _complete_folder(schema.migrations)
    written = None
    try:
        written = _write(url, schema, None if empty else schema.tables, message, names)
    finally:
        if written is None:
            _remove(made)
    return written


def _write(url: str, schema: Schema, tables: sa.MetaData | None, message: str, names: Names) -> Path | None:
    """Write the revision into the folder, which is complete."""
    assert schema.migrations is not None  # noqa: S101 - `revise` has checked it
    revisions = read_folder(schema.migrations, names)
    if revisions.head is not None:
        _check(url, schema, names)
    from leveret.sql.schema.writing import write_revision  # noqa: PLC0415 - Alembic is slow to import, and seldom needed

    with _connection(url, first=revisions.head is None) as connection:
        return write_revision(schema.migrations, connection, tables, message)


def _complete_folder(folder: Path) -> list[Path]:
    """Make the folder, or what is missing in it; return what was made, the outermost first."""
    versions = folder / "versions"
    made = [path for path in (folder, versions) if not path.exists()]
    versions.mkdir(parents=True, exist_ok=True)
    for name, text in (("env.py", _ENV), ("script.py.mako", _TEMPLATE)):
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
            made.append(folder / name)
    return made


def _remove(made: Sequence[Path]) -> None:
    """Remove what was made for a revision that was not written, unless something else stands in it now."""
    for path in reversed(made):
        if path.is_file():
            path.unlink()
            continue
        shutil.rmtree(path / "__pycache__", ignore_errors=True)  # of our env.py, which has been imported
        if not any(path.iterdir()):
            path.rmdir()


def _check(url: str, schema: Schema, names: Names) -> None:
    """Check that what a new revision would contain is not a part of one that has not run yet."""
    position = position_of(url, Schema(migrations=schema.migrations), names)
    if position.application != position.newest:
        stands = position.application or "no revision"
        raise SettingsError(
            [f"{names.setting}: this database is at {stands}, and a new one follows {position.newest}: {names.upgrade}"]
        )


@contextmanager
def _connection(url: str, *, first: bool) -> Iterator[sa.Connection]:
    """Open a connection to compare with, on which nothing can be written; the first revision needs no file."""
    in_memory = first and sa.make_url(url).get_backend_name() == "sqlite"
    engine = sa.create_engine("sqlite://") if in_memory else create_engine(url, pooler="transaction", file="look")
    store = Store(engine)
    try:
        with store.begin(writes=False) as transaction:
            yield transaction.connection
    finally:
        store.close()
        engine.dispose()
