"""What an application's ``env.py`` calls, by this framework's commands and by the command ``alembic`` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from leveret.sql.engine import create_engine
from leveret.sql.schema.framework import OURS
from leveret.sql.schema.locking import lock, wait_for_others
from leveret.sql.tables import UtcDateTime

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

CONNECTION: Final = "connection"
"""Key in ``config.attributes`` for the connection that env.py has to use, as in Alembic's own documentation."""

TABLES: Final = "tables"
"""Key in ``config.attributes`` for the application's tables, if it has said which they are."""

FIRST: Final = "first"
"""Key in ``config.attributes``: the revision that is written is the first one, so what stands in the database already
is not compared with it."""

_NO_URL: Final = "give the database's URL: `alembic -x url=sqlite:///app.db ...`, or sqlalchemy.url in alembic.ini"


def run_env(tables: sa.MetaData | None = None) -> None:
    """Do all that an ``env.py`` has to do; call it there and nowhere else.

    This framework's commands give it their connection. The command ``alembic`` does not, and then it opens one to the
    URL of ``-x url=...`` or of ``sqlalchemy.url`` in ``alembic.ini``. What is compared does not include the framework's
    own tables. Changes of a table are written so that SQLite can make them too.

    Args:
        tables: the application's tables, for ``--autogenerate``; by default those that the app has named.

    Raises:
        alembic.util.CommandError: the command ``alembic`` was not told which database.
    """
    from alembic import context  # noqa: PLC0415 - whoever runs an env.py has imported it already

    attributes = context.config.attributes
    if tables is None:
        tables = attributes.get(TABLES)
    if (connection := attributes.get(CONNECTION)) is not None:
        return _run(tables, connection=connection)
    if context.is_offline_mode():
        return _run(tables, url=_url())
    engine = create_engine(_url(), pooler="transaction")
    wait_for_others(engine)
    try:
        with engine.begin() as own:
            lock(own)
            _run(tables, connection=own)
    finally:
        engine.dispose()
    return None


def _url() -> str:
    from alembic import context  # noqa: PLC0415 - whoever runs an env.py has imported it already
    from alembic.util import CommandError  # noqa: PLC0415 - the same

    url = context.get_x_argument(as_dictionary=True).get("url") or context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise CommandError(_NO_URL)
    return url


def _run(tables: sa.MetaData | None, *, connection: sa.Connection | None = None, url: str | None = None) -> None:
    from alembic import context  # noqa: PLC0415 - whoever runs an env.py has imported it already

    first = bool(context.config.attributes.get(FIRST))
    context.configure(
        connection=connection,
        url=url,
        target_metadata=tables,
        literal_binds=url is not None,
        transactional_ddl=True,  # SQLite supports it, because our engine begins the transactions itself
        include_name=(lambda _name, kind, _parents: kind != "table") if first else None,
        include_object=_is_the_applications,
        render_as_batch=True,
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_the_applications(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """Leave the framework's tables out, in the database and in the application's metadata."""
    return kind != "table" or name not in OURS


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Write a column's type so that a revision does not depend on the framework, and imports what else it needs."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and not type(item).__module__.startswith("sqlalchemy."):
        autogenerate.imports.add(f"import {type(item).__module__}")
    return False
