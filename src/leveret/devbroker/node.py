"""A private RabbitMQ node: start, kill, restart, control and stop it."""

import contextlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from leveret.devbroker.errors import BrokerFailed
from leveret.devbroker.installation import configuration, named_root
from leveret.devbroker.node_log import log_tail
from leveret.devbroker.probe import greeting, shows_page
from leveret.devbroker.programs import Programs
from leveret.process.interrupts import uninterrupted
from leveret.process.process_group import ProcessGroup, kill

__all__ = ["DevBroker"]

ATTEMPTS = 4
PORT_TAKEN = re.compile(r"eaddrinuse|address (already )?in use|in use by another", re.IGNORECASE)
PORT_NAMES = ("amqp", "distribution", "epmd", "management", "prometheus")


class Identity(NamedTuple):
    """The name of a node, and its ports by purpose."""

    name: str
    ports: dict[str, int]

    @classmethod
    def new(cls) -> Self:
        """Return a name that no other node has, and ports that are free now."""
        return cls(new_name(), free_ports())


class DevBroker:
    """A private RabbitMQ node, from `start` to `stop` or as a context manager.

    It listens on free ports of 127.0.0.1 only, keeps all its files in a new folder, and has the user guest with the
    password guest. It leaves nothing behind: the node and its port mapper (epmd) end with `stop`, and its folder is
    removed; on POSIX also when this process dies without stopping them.

    Args:
        within: where to make the folder; in the system's folder for temporary files by default.
        management: also run RabbitMQ's management page and its Prometheus endpoint.
        limit: seconds that the node may take to start.
        root: a folder with a Debian that has its own RabbitMQ, which runs instead of this machine's. The node's folder
            is then made inside it. By default what RABBITMQ_SERVER_ROOT names, if it is set. Needs the user root.
    """

    _keeps = False
    """Whether the folder stays when the node has ended."""

    def __init__(
        self, within: Path | None = None, *, management: bool = False, limit: float = 90.0, root: Path | None = None
    ) -> None:
        self._programs = Programs(root or named_root())
        self._within = within
        self._management = management
        self._limit = limit
        self._folder: Path | None = None
        self._processes = ProcessGroup()
        self._node: subprocess.Popen[bytes] | None = None
        self._identity = Identity.new()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The AMQP address, with user and password."""
        return f"amqp://guest:guest@127.0.0.1:{self._identity.ports['amqp']}/"

    @property
    def management_url(self) -> str | None:
        """The address of the management page; None without one."""
        return f"http://127.0.0.1:{self._identity.ports['management']}/" if self._management else None

    @property
    def node_name(self) -> str:
        """The node's name among Erlang nodes, for RabbitMQ's own tools."""
        return self._identity.name

    @property
    def folder(self) -> Path:
        """The node's folder, with its data, configuration, log, and the cookie for RabbitMQ's own tools.

        Raises:
            BrokerFailed: the node was not started, or was stopped.
        """
        if self._folder is None:
            raise BrokerFailed("the private RabbitMQ node is not started")
        return self._folder

    @property
    def log_path(self) -> Path:
        """The node's log file; raises as `folder` does."""
        return self.folder / "node.log"

    @property
    def pid(self) -> int:
        """The process id of the node.

        Raises:
            BrokerFailed: the node was not started, or was stopped.
        """
        if self._node is None:
            raise BrokerFailed("the private RabbitMQ node is not started")
        return self._node.pid

    def start(self) -> None:
        """Start the node; return when it answers, and its management page does if there is one.

        Raises:
            BrokerMissing: there is no RabbitMQ on this machine.
            BrokerFailed: the node is started already, or did not answer within the limit.
        """
        if self._folder is not None:
            raise BrokerFailed(f"the private RabbitMQ node is started already, in {self._folder}")
        for _ in range(ATTEMPTS):
            if self._boot():
                return
            log = log_tail(self.folder)
            self.stop()
            self._identity = Identity.new()
        raise BrokerFailed(f"other programs took ports of the private RabbitMQ node, {ATTEMPTS} times in a row\n{log}")

    def stop(self) -> None:
        """End the node and its port mapper at once, and remove the folder. Stopping again does nothing."""
        self._processes.end()
        self._node = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def ended(self) -> int | None:
        """The exit code of a node that has ended by itself; None while it runs, and if it does not."""
        return self._node.poll() if self._node is not None else None

    def wait(self) -> int:
        """Wait until the node has ended by itself, and return its exit code.

        Raises:
            BrokerFailed: the node was not started, or was stopped.
        """
        if self._node is None:
            raise BrokerFailed("the private RabbitMQ node is not started")
        while True:  # in steps, because on Windows Ctrl-C does not interrupt a wait without a limit
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._node.wait(0.5)

    def kill(self) -> None:
        """Kill the node as a crash would (`kill -9`); folder and ports stay for `restart`.

        RabbitMQ writes a new quorum queue into its registry (names.dets) a second late, and a queue that is not in it
        does not answer after the restart (measured on 3.10.8). So wait that long after declaring a queue.
        """
        if self._node is not None:
            kill(self._node)

    def restart(self, *, grace: float = 15.0) -> None:
        """Start the node again with the same folder and ports; if it still runs, stop it in an orderly way first.

        Args:
            grace: seconds that the node may take to stop before it is killed.

        Raises:
            BrokerFailed: the node was never started, did not answer within the limit, or another program took a port.
        """
        folder = self.folder
        if self._node is not None:
            self._node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._node.wait(grace)
        self._processes.end()
        if not self._boot():
            raise BrokerFailed(f"another program took a port of the RabbitMQ node in {folder} while it was down")

    def control(self, command: str, *arguments: str, limit: float = 60.0) -> str:
        """Run RabbitMQ's tool rabbitmqctl on the node and return what it printed.

        Args:
            command: a command of rabbitmqctl.
            arguments: the command's arguments; errors do not repeat them, because one may be a password.
            limit: seconds that the command may take.

        Raises:
            BrokerFailed: the node is not started, or the tool failed or took longer; the text repeats what it printed.
        """
        program = [*self._programs.control(), "--node", self._identity.name, "--quiet"]
        environment = self._programs.environment(self.folder, *self._identity)
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and the program was looked up
                [*program, command, *arguments],
                env=environment,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=True,
                timeout=limit,
            )
        except subprocess.CalledProcessError as error:
            words = f"{error.stdout}{error.stderr}".strip()
            raise BrokerFailed(f"rabbitmqctl {command} failed with {error.returncode}: {words}") from error
        except subprocess.TimeoutExpired as error:
            raise BrokerFailed(f"rabbitmqctl {command} did not end within {limit:g} s") from error
        return done.stdout

    def _boot(self) -> bool:
        """Start the node in its folder and wait for it. Return False, with nothing running, when a port was taken."""
        try:
            if self._folder is None:
                within = self._within or self._programs.nodes_folder()
                with uninterrupted():
                    self._folder = Path(tempfile.mkdtemp(prefix="leveret-broker-", dir=within)).resolve()
            mapper = self._launch(self._folder)
            return self._answers_in_time(self._folder, mapper)
        except BaseException:  # Ctrl-C while the node boots must not leave it running either
            self.stop()
            raise

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the port mapper and the node; return the port mapper."""
        if not self._keeps:
            self._processes.remove_when_orphaned(folder)
        for name, text in configuration(self._identity.ports, management=self._management).items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "conf.d").mkdir(exist_ok=True)
        environment = self._programs.environment(folder, *self._identity)
        output = folder / "console.log"
        output.unlink(missing_ok=True)
        mapper = self._processes.start(self._programs.port_mapper(), environment=environment, output=output)
        self._node = self._processes.start(self._programs.server(), environment=environment, output=output)
        return mapper

    def _answers_in_time(self, folder: Path, mapper: subprocess.Popen[bytes]) -> bool:
        end = time.monotonic() + self._limit
        while time.monotonic() < end:
            if mapper.poll() is not None:  # it ends without a message when another program has its port
                self._processes.end()
                return False
            if self._node is None or self._node.poll() is not None:
                self._processes.end()
                if PORT_TAKEN.search(log_tail(folder, lines=400)):
                    return False
                raise BrokerFailed(f"the private RabbitMQ node ended while it started\n{log_tail(folder)}")
            if self._answers():
                return True
            time.sleep(0.05)
        raise BrokerFailed(f"the private RabbitMQ node did not answer within {self._limit:g} s\n{log_tail(folder)}")

    def _answers(self) -> bool:
        """Return whether our node answers: with its own name, unlike another broker that has taken the port."""
        name, ports = self._identity
        if name.partition("@")[0].encode() not in (greeting("127.0.0.1", ports["amqp"]) or b""):
            return False
        return not self._management or shows_page("127.0.0.1", ports["management"], "guest", "guest")


def new_name() -> str:
    """Return a name that no other node has."""
    return f"leveret-{secrets.token_hex(6)}@localhost"


def free_ports() -> dict[str, int]:
    """Return ports that are free now; all are held until the last is chosen, so that no two are the same."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORT_NAMES]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(PORT_NAMES, sockets, strict=True)}


def is_free(port: int) -> bool:
    """Return whether nobody listens at a port of this machine now."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # connections that are over hold a port for a while, but do not stop a listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
