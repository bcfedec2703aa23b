"""The errors of a private RabbitMQ node."""

from pathlib import Path

__all__ = ["BrokerFailed", "BrokerMissing", "BrokerRuns"]


class BrokerMissing(Exception):
    """This machine has no RabbitMQ that can be started; the text says how to get one."""


class BrokerFailed(Exception):
    """A private node did not start, is not running, or refused a command; the text says why.

    When the node did not start, the text ends with the last lines of its log.
    """


class BrokerRuns(BrokerFailed):
    """Another process runs a node in this folder.

    Attributes:
        pid: the process that runs it, or the node itself if nobody runs it; None if nobody can tell.
    """

    def __init__(self, home: Path, pid: int | None) -> None:
        who = f" (process {pid})" if pid else ""
        super().__init__(f"a node runs in {home} already{who}")
        self.pid = pid
