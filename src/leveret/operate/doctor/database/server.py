"""How PostgreSQL treats our transactions: encoding, time zone, isolation, durability, and whether it takes writes."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from leveret.operate.doctor.database.reaching import asked
from leveret.operate.doctor.finding import Finding, Findings, ok, warning, wrong
from leveret.operate.doctor.installation import Installation

_UTC: Final = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Universal"})
_LEVEL: Final = "read committed"


def version(installation: Installation) -> Findings:
    """Report the server's version."""
    return [ok(f"PostgreSQL {_shown(installation, 'server_version')}")]


def encoding(installation: Installation) -> Findings:
    """Report an encoding in which not every text of a caller can be kept."""
    found = _shown(installation, "server_encoding")
    if found != "UTF8":
        make = "CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8'"
        return [wrong(f"the encoding of the database is {found}, and UTF8 is needed", f"Make another one: {make}.")]
    return [ok("the encoding is UTF8")]


def time_zone(installation: Installation) -> Findings:
    """Report a time zone of our sessions that somebody has set; times are kept in UTC."""
    found = _shown(installation, "timezone")
    if found in _UTC:
        return [ok("our sessions are in UTC")]
    setting = installation.variable("DATABASE_URL")
    return [
        wrong(
            f"our sessions are in the time zone {found}", f"Take timezone out of the options in {setting} or PGOPTIONS."
        )
    ]


def isolation(installation: Installation) -> Findings:
    """Report another isolation level than that for which the statements are written."""
    found = _shown(installation, "transaction_isolation")
    if found == _LEVEL:
        return [ok(f"transactions are {_LEVEL}")]
    advice = (
        "ALTER ROLE ... RESET default_transaction_isolation, the same for the database, and take it out of the options "
        f"in {installation.variable('DATABASE_URL')}."
    )
    return [wrong(f"transactions are {found}: workers that meet at one row fail instead of waiting", advice)]


def writable(installation: Installation) -> Findings:
    """Report a server that takes no writes: a standby, or one that was set to read only."""
    with asked(installation) as connection:
        standby = connection.execute(sa.text("SELECT pg_is_in_recovery()")).scalar_one()
        read_only = connection.execute(sa.text("SHOW default_transaction_read_only")).scalar_one()
    setting = installation.variable("DATABASE_URL")
    if standby:
        return [wrong("the server is a standby and takes no writes", f"Set {setting} to the primary.")]
    if read_only == "on":
        advice = "ALTER ROLE ... RESET default_transaction_read_only, or the same for the database or the server."
        return [wrong("transactions of this role are read only", advice)]
    return [ok("the server takes writes")]


def durability(installation: Installation) -> Findings:
    """Report settings with which a power failure takes back what was committed."""
    found: list[Finding] = []
    for name, bad in (("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")):
        if _shown(installation, name) == bad:
            text = f"{name} is {bad}: after a crash of the server, answered requests may not have happened"
            found.append(wrong(text, f"Set {name} to on, in postgresql.conf or for the role and the database."))
    if _shown(installation, "synchronous_commit") == "local":
        text = "synchronous_commit is local: a standby may lack the last requests when it takes over"
        found.append(warning(text, "Set it to on, if you fail over to a synchronous standby."))
    return found or [ok("what is committed is on the disk")]


def _shown(installation: Installation, parameter: str) -> str:
    with asked(installation) as connection:
        return str(connection.execute(sa.text(f"SHOW {parameter}")).scalar_one())
