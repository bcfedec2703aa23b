"""A private broker that tests change one after the other, because each start of a node takes 5 s of CPU time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leveret.devbroker import BrokerFailed, DevBroker

REMEMBER = """
persistent_term:put(as_it_was, {application:get_all_env(rabbit), persistent_term:get(max_message_size, none)}).
"""
RESTORE = """
{Was, Largest} = persistent_term:get(as_it_was),
Is = application:get_all_env(rabbit),
[application:set_env(rabbit, Name, Value) || {Name, Value} <- Was -- Is],
[application:unset_env(rabbit, Name) || {Name, _} <- Is, not lists:keymember(Name, 1, Was)],
case Largest of
    none -> persistent_term:erase(max_message_size);
    _ -> persistent_term:put(max_message_size, Largest)
end,
Policies = [[proplists:get_value(Of, Policy) || Of <- [vhost, name]] || Policy <- rabbit_policy:list()],
[rabbit_policy:delete(Vhost, Name, <<"tests">>) || [Vhost, Name] <- Policies],
{lists:sort(application:get_all_env(rabbit)) =:= lists:sort(Was), rabbit_policy:list(), rabbit_alarm:get_alarms()}.
"""
RESTORED = "{true,[],[]}"


class LentBroker:
    """Lends a private RabbitMQ to one test at a time.

    A test may change settings of the application `rabbit`, the largest message, and policies: they are put back. A node
    that is different nevertheless, because it has an alarm or was started again, is stopped, and the next test gets a
    new one.
    """

    def __init__(self) -> None:
        self._node: DevBroker | None = None

    @contextmanager
    def lent(self) -> Iterator[DevBroker]:
        """Lend the node while the block runs; start one if none runs."""
        node = self._node = self._node or _started()
        try:
            yield node
        finally:
            if not _restored(node):
                self.stop()

    def stop(self) -> None:
        """End the node; do nothing if none runs."""
        if self._node is not None:
            self._node.stop()
            self._node = None


def _started() -> DevBroker:
    node = DevBroker()
    node.start()
    try:
        node.control("eval", REMEMBER)
    except BaseException:
        node.stop()
        raise
    return node


def _restored(node: DevBroker) -> bool:
    try:
        return node.control("eval", RESTORE).strip() == RESTORED
    except BrokerFailed:
        return False
