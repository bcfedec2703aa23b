"""A private PostgreSQL server in a folder of its own, which commits durably as in production."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from leveret.process.process_group import ProcessGroup, kill

ATTEMPTS = 4
LIMIT = 60.0
INSTRUCTIONS = """No PostgreSQL server (initdb, postgres) found on this machine. Install it:
  Debian, Ubuntu: apt-get install postgresql
  macOS:          brew install postgresql@16
or set TASKMANAGER_TEST_POSTGRES_URL to a server on which the tests may create and drop databases, for example
  postgresql+psycopg://postgres:secret@127.0.0.1:5432/postgres"""


class PostgresFailed(Exception):
    """The private server could not be started; the text says why."""


class PostgresServer:
    """A PostgreSQL server on which tests create databases.

    Args:
        url: SQLAlchemy URL of a database on the server, with a user who may create databases.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @contextlib.contextmanager
    def database(self, encoding: str = "UTF8") -> Iterator[str]:
        """Create an empty database, yield its SQLAlchemy URL, and drop it at the end, even if it is still in use."""
        name = f"test_{secrets.token_hex(8)}"
        create = "CREATE DATABASE {} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING {}"
        self._execute(sql.SQL(create).format(sql.Identifier(name), sql.Literal(encoding)))
        try:
            address, _, options = self.url.partition("?")
            yield f"{address.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        address = self.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement)


class PrivatePostgres(PostgresServer):
    """A private server on a free port of 127.0.0.1, without a socket file, open to every local user.

    It commits durably, as in production, because tests rely on commits. `remove` ends and removes everything; the
    processes also end if this process is killed.
    """

    def __init__(self) -> None:
        super().__init__("")
        self._programs = server_programs()
        self._user = "postgres" if os.geteuid() == 0 else None  # initdb and postgres refuse to run as root
        # On a QUIT, PostgreSQL removes its shared memory; a KILL would leave it behind.
        self._processes = ProcessGroup(orphan_signal="QUIT")
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.folder = Path(tempfile.mkdtemp(prefix="leveret-postgres-")).resolve()

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self._start_on_a_free_port()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def log_path(self) -> Path:
        """Path of the server's log."""
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        """The process id of the server's first process."""
        if self._server is None:
            raise PostgresFailed("the private PostgreSQL is not running")
        return self._server.pid

    def start(self) -> None:
        """Start the server again on the same port, and return when it accepts connections."""
        if not self._launch():
            raise PostgresFailed(
                f"another program took port {self._port} while PostgreSQL was down\n{self._log_tail()}"
            )

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server and wait until it has ended; do nothing if it does not run.

        Args:
            how: SIGTERM waits for the clients, SIGINT disconnects them, SIGQUIT leaves recovery to the next start.
        """
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(LIMIT)
        except subprocess.TimeoutExpired:
            kill(self._server)
        self._server = None
        self._processes.end()

    def remove(self) -> None:
        """End the server and remove its folder."""
        self.stop(signal.SIGQUIT)
        self._processes.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self) -> None:
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [str(self._programs / "initdb"), "--pgdata", str(self.folder / "data"), *options]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        if done.returncode != 0:
            raise PostgresFailed(f"initdb failed\n{done.stdout}{done.stderr}")

    def _start_on_a_free_port(self) -> None:
        for _ in range(ATTEMPTS):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._port = probe.getsockname()[1]
            self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"
            if self._launch():
                return
        raise PostgresFailed(f"no free port for PostgreSQL in {ATTEMPTS} attempts\n{self._log_tail()}")

    def _launch(self) -> bool:
        """Start the server, wait until it answers, and return True; return False if its port was taken."""
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self._port)]
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "log_timezone=UTC"]
        for setting in settings:
            command += ["-c", setting]
        self.log_path.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        self._server = self._processes.start(command, environment=environment, output=self.log_path, user=self._user)
        return self._answers_in_time(self._server)

    def _answers_in_time(self, server: subprocess.Popen[bytes]) -> bool:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if server.poll() is not None:
                self._server = None
                if "could not create any TCP/IP sockets" in self._log_tail():
                    return False
                raise PostgresFailed(f"PostgreSQL ended while it started\n{self._log_tail()}")
            if self._is_ours():
                return True
            time.sleep(0.05)  # pause between two tries
        raise PostgresFailed(f"PostgreSQL did not answer within {LIMIT:g} s\n{self._log_tail()}")

    def _is_ours(self) -> bool:
        try:
            self._execute(sql.SQL("SELECT 1").format())
        except psycopg.OperationalError:
            return False
        status = self.folder / "data" / "postmaster.pid"
        return status.exists() and status.read_text().rstrip().endswith("ready")

    def _log_tail(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else ""


def server_programs() -> Path:
    """Return the folder with the programs initdb and postgres of the newest version.

    Raises:
        PostgresFailed: the programs are not installed; the text says how to install them.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: int(f.parent.name), reverse=True)
    folders += [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    folders += sorted(Path("/opt/homebrew/opt").glob("postgresql*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresFailed(INSTRUCTIONS)
