"""The commands of one RabbitMQ: this machine's, or one in a folder that its node sees as the whole file system."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from leveret.devbroker.errors import BrokerFailed, BrokerMissing
from leveret.devbroker.installation import epmd_program, node_environment, server_script

__all__ = ["Programs"]

# As Debian installs them, because the RabbitMQ in a folder is Debian's.
SCRIPTS_IN_ROOT: Final = PurePosixPath("/usr/lib/rabbitmq/bin")
MAPPER_IN_ROOT: Final = PurePosixPath("/usr/bin/epmd")
NOT_INSTALLED: Final = """There is no RabbitMQ in {root}: {path} is missing.
RABBITMQ_SERVER_ROOT must name a folder with a Debian in which the package rabbitmq-server is installed."""
# The caller's environment has no meaning in the folder. Elixir's tools need an encoding that can hold any text.
ENVIRONMENT_IN_ROOT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Programs:
    """How to run the programs of one RabbitMQ, and where a node of it can keep its files.

    Attributes:
        root: a folder with a Debian in which rabbitmq-server is installed; only the user root can run it. None for the
            RabbitMQ of this machine.
    """

    root: Path | None = None

    def nodes_folder(self) -> Path | None:
        """Return where to make a node's folder by default; None for the system's folder for temporary files.

        Raises:
            BrokerMissing: there is no RabbitMQ in the root, or this process may not enter it.
        """
        if self.root is None:
            return None
        entering(self.root)
        return self.root / "tmp"

    def server(self) -> list[str]:
        """Return the command whose process becomes a node.

        Raises:
            BrokerMissing: there is no RabbitMQ, or this process may not enter the folder.
        """
        if self.root is None:
            return [server_script(), "-noinput"]
        # The node reads its memory from /proc, and df reads the disks there. This mount ends with the node.
        own_proc = ("--mount", "--mount-proc")
        return [*entering(self.root, *own_proc), str(SCRIPTS_IN_ROOT / "rabbitmq-server"), "-noinput"]

    def port_mapper(self) -> list[str]:
        """Return the command whose process becomes Erlang's port mapper; raises as `server` does."""
        return [epmd_program()] if self.root is None else [*entering(self.root), str(MAPPER_IN_ROOT)]

    def control(self) -> list[str]:
        """Return the command of RabbitMQ's tool rabbitmqctl, without arguments; raises as `server` does."""
        if self.root is not None:
            return [*entering(self.root), str(SCRIPTS_IN_ROOT / "rabbitmqctl")]
        script = Path(server_script()).resolve()
        return [str(script.with_name(f"rabbitmqctl{script.suffix}"))]

    def environment(self, folder: Path, name: str, ports: Mapping[str, int]) -> dict[str, str]:
        """Return the environment of a node, its port mapper and its tools, with paths as they see them.

        Args:
            folder: the node's folder, as this process sees it.
            name: the node's name.
            ports: the node's ports, by purpose.

        Raises:
            BrokerFailed: the folder cannot be reached by a node that runs in the root.
        """
        if self.root is None:
            return node_environment(folder, name, ports)
        root = self.root.resolve()
        if not folder.is_relative_to(root):
            raise BrokerFailed(
                f"the RabbitMQ in {root} sees nothing outside of it, and {folder} is outside: choose another folder"
            )
        return node_environment("/" / folder.relative_to(root), name, ports, inherited=ENVIRONMENT_IN_ROOT)


def entering(root: Path, *options: str) -> list[str]:
    """Return the beginning of a command whose process sees the root as the whole file system.

    Args:
        root: the folder.
        options: more options of unshare.

    Raises:
        BrokerMissing: there is no RabbitMQ in the root, or this process may not enter it.
    """
    for program in (SCRIPTS_IN_ROOT / "rabbitmq-server", MAPPER_IN_ROOT):
        path = root.resolve() / program.relative_to("/")
        if not os.path.lexists(path):  # a link in the folder has another meaning outside of it
            raise BrokerMissing(NOT_INSTALLED.format(root=root, path=path))
    unshare = shutil.which("unshare")
    is_root = sys.platform != "win32" and os.geteuid() == 0
    if unshare is None or not is_root:
        raise BrokerMissing(f"The RabbitMQ in {root} can only be run by root, on a Linux with the program unshare.")
    return [unshare, f"--root={root.resolve()}", *options]
