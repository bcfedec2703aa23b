"""A guest book with migrations of its own, written into a folder, and what its texts name."""

from pathlib import Path

import sqlalchemy as sa

from leveret.sql.schema import Names, Schema

NAMES = Names(
    application="guestbook",
    setting="GUESTBOOK_DATABASE_URL",
    upgrade="guestbook db upgrade",
    revise="guestbook db revision",
)
NOTHING = Schema()
"""An application without tables of its own."""

ENV = "from leveret.sql.schema import run_env\n\nrun_env()\n"
CREATE_GUESTS = 'op.create_table("guests", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))'
ADD_EMAIL = 'op.add_column("guests", sa.Column("email", sa.Text))'


def guests(*columns: str) -> sa.MetaData:
    """Return the guest book's table, with more columns if wished."""
    metadata = sa.MetaData()
    more = [sa.Column(name, sa.Text) for name in ("name", *columns)]
    sa.Table("guests", metadata, sa.Column("id", sa.Integer, primary_key=True), *more)
    return metadata


def write_revision(folder: Path, revision: str, follows: object, upgrade: str, env: str = ENV) -> None:
    """Write one revision into an Alembic folder, and its ``env.py`` if there is none."""
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    if not (folder / "env.py").exists():
        (folder / "env.py").write_text(env)
    lines = ["import sqlalchemy as sa", "from alembic import op", "", f"revision = {revision!r}"]
    lines += [f"down_revision = {follows!r}", "", "def upgrade():", *(f"    {line}" for line in upgrade.splitlines())]
    (folder / "versions" / f"{revision}.py").write_text("\n".join([*lines, ""]))


def with_migrations(folder: Path, env: str = ENV) -> Schema:
    """Write a folder with two revisions, and return what the application has."""
    write_revision(folder, "a1", None, CREATE_GUESTS, env)
    write_revision(folder, "b2", "a1", ADD_EMAIL)
    return Schema(tables=guests("email"), migrations=folder)
