"""What can go wrong with a private RabbitMQ node."""

__all__ = ["BrokerFailed", "BrokerMissing"]


class BrokerMissing(Exception):
    """There is no RabbitMQ that could be started on this machine; the text says how to get one."""


class BrokerFailed(Exception):
    """The private node did not start, or is not running; the text says why and ends with the last lines of its log."""
