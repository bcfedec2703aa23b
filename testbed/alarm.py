"""A memory alarm of a private broker, raised and ended with the broker's own command."""

from collections.abc import Iterator
from contextlib import contextmanager

from leveret.devbroker import DevBroker


@contextmanager
def memory_alarm(broker: DevBroker) -> Iterator[None]:
    """Make the broker believe that memory is scarce, so that it stops reading from connections that publish."""
    broker.control("set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        broker.control("set_vm_memory_high_watermark", "0.6")
