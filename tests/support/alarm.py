"""A memory alarm at a private broker, raised and ended by its own command."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warren.devbroker import DevBroker
from warren.devbroker.installation import node_environment, server_script


@contextmanager
def memory_alarm(broker: DevBroker) -> Iterator[None]:
    """Have the broker believe that memory is scarce: it stops reading from connections that publish."""
    _set_watermark(broker, "0")
    try:
        yield
    finally:
        _set_watermark(broker, "0.6")


def _set_watermark(broker: DevBroker, share: str) -> None:
    command = [str(Path(server_script()).resolve().with_name("rabbitmqctl")), "-n", broker.node_name]
    environment = node_environment(broker.folder, broker.node_name, broker._ports)
    subprocess.run(
        [*command, "set_vm_memory_high_watermark", share], env=environment, capture_output=True, check=True, timeout=60
    )
