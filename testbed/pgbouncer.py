"""A private PgBouncer in front of a PostgreSQL, with few server connections that its clients have to share."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

from leveret.process.process_group import ProcessGroup

ATTEMPTS = 4
LIMIT = 30.0
INSTRUCTIONS = """No PgBouncer found on this machine. Install it:
  Debian, Ubuntu: apt-get install pgbouncer
  macOS:          brew install pgbouncer"""


class PgBouncerFailed(Exception):
    """The private PgBouncer could not be started; the text says why."""


@contextmanager
def pgbouncer(server: str, mode: str, *, shared: int = 2, settings: str = "") -> Iterator[str]:
    """Run a PgBouncer while the block runs, and yield the URL of the same database through it.

    Args:
        server: SQLAlchemy URL of a database on a server that trusts its users.
        mode: ``session`` or ``transaction``.
        shared: maximum number of server connections.
        settings: further lines of its configuration file, such as ``ignore_startup_parameters = options``.
    """
    url = sa.make_url(server)
    folder = Path(tempfile.mkdtemp(prefix="leveret-pgbouncer-")).resolve()
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    processes = ProcessGroup()
    try:
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        for _ in range(ATTEMPTS):
            port = _free_port()
            (folder / "users.txt").write_text(f'"{url.username}" "{url.password or ""}"')
            (folder / "pgbouncer.ini").write_text(_file(url, mode, port, shared, folder / "users.txt", settings))
            command = [pgbouncer_program(), str(folder / "pgbouncer.ini")]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
            process = processes.start(command, environment=environment, output=folder / "output.txt", user=user)
            through = url.set(host="127.0.0.1", port=port)
            if _answers_in_time(process, through):
                break
        else:
            raise PgBouncerFailed(f"PgBouncer did not start\n{(folder / 'output.txt').read_text()[-2000:]}")
        yield through.render_as_string(hide_password=False)
    finally:
        processes.end()
        shutil.rmtree(folder, ignore_errors=True)


def pgbouncer_program() -> str:
    """Return the program's path.

    Raises:
        PgBouncerFailed: the program is not installed; the text says how to install it.
    """
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/opt/homebrew/bin")
    if found is None:
        raise PgBouncerFailed(INSTRUCTIONS)
    return found


def _file(url: sa.URL, mode: str, port: int, shared: int, users: Path, settings: str) -> str:
    return f"""[databases]
{url.database} = host={url.host} port={url.port} dbname={url.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {shared}
{settings}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers_in_time(process: subprocess.Popen[bytes], url: sa.URL) -> bool:
    """Wait until PgBouncer answers, and return True; return False if it ended because its port was taken."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    end = time.monotonic() + LIMIT
    while process.poll() is None:
        try:
            with psycopg.connect(address, connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            if time.monotonic() > end:
                raise PgBouncerFailed(f"PgBouncer does not answer within {LIMIT:g} s: {error}") from error
            time.sleep(0.05)  # pause between two tries
        else:
            return True
    return False
