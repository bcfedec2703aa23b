"""Whether a connection to PostgreSQL has a server session of its own, or shares them with others behind a pooler.

A pooler such as PgBouncer in transaction mode gives each transaction any server connection that is free. What this
client has set or prepared is then missing, and what another client has set or prepared is there: limits do not hold,
and a statement that is executed by its name may be another one.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from leveret.errors import StorageFailed
from leveret.sql.prepared import say

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("leveret.database")

Pooler = Literal["auto", "session", "transaction"]
"""What is between us and the server: that is found out, or the server session is ours alone, or it may change."""

AUTOMATIC: Final = "automatic"

Threshold = int | None | Literal["automatic"]
"""Executions after which a statement is prepared: a number, None for never, or what suits the connection."""

PREPARED_AFTER: Final = 5
"""Executions that suit a server session of our own; without one, statements are not prepared."""

_BEGIN: Final = "leveret begin"
"""Key in ``Connection.info`` for what begins a transaction, where that is more than the driver's own BEGIN."""

_WORD: Final = re.compile(r"(?:\\.|\S)+", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][\w.$-]*)=(.*)", re.DOTALL)


class Sessions:
    """Prepares connections of one engine, each once, and begins their transactions.

    Where a connection has a server session of its own, parameters are set in it once and statements are prepared.
    Otherwise each transaction sets its parameters together with its BEGIN, and statements are not prepared.

    Args:
        parameters: what is set on the server for every transaction, unless the connection's ``options`` say otherwise.
        pooler: with ``auto`` each connection is asked: the process that a server names when we connect also runs our
            statements, while the process that a pooler names does not.
        prepared_after: executions after which a statement is prepared.
    """

    def __init__(self, parameters: Mapping[str, str], pooler: Pooler, prepared_after: Threshold = AUTOMATIC) -> None:
        self._parameters = parameters
        self._pooler = pooler
        self._prepared_after = prepared_after
        self._told = False

    def listen(self, engine: sa.Engine) -> None:
        """Prepare the connections of an engine from now on."""
        sa.event.listen(engine, "connect", self._prepare)
        sa.event.listen(engine, "begin", _begin)

    def _prepare(self, connection: psycopg.Connection[Any], record: sa.pool.ConnectionPoolEntry) -> None:
        connection.rollback()
        connection.autocommit = True
        direct = _is_direct(connection) if self._pooler == "auto" else False
        parameters = self._parameters_of(connection, arrived=direct)
        own_session = direct or self._pooler == "session"
        if own_session:
            if parameters:
                connection.execute(f"SELECT {_set(parameters, local=False)}")
            connection.autocommit = False
        else:
            # In autocommit the driver sends no BEGIN of its own: both go in one message.
            record.info[_BEGIN] = f"BEGIN; SELECT {_set(parameters, local=True)}" if parameters else "BEGIN"
        suits = PREPARED_AFTER if own_session else None
        connection.prepare_threshold = suits if self._prepared_after == AUTOMATIC else self._prepared_after
        if not own_session:
            self._tell(prepares=connection.prepare_threshold is not None)
        _name_statements_apart(connection)

    def _parameters_of(self, connection: psycopg.Connection[Any], *, arrived: bool) -> dict[str, str]:
        """Return the parameters to set; ``options`` that arrived with the connection need not be set again."""
        try:
            given = options_of(_option(connection, b"options"))
        except ValueError as error:  # of a service file: what the URL and the environment say has been checked
            raise StorageFailed(f"options: {error}") from error
        ours = {name: value for name, value in self._parameters.items() if name not in given}
        return ours if arrived else ours | given

    def _tell(self, *, prepares: bool) -> None:
        if self._pooler == "auto" and not self._told:
            self._told = True
            statements = "statements are prepared as the URL says" if prepares else "no statement is prepared"
            logger.info("the database is behind a pooler: limits go with each transaction, %s", statements)


def options_of(text: str) -> dict[str, str]:
    """Read parameters out of ``options``, as the server's command line takes them (PostgreSQL, "options").

    Raises:
        ValueError: it holds anything but ``-c name=value`` and ``--name=value``.
    """
    found: dict[str, str] = {}
    words = iter(_ESCAPED.sub(r"\1", word) for word in _WORD.findall(text))
    for word in words:
        if word == "-c":
            assignment = next(words, "")
        elif word.startswith(("-c", "--")):
            assignment = word[2:]
        else:
            assignment = ""
        match = _ASSIGNMENT.fullmatch(assignment)
        if match is None:
            raise ValueError("only -c name=value and --name=value can be given")
        found[match[1].lower().replace("-", "_")] = match[2]
    return found


def _is_direct(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the server process that answers is the one that was named when we connected."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] == connection.info.backend_pid


def _option(connection: psycopg.Connection[Any], name: bytes) -> str:
    """Return a parameter of the connection, wherever it came from: the URL, the environment, or a service file."""
    found = [option.val for option in connection.pgconn.info if option.keyword == name]
    return found[0].decode() if found and found[0] else ""


def _set(parameters: Mapping[str, str], *, local: bool) -> str:
    """Return the SQL that sets parameters, for the session or for the transaction."""
    return ", ".join(
        f"set_config('{name}', {_literal(value)}, {'true' if local else 'false'})" for name, value in parameters.items()
    )


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'"


def _name_statements_apart(connection: psycopg.Connection[Any]) -> None:
    """See that two connections never use the same name for a prepared statement.

    psycopg counts from 0 in each connection. Where a pooler mixes connections up although the settings say that it does
    not, a name that only we use leads to an error, and a common name would execute another client's statement.
    """
    connection._prepared._prepared_idx = secrets.randbits(62)  # there is no public way to choose names


def _begin(connection: sa.Connection) -> None:
    text = connection.info.get(_BEGIN)
    if text is not None:
        writes = connection.get_execution_options().get("writes", True)
        begin = text if writes else f"BEGIN READ ONLY{text.removeprefix('BEGIN')}"
        say(connection, begin, prepare=False)  # two commands in one message cannot be prepared
