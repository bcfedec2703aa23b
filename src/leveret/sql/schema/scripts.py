"""Runs and reads Alembic's scripts; imported only when Alembic is needed."""

from __future__ import annotations

import argparse
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from leveret.errors import LeveretError, SettingsError
from leveret.sql.schema.environment import CONNECTION, TABLES
from leveret.sql.shared_connection import SharedConnection

_WHAT_TO_DO: Final = (
    "env.py has to use the connection that it is given, in config.attributes['connection'], and the version table"
    " alembic_version. These lines are enough: `from leveret.sql.schema import run_env`, and `run_env(metadata)`."
    " Nothing was changed"
)

_ENDED: Final = "it, or a revision, ended the transaction of that connection"

ONE_AT_A_TIME: Final = threading.Lock()
"""Held while Alembic runs, because it keeps what it runs in global variables."""


def configure(folder: Path, connection: sa.Connection, tables: sa.MetaData | None = None) -> Config:
    """Make Alembic's configuration without a file, so that an installed package can migrate too."""
    attributes = {CONNECTION: connection, TABLES: tables}
    config = Config(cmd_opts=argparse.Namespace(quiet=True), attributes=attributes)
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


class Guard:
    """Watches whether an env.py does its work on the connection that it was given.

    Args:
        folder: where that env.py is.
        connection: the one that it has to use.
        table: the version table that it has to use.
    """

    def __init__(self, folder: Path, connection: sa.Connection, table: str) -> None:
        self._folder, self._connection, self._table = folder, connection, table
        self.passed = False

    def check(self, context: MigrationContext) -> None:
        """Refuse another connection or another version table, before a revision has run.

        Raises:
            SettingsError: it uses another one.
        """
        if context.connection is not self._connection:
            raise self.refuse("it opened a connection of its own")
        if (context.version_table, context.version_table_schema) != (self._table, None):
            raise self.refuse(f"it uses the version table {context.version_table}")
        self.passed = True

    def run(self, run_env: Callable[[], None]) -> None:
        """Run env.py.

        Raises:
            SettingsError: it failed before it used its connection, did not use it, or ended its transaction; or Alembic
                refused the folder; or a revision raised what is not an error of the database.
        """
        try:
            run_env()
        except LeveretError:
            raise
        except CommandError as error:
            raise SettingsError([f"{self._folder}: {error}"]) from error
        except (Exception, SystemExit) as error:
            if refused := self._refused(error):
                raise refused from error
            raise
        if self._ended():
            raise self.refuse(_ENDED)
        if not self.passed:
            raise self.refuse("it ran no migrations")

    def refuse(self, fact: str) -> SettingsError:
        """Return the error for an env.py that cannot be used."""
        return SettingsError([f"{self._folder / 'env.py'}: {fact}. {_WHAT_TO_DO}"])

    def _refused(self, error: BaseException) -> SettingsError | None:
        """Return the error for what env.py or a revision did wrong; None where the database refused a statement."""
        if self._ended():
            return self.refuse(_ENDED)
        if _wanted_no_transaction(error):
            fact = "a revision uses autocommit_block(), and all revisions share one transaction"
            return SettingsError([f"{self._folder}: {fact}. Nothing was changed"])
        if not self.passed:
            return self.refuse(_in_words(error))
        if isinstance(error, sa.exc.DBAPIError):
            return None
        return SettingsError([f"{_place(self._folder, error)}: {_in_words(error)}. Nothing was changed"])

    def _ended(self) -> bool:
        """Return whether somebody tried to end the transaction, and forget it: the caller says so in other words."""
        if not isinstance(self._connection, SharedConnection) or self._connection.refusal is None:
            return False
        self._connection.refusal = None
        return True


def run_scripts(folder: Path, connection: sa.Connection, table: str, tables: sa.MetaData | None = None) -> None:
    """Run the revisions that are missing, in the transaction of the connection; the version table exists.

    Raises:
        SettingsError: env.py does not use the connection, or Alembic refuses the folder.
        sqlalchemy.exc.SQLAlchemyError: the database refused a statement.
    """
    guard, config = Guard(folder, connection, table), configure(folder, connection, tables)
    scripts = ScriptDirectory.from_config(config)

    def steps(heads: tuple[str, ...], context: MigrationContext) -> Iterable[RevisionStep]:
        guard.check(context)
        return scripts._upgrade_revs("head", heads)  # type: ignore[arg-type]  # as command.upgrade does; it takes no `fn`

    # Alembic would make the version table before it asks for the steps, on whichever connection env.py uses.
    with ONE_AT_A_TIME, EnvironmentContext(config, scripts, fn=steps, dont_mutate=True, version_table=table):
        guard.run(scripts.run_env)


def _in_words(error: BaseException) -> str:
    """Return the kind of an error and the first line of its text."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _place(folder: Path, error: BaseException) -> str:
    """Return file and line of the folder where an error came about; the folder where it was in none of its files."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(folder.resolve())]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else str(folder)


def _wanted_no_transaction(error: BaseException) -> bool:
    """Return whether Alembic found that the transaction is not its own to interrupt; it only asserts that."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, AssertionError) and frames[-1].name == "autocommit_block"


def read_links(folder: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Return each revision of a folder and what it follows, as Alembic reads them.

    Raises:
        SettingsError: it cannot read them.
    """
    try:
        found = list(ScriptDirectory(str(folder)).walk_revisions())
    except (Exception, SystemExit) as error:  # a file may raise anything when it is imported
        raise SettingsError([f"{folder}: its revisions cannot be read: {_in_words(error)}"]) from error
    return [(script.revision, tuple(script._versioned_down_revisions)) for script in reversed(found)]
