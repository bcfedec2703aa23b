"""The commands of one RabbitMQ: that of this machine, or one in a folder that is its node's whole file system."""

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

# Where Debian has them; the RabbitMQ in a folder is Debian's.
SCRIPTS_IN_ROOT: Final = PurePosixPath("/usr/lib/rabbitmq/bin")
MAPPER_IN_ROOT: Final = PurePosixPath("/usr/bin/epmd")
NOT_INSTALLED: Final = """There is no RabbitMQ in {root}: {path} is missing.
`scripts/ensure-rabbitmq trixie` makes a folder with one and prints its path, for RABBITMQ_SERVER_ROOT."""
# Nothing of the caller's environment means anything in there; Elixir's tools want an encoding that holds any text.
ENVIRONMENT_IN_ROOT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Programs:
    """How to run RabbitMQ's programs, and where a node of it may keep its files.

    Attributes:
        root: a folder that holds a Debian with its rabbitmq-server, which only the user root can run;
            None for the RabbitMQ of this machine.
    """

    root: Path | None = None

    def nodes_folder(self) -> Path | None:
        """Return where to make a node's folder when nobody says where: None for the system's temporary folder.

        Raises:
            BrokerMissing: there is no RabbitMQ in the root, or this process may not enter it.
        """
        if self.root is None:
            return None
        entering(self.root)
        return self.root / "tmp"

    def server(self) -> list[str]:
        """Return the command that becomes a node.

        Raises:
            BrokerMissing: there is no RabbitMQ, or this process may not enter the folder.
        """
        if self.root is None:
            return [server_script(), "-noinput"]
        # The node asks /proc for its memory, and df asks it for the disks. This one is gone when the node is.
        own_proc = ("--mount", "--mount-proc")
        return [*entering(self.root, *own_proc), str(SCRIPTS_IN_ROOT / "rabbitmq-server"), "-noinput"]

    def port_mapper(self) -> list[str]:
        """Return the command that becomes Erlang's port mapper; raises as `server` does."""
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
            ports: its ports by their purpose.

        Raises:
            BrokerFailed: the folder cannot be reached by a node that runs in the root.
        """
        if self.root is None:
            return node_environment(folder, name, ports)
        root = self.root.resolve()
        if not folder.is_relative_to(root):
            raise BrokerFailed(
                f"the RabbitMQ in {root} sees nothing outside of it, and {folder} is: choose another folder"
            )
        return node_environment("/" / folder.relative_to(root), name, ports, inherited=ENVIRONMENT_IN_ROOT)


def entering(root: Path, *options: str) -> list[str]:
    """Return what stands before a command that sees the root as its whole file system.

    Args:
        root: the folder.
        options: of unshare, for more that the command shall have to itself.

    Raises:
        BrokerMissing: there is no RabbitMQ in the root, or this process may not enter it.
    """
    for program in (SCRIPTS_IN_ROOT / "rabbitmq-server", MAPPER_IN_ROOT):
        path = root.resolve() / program.relative_to("/")
        if not os.path.lexists(path):  # a link in there leads elsewhere from here
            raise BrokerMissing(NOT_INSTALLED.format(root=root, path=path))
    unshare = shutil.which("unshare")
    is_root = sys.platform != "win32" and os.geteuid() == 0
    if unshare is None or not is_root:
        raise BrokerMissing(f"To run the RabbitMQ in {root}: be root, on a Linux with the program unshare.")
    return [unshare, f"--root={root.resolve()}", *options]
