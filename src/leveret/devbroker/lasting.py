"""A private RabbitMQ node that keeps its data between two starts."""

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple

from leveret.devbroker.errors import BrokerFailed, BrokerRuns
from leveret.devbroker.node import DevBroker, Identity, free_ports, is_free
from leveret.devbroker.probe import greeting, version_at
from leveret.process.file_lock import FileLock

__all__ = ["LastingBroker", "RunningNode", "kept_url", "running_node"]

IDENTITY: Final = "node.json"
LOCK: Final = "node.lock"
GRACE: Final = 15.0
"""Seconds that the node may take to stop before it is killed."""


class RunningNode(NamedTuple):
    """A node that another process runs.

    Attributes:
        url: its address, with user and password.
        management_url: where its management page is, if it has one.
        pid: the process that runs it; None if nobody can tell.
    """

    url: str
    management_url: str
    pid: int | None


class LastingBroker(DevBroker):
    """A private node that keeps its folder, name and addresses: at the next start everything durable exists again.

    Only one node at a time can run in a folder.

    Args:
        home: the folder; it is made if it does not exist.
        management: also run RabbitMQ's management page and its Prometheus endpoint.
        limit: seconds that the node may take to start.
        grace: seconds that it may take to stop before it is killed.
        moving: take other ports if other programs use those that belong to the folder, instead of an error.
    """

    _keeps = True

    def __init__(
        self,
        home: Path,
        *,
        management: bool = False,
        limit: float = 90.0,
        grace: float = GRACE,
        moving: bool = False,
    ) -> None:
        super().__init__(management=management, limit=limit)
        self._home = home
        self._grace = grace
        self._moving = moving
        self._lock = FileLock(home / LOCK)

    def start(self) -> None:
        """Start the node and return when it answers.

        Raises:
            BrokerMissing: there is no RabbitMQ on this machine.
            BrokerRuns: a node runs in the folder already.
            BrokerFailed: it is started already, its ports are taken, or it did not answer within the limit.
        """
        if self._folder is not None:
            raise BrokerFailed(f"the private RabbitMQ node is started already, in {self._folder}")
        self._home.mkdir(parents=True, exist_ok=True)
        if not self._lock.acquire():
            raise BrokerRuns(self._home, self._lock.holder())
        try:
            self._start()
        except BaseException:  # Ctrl-C too
            self._lock.release()
            raise

    def _start(self) -> None:
        self._identity, written_by = _identity_of(self._home)
        if _greets(self._identity):
            raise BrokerRuns(self._home, _pid(self._home, self._identity))
        _put_log_aside(self._home)
        self._folder = self._home.resolve()
        if self._moving and not all(map(is_free, self._identity.ports.values())):
            self._identity = self._identity._replace(ports=free_ports())
        try:
            started = self._boot() or (self._moving and self._boot_elsewhere())
        except BrokerFailed as error:
            raise BrokerFailed(f"{error}{_about_data(self._home, written_by)}") from error
        if not started:
            self.stop()
            raise BrokerFailed(f"other programs use ports that belong to {self._home}: try again when they are free")
        _keep(self._home, self._identity, version_at(self.url))

    def _boot_elsewhere(self) -> bool:
        """Start the node on other ports; the name stays, because the data belongs to the name."""
        self._identity = self._identity._replace(ports=free_ports())
        return self._boot()

    def stop(self) -> None:
        """Stop the node in an orderly way, and keep the folder. Stopping again does nothing."""
        if self._node is not None:
            self._node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._node.wait(self._grace)
        self._processes.end()
        self._node = None
        self._folder = None
        self._lock.release()


def _identity_of(home: Path) -> tuple[Identity, str | None]:
    """Return name and ports that belong to a folder, chosen for a new one, and the RabbitMQ that has written its data.

    Raises:
        BrokerFailed: the file that holds them cannot be used.
    """
    path = home / IDENTITY
    if not path.exists():
        _keep(home, Identity.new(), None)
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Identity(str(kept["name"]), {use: int(port) for use, port in kept["ports"].items()}), kept.get("version")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokerFailed(f"{path} cannot be used: {error}. Remove {home}, which holds the node's data") from error


def _keep(home: Path, identity: Identity, version: str | None) -> None:
    """Write them in one step, so that a process that is killed does not leave half a file."""
    path = home / IDENTITY
    new = path.with_suffix(".new")
    new.write_text(json.dumps(identity._asdict() | ({"version": version} if version else {})), encoding="utf-8")
    new.replace(path)


def _put_log_aside(home: Path) -> None:
    """Begin a new log at each start: an old one must not explain why this start fails, and must not grow for ever."""
    with contextlib.suppress(OSError):
        (home / "node.log").replace(home / "node.before.log")


def running_node(home: Path) -> RunningNode | None:
    """Return the node that runs in a folder and answers, whoever started it; None without one."""
    with contextlib.suppress(OSError, BrokerFailed):
        if (home / IDENTITY).exists() and _greets(identity := _identity_of(home)[0]):
            pages = f"http://127.0.0.1:{identity.ports['management']}/"
            return RunningNode(_url(identity), pages, FileLock(home / LOCK).holder())
    return None


def kept_url(home: Path) -> str | None:
    """Return the address that belongs to a folder, whether a node runs there or not; None for a new folder."""
    with contextlib.suppress(OSError, BrokerFailed):
        return _url(_identity_of(home)[0]) if (home / IDENTITY).exists() else None
    return None


def _url(identity: Identity) -> str:
    return f"amqp://guest:guest@127.0.0.1:{identity.ports['amqp']}/"


def _greets(identity: Identity) -> bool:
    """Return whether this node answers at its port, and not another broker."""
    name = identity.name.partition("@")[0].encode()
    return name in (greeting("127.0.0.1", identity.ports["amqp"], limit=1.0) or b"")


def _pid(home: Path, identity: Identity) -> int | None:
    """Return the process id that the node has written down."""
    with contextlib.suppress(OSError, ValueError):
        return int((home / "data" / f"{identity.name}.pid").read_text(encoding="ascii"))
    return None


def _about_data(home: Path, version: str | None) -> str:
    if version is None:
        return ""
    return (
        f"\nThe data in {home} was last used by RabbitMQ {version}. If another version is installed now and cannot "
        f"read it, remove {home}: its queues, and what waits in them, are lost"
    )
