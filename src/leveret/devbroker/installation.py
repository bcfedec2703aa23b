"""The RabbitMQ on this machine: where its programs are, and the environment and configuration of a private node."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from leveret.devbroker.errors import BrokerMissing

__all__ = ["configuration", "epmd_program", "named_root", "node_environment", "server_script"]

# The script that Debian puts on the PATH changes to the user rabbitmq; the one inside the package runs as the caller.
SCRIPT_FOLDERS = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin")
WINDOWS_SCRIPTS = "RabbitMQ Server/rabbitmq_server-*/sbin/rabbitmq-server.bat"
INSTRUCTIONS = """No {what} was found on this machine. Install RabbitMQ:
  Debian, Ubuntu: apt-get install rabbitmq-server
  macOS:          brew install rabbitmq
  Windows:        the installers of Erlang and of RabbitMQ, see https://www.rabbitmq.com/docs/install-windows
or name a rabbitmq-server script in RABBITMQ_SERVER, or use a broker that runs already, such as
  docker run --rm -p 127.0.0.1:5672:5672 rabbitmq:4
with the address amqp://guest:guest@127.0.0.1:5672/."""


def named_root() -> Path | None:
    """Return the folder that RABBITMQ_SERVER_ROOT names, which holds another RabbitMQ; None when it is not set."""
    named = os.environ.get("RABBITMQ_SERVER_ROOT")
    return Path(named) if named else None


def server_script() -> str:
    """Return the script that starts a node as the calling user.

    Raises:
        BrokerMissing: it was not found.
    """
    for candidate in server_candidates():
        if found := shutil.which(candidate):
            return found
    raise BrokerMissing(INSTRUCTIONS.format(what="RabbitMQ server"))


def server_candidates() -> Iterator[str]:
    """Yield the places where the script may be, the preferred one first."""
    if named := os.environ.get("RABBITMQ_SERVER"):
        yield named
    if sys.platform == "win32":
        yield from map(str, sorted(Path(os.environ.get("PROGRAMFILES", "C:/")).glob(WINDOWS_SCRIPTS), reverse=True))
    yield from (f"{folder}/rabbitmq-server" for folder in SCRIPT_FOLDERS)
    yield "rabbitmq-server"


def epmd_program() -> str:
    """Return Erlang's port mapper, through which nodes find each other.

    Raises:
        BrokerMissing: it was not found.
    """
    if found := shutil.which("epmd"):
        return found
    homes = [Path(os.environ["ERLANG_HOME"])] if "ERLANG_HOME" in os.environ else []
    if erl := shutil.which("erl"):
        homes.append(Path(erl).resolve().parent.parent)
    for home in homes:
        for program in sorted(home.glob("erts-*/bin/epmd*"), reverse=True):
            return str(program)
    raise BrokerMissing(INSTRUCTIONS.format(what="Erlang port mapper (epmd)"))


def node_environment(
    folder: Path, name: str, ports: Mapping[str, int], *, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a private node and its port mapper.

    The settings of another RabbitMQ or Erlang, in the caller's environment or under /etc, do not reach the node. The
    variables are described in RabbitMQ's "File and Directory Locations" and in Erlang's manual page of epmd.

    Args:
        folder: the node's folder, as the node sees it.
        name: the node's name.
        ports: the node's ports, by purpose.
        inherited: the other variables; those of this process by default.
    """
    rest = os.environ if inherited is None else inherited
    mine = {k: v for k, v in rest.items() if not k.startswith(("RABBITMQ_", "ERL_")) and k != "NOTIFY_SOCKET"}
    loopback_distribution = "-kernel inet_dist_use_interface {127,0,0,1}"
    two_schedulers = "+S 2:2"  # with more, a node neither starts faster nor idles cheaper
    return mine | {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "RABBITMQ_ALLOW_INPUT": "1",  # lets the script become the node, instead of waiting for it as a parent
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": str(folder / "node.log"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{two_schedulers} {loopback_distribution}",
    }


def configuration(ports: Mapping[str, int], *, management: bool) -> dict[str, str]:
    """Return the text of each of the node's configuration files, by its name."""
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{ports['amqp']}",
        "log.console = false",
        "disk_free_limit.absolute = 50MB",  # a disk that is nearly full must not block a private node
    ]
    if management:
        lines += [f"{page}.tcp.ip = 127.0.0.1" for page in ("management", "prometheus")]
        lines += [f"{page}.tcp.port = {ports[page]}" for page in ("management", "prometheus")]
        lines += ["collect_statistics_interval = 1000"]  # milliseconds; people wait for this page
    plugins = "rabbitmq_management,rabbitmq_prometheus" if management else ""
    return {"rabbitmq.conf": "\n".join([*lines, ""]), "enabled_plugins": f"[{plugins}].\n"}
