"""Has Alembic write a revision; imported only when one is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import RevisionContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrateOperation, MigrationScript, OpContainer
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from leveret.sql.schema.application import VERSION_TABLE
from leveret.sql.schema.environment import FIRST
from leveret.sql.schema.folder import read_folder
from leveret.sql.schema.scripts import ONE_AT_A_TIME, Guard, configure


def write_revision(folder: Path, connection: sa.Connection, tables: sa.MetaData | None, message: str) -> Path | None:
    """Write a revision into an Alembic folder.

    Args:
        folder: the folder, with ``env.py`` and ``script.py.mako``.
        connection: a database at the newest revision.
        tables: what it is compared with; None for a revision without changes.
        message: what the revision does.

    Returns:
        The file; None where tables are given and nothing has changed.

    Raises:
        SettingsError: env.py cannot be used, or Alembic refuses the folder.
        sqlalchemy.exc.SQLAlchemyError: the database refused a statement.
    """
    guard, config = Guard(folder, connection, VERSION_TABLE), configure(folder, connection, tables)
    scripts = ScriptDirectory.from_config(config)
    first = config.attributes[FIRST] = read_folder(folder).head is None
    revision = RevisionContext(config, scripts, _arguments(message, autogenerate=tables is not None))

    def compare(heads: tuple[str, ...], context: MigrationContext) -> Iterable[RevisionStep]:
        guard.check(context)
        if tables is None:
            revision.run_no_autogenerate(heads, context)
        else:
            revision.run_autogenerate(heads, context)
        return []

    with (
        ONE_AT_A_TIME,
        EnvironmentContext(config, scripts, fn=compare, dont_mutate=True, template_args=revision.template_args),
    ):
        guard.run(scripts.run_env)
    _arrange(revision.generated_revisions, first=first, keep=tables is None)
    return next((Path(script.path) for script in revision.generate_scripts() if script), None)


def _arguments(message: str, *, autogenerate: bool) -> dict[str, object]:
    """Return what Alembic's own command passes on."""
    return {
        "message": message,
        "autogenerate": autogenerate,
        "sql": False,
        "head": "head",
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": None,
        "depends_on": None,
    }


def _arrange(written: list[MigrationScript], *, first: bool, keep: bool) -> None:
    """Leave out a revision without changes, and let the first one make only what is missing."""
    changes = [change for script in written if script.upgrade_ops for change in _flat(script.upgrade_ops.ops)]
    if not changes and not keep:
        written.clear()
    for change in changes if first else ():
        if isinstance(change, CreateTableOp | CreateIndexOp):
            change.if_not_exists = True


def _flat(changes: Iterable[MigrateOperation]) -> Iterable[MigrateOperation]:
    for change in changes:
        yield change
        if isinstance(change, OpContainer):
            yield from _flat(change.ops)
