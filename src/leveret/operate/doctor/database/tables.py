"""Whether the tables are those of this version, and whether the workers' role may use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from leveret.errors import LeveretError, SettingsError
from leveret.operate.doctor.database.reaching import asked, is_postgresql
from leveret.operate.doctor.finding import Findings, ok, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.sql import schema
from leveret.sql.schema import framework

_FEWER_RIGHTS: Final = {"leveret_application": ("SELECT",), "leveret_audit": ("SELECT", "INSERT")}
"""The rights on tables that are only read, or whose rows are only added."""


def current(installation: Installation) -> Findings:
    """Report whether the database is at this version's revision."""
    settings, application = installation.settings, installation.application
    asking = settings.database_url, application.schema, application.names
    upgrade = f"`{installation.command('db upgrade')}`"
    try:
        words, is_current = schema.describe(*asking), schema.is_current(*asking)
    except SettingsError as error:
        return [wrong(problem, f"Correct {installation.variable('DATABASE_URL')}.") for problem in error.problems]
    except LeveretError as error:
        return [wrong(str(error), f"`{installation.command('db current')}` tries again.")]
    if is_current:
        return [ok(f"the tables are at revision {words}")]
    if is_postgresql(installation):
        return [wrong(f"the tables are not this version's: {words}", f"{upgrade} changes them; workers may run.")]
    return [warning(f"the tables are not this version's: {words}", f"{upgrade}, or the next worker, changes them.")]


def rights(installation: Installation) -> Findings:
    """Report tables that the workers' role may not use; on SQLite the file's rights decide."""
    with asked(installation) as connection:
        role = connection.execute(sa.text("SELECT current_user")).scalar_one()
        missing = list(_missing(connection, installation))
    if missing:
        advice = f"As the owner of the tables: GRANT ... ON ... TO {role}."
        return [wrong(f"the role {role!r} may not {'; '.join(missing)}", advice)]
    return [ok(f"the role {role!r} may read and write the tables")]


def _missing(connection: sa.Connection, installation: Installation) -> Iterator[str]:
    asked_for = sa.text("SELECT to_regclass(:name) IS NULL OR has_table_privilege(:name, :right)")
    tables = [*framework.TABLES, *installation.application.schema.own_tables]
    for table in tables:
        rights = _FEWER_RIGHTS.get(table.name, ("SELECT", "INSERT", "UPDATE", "DELETE"))
        name = connection.dialect.identifier_preparer.format_table(table)
        lacking = [
            right for right in rights if not connection.execute(asked_for, {"name": name, "right": right}).scalar_one()
        ]
        if lacking:
            yield f"{', '.join(lacking)} on {table.fullname}"
