"""What a statement does, by its text: whether it only reads, and what it leaves on its connection."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from msgspec import Struct


class Leftover(IntEnum):
    """What a statement leaves behind that the next request on the same connection would meet."""

    NOTHING = 0
    UNTIL_THE_END = 1
    """Until the transaction's end: ``SET LOCAL``."""
    SESSION = 2
    """As long as the connection lives: a setting, a temporary table, a lock, a listener."""


class StatementKind(Struct, frozen=True):
    """What a statement does.

    Attributes:
        reads: it certainly only reads, so a request that fails afterwards has left nothing.
        writes: it certainly writes.
        ends: it ends or begins a transaction.
        left: what it leaves on its connection.
    """

    reads: bool = False
    writes: bool = False
    ends: bool = False
    left: Leftover = Leftover.NOTHING


MOST_KEPT: Final = 2000
"""Texts whose kinds are stored; an application has fewer, unless it writes values into its texts."""

MOST_CHARACTERS: Final = 4_000_000
"""Of all these texts together."""


class _KindCache:
    """Kinds by their texts."""

    def __init__(self) -> None:
        self.kinds: dict[str, StatementKind] = {}
        self.characters = 0


_known: Final = _KindCache()


def kind_of(text: str) -> StatementKind:
    """Return what a statement does; this is worked out once for each text."""
    kind = _known.kinds.get(text)
    if kind is None:
        if len(_known.kinds) >= MOST_KEPT or _known.characters + len(text) > MOST_CHARACTERS:
            _known.kinds.clear()
            _known.characters = 0
        kind = _known.kinds[text] = classify(text)
        _known.characters += len(text)
    return kind


_LEFT_OUT: Final = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""String literals and comments, in which any word may stand."""

_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')
_PARAMETER: Final = re.compile(r"%\(\w+\)s|(?<!:)[:@]\w+")
"""Names of columns and of parameters may be any words too."""

_WITH_BODY: Final = re.compile(r"\s*CREATE\b.*?\b(?:TRIGGER|FUNCTION|PROCEDURE)\b", re.IGNORECASE | re.DOTALL)
"""Statements that contain others, between BEGIN and END."""


def classify(text: str) -> StatementKind:
    """Return what a statement does; a text may hold several."""
    told = _QUOTED.sub('"name"', _LEFT_OUT.sub(" ", _PARAMETER.sub("?", text)))
    parts = [told] if _WITH_BODY.match(told) else told.split(";")
    kinds = [_one(part) for part in parts if part.strip()]
    return StatementKind(
        reads=all(kind.reads for kind in kinds),
        writes=any(kind.writes for kind in kinds),
        ends=any(kind.ends for kind in kinds),
        left=max((kind.left for kind in kinds), default=Leftover.NOTHING),
    )


_READS: Final = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "("})
_WRITES: Final = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE", "COPY", "CREATE", "ALTER", "DROP", "REFRESH"}
)
_ENDS: Final = re.compile(
    r"COMMIT|END|ABORT|BEGIN|START\s+TRANSACTION|PREPARE\s+TRANSACTION|ROLLBACK(?!\s+(?:\w+\s+)?TO\b)", re.IGNORECASE
)
_LOCAL: Final = re.compile(
    r"SET\s+(?:LOCAL|CONSTRAINTS|TRANSACTION)\b|DECLARE\b(?!.*\bWITH\s+HOLD\b)", re.IGNORECASE | re.DOTALL
)
_TEMPORARY: Final = re.compile(r"CREATE\s+(?:(?:GLOBAL|LOCAL)\s+)?TEMP", re.IGNORECASE)
_PASSING: Final = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "LOCK", "NOTIFY", "EXPLAIN", "FETCH", "MOVE", "CLOSE"})
_WRITTEN: Final = re.compile(r"(?<![.\w])INTO\b|[()]\s*(?:DELETE\s+FROM|UPDATE\s[^()]*?\sSET)\b", re.IGNORECASE)
"""Within a query: ``INSERT INTO``, ``MERGE INTO`` or ``SELECT ... INTO``, and what writes in the parentheses of a WITH
or behind them. The words alone are not enough, because a column may be called ``update`` or ``delete``."""

_READING_PRAGMA: Final = re.compile(
    r'PRAGMA\s+(?:[\w"]+\.)?(?!incremental_vacuum|optimize|shrink_memory|wal_checkpoint)'
    r"(?:\w+|(?:foreign_key|index|table)_\w+\s*\([^()]*\))\s*",
    re.IGNORECASE,
)
"""SQLite: a pragma without a value, or with the name of a table or an index to describe."""


def _one(statement: str) -> StatementKind:
    statement = statement.strip()
    word = (re.match(r"\w+|\(", statement) or [""])[0].upper()
    if word in _READS or word == "WITH":
        return _query(statement)
    if _READING_PRAGMA.fullmatch(statement):
        return StatementKind(reads=True)
    if word in _WRITES:
        left = Leftover.SESSION if _TEMPORARY.match(statement) else _left(statement)
        return StatementKind(writes=True, left=left)
    if _ENDS.match(statement):
        return StatementKind(ends=True)
    if word in _PASSING:
        return StatementKind(left=_left(statement))
    return StatementKind(left=Leftover.UNTIL_THE_END if _LOCAL.match(statement) else Leftover.SESSION)


def _query(statement: str) -> StatementKind:
    functions = _functions(statement)
    writes = _WRITTEN.search(statement) is not None
    return StatementKind(reads=not writes and functions <= _HARMLESS, writes=writes, left=_left(statement))


_CALL: Final = re.compile(r"(\bAS\s+)?(?<![\w\"])((?:\w+\.)?\"?\w+\"?)\s*\(", re.IGNORECASE)


def _functions(statement: str) -> set[str]:
    """Return the names that look like calls of functions; a name after AS is an alias with its columns."""
    called = [name for alias, name in _CALL.findall(statement) if not alias or name.upper() == "MATERIALIZED"]
    return {name.lower().removeprefix("pg_catalog.") for name in called}


_LOCAL_SETTING: Final = re.compile(r"set_config\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*,\s*true\s*\)", re.IGNORECASE)


def _left(statement: str) -> Leftover:
    functions = _functions(statement)
    if functions & _LOCKS:
        return Leftover.SESSION
    if "set_config" not in functions:
        return Leftover.NOTHING
    others = _functions(_LOCAL_SETTING.sub("", statement))
    return Leftover.SESSION if "set_config" in others else Leftover.UNTIL_THE_END


_LOCKS: Final = frozenset(
    {"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"}
)
"""They take locks that the session keeps after the transaction's end."""

_WORDS: Final = (
    "all and any array as between by case cross distinct else except exists filter from group having in intersect is"
    " join lateral like ilike limit materialized not offset on or over partition recursive row select set some then"
    " union using values when where with within"
)
"""Words of SQL that may stand before a parenthesis."""

_TYPES: Final = "bit char character decimal float numeric time timestamp varbit varchar"

_FUNCTIONS: Final = (
    "abs age array_agg avg bool_and bool_or cast ceil coalesce concat count current_setting currval date date_part"
    " date_trunc datetime dense_rank every exp extract first_value floor format generate_series glob greatest iif"
    " ifnull instr json json_agg json_array json_array_length json_build_array json_build_object json_each json_extract"
    " json_group_array json_group_object json_object json_type json_valid jsonb_agg jsonb_array_elements"
    " jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_typeof"
    " julianday lag last_value lead least left length ln lower lpad ltrim max md5 min mod nextval now ntile nullif"
    " percent_rank pg_backend_pid pg_current_snapshot pg_get_serial_sequence pg_snapshot_xmin"
    " position power quote_ident rank replace right round row_number"
    " rpad rtrim split_part sqrt statement_timestamp strftime string_agg strpos substr substring sum to_char to_date"
    " to_json to_jsonb to_timestamp to_tsquery to_tsvector total trim trunc unnest upper"
)
"""Functions of PostgreSQL and SQLite that do not write."""

_HARMLESS: Final = frozenset(f"{_WORDS} {_TYPES} {_FUNCTIONS}".split())
"""What may stand before a parenthesis in a query that certainly only reads; any other function may write."""
