"""Whether a pooler gives each transaction another server session, and whether the setting knows that."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from leveret.operate.doctor.database.reaching import engine_of
from leveret.operate.doctor.finding import Findings, ok, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.sql.errors import reason

_PROCESS: Final = sa.text("SELECT pg_backend_pid()")


def pooler(installation: Installation) -> Findings:
    """Report a pooler, and a setting that promises sessions which it does not keep.

    Two connections take turns: while one is in a transaction, the other one begins its second. Behind a pooler that
    shares sessions it then meets another server process than before.
    """
    chosen, setting = installation.settings.database_pooler, installation.variable("DATABASE_POOLER")
    try:
        between, shared = _look(installation)
    except sa.exc.DBAPIError as error:
        return [warning(f"whether there is a pooler cannot be tried: {reason(error)}", "Two connections are needed.")]
    if shared and chosen == "session":
        text = "a pooler gives each transaction another server session, although the setting says that it keeps them"
        return [wrong(text, f"Set {setting} to auto or transaction, or the pooler to session mode.")]
    if shared:
        return [ok("behind a pooler in transaction mode: limits go with each transaction, nothing is prepared")]
    if between:
        return [ok("behind a pooler that kept our sessions")]
    return [ok("no pooler is between us and the server")]


def _look(installation: Installation) -> tuple[bool, bool]:
    """Return whether a pooler is between us and the server, and whether it shares sessions."""
    with engine_of(installation) as engine, engine.connect() as one, engine.connect() as other:
        with one.begin():
            first = one.execute(_PROCESS).scalar_one()
        with other.begin():
            other.execute(_PROCESS)
            with one.begin():
                second = one.execute(_PROCESS).scalar_one()
        driver: Any = one.connection.driver_connection
        return driver.info.backend_pid != second, first != second
