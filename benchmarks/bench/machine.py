"""Describes the machine, the versions and the date of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.peers import versions as peers_versions
from bench.rig import Rig
from leveret.amqp import Connection
from testbed.postgres import server_programs

OURS: Final = ("msgspec", "pamqp", "psycopg", "sqlalchemy", "uvloop")


def machine() -> dict[str, str]:
    """Return a description of the machine, and the date."""
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": _system(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


async def versions(rig: Rig) -> dict[str, str]:
    """Return the versions of servers and libraries; the peers report those of their libraries themselves."""
    connection = await Connection.open(rig.broker.url)
    await connection.close()
    found = {
        "Python": platform.python_version(),
        "RabbitMQ": str(connection.server_properties.get("version")),
        "PostgreSQL": _postgres_version(),
    }
    return found | {name: version(name) for name in OURS} | peers_versions(rig)


def _system() -> str:
    release = Path("/etc/os-release")
    lines = release.read_text().splitlines() if release.exists() else []
    named = [line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return named[0] if named else platform.platform()


def _postgres_version() -> str:
    done = subprocess.run([server_programs() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[2]
