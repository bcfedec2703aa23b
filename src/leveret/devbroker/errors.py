"""The errors of a private RabbitMQ node."""

__all__ = ["BrokerFailed", "BrokerMissing"]


class BrokerMissing(Exception):
    """This machine has no RabbitMQ that can be started; the text says how to get one."""


class BrokerFailed(Exception):
    """A private node did not start, is not running, or refused a command; the text says why.

    When the node did not start, the text ends with the last lines of its log.
    """
