"""Queues, exchanges and bindings (AMQP 0-9-1 sections 1.6 and 1.7)."""

from __future__ import annotations

from pamqp.commands import Exchange, Queue

from leveret.amqp.conversation import Conversation
from leveret.amqp.message import FieldTable, QueueState
from leveret.amqp.methods import build


class Declarations(Conversation):
    """What a channel can declare, bind, empty and delete.

    Every method waits for the broker's answer and raises InvalidArgument (nothing was sent), ChannelClosed (refused,
    and the channel is gone), ConnectionLost or AmqpTimeout.
    """

    async def declare_queue(
        self,
        name: str = "",
        *,
        durable: bool = True,
        exclusive: bool = False,
        auto_delete: bool = False,
        passive: bool = False,
        arguments: FieldTable | None = None,
    ) -> QueueState:
        """Make a queue, or check that it is there as described; without a name the broker chooses one.

        Raises:
            InequivalentArguments: A queue of that name has other arguments.
            ChannelClosed: 404 with `passive` when there is none, 405 when another connection owns it.
        """
        call = build(
            Queue.Declare,
            queue=name,
            passive=passive,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
        )
        done = await self.ask(call, f"queue.declare of {name!r}", Queue.DeclareOk, arguments=arguments)
        return QueueState(done.queue or "", done.message_count or 0, done.consumer_count or 0)

    async def declare_exchange(
        self,
        name: str,
        kind: str = "direct",
        *,
        durable: bool = True,
        passive: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: FieldTable | None = None,
    ) -> None:
        """Make an exchange of a kind, or check that it is there as described.

        Raises:
            InequivalentArguments: An exchange of that name has another kind or other arguments.
            ChannelClosed: 404 with `passive` when there is none.
        """
        call = build(
            Exchange.Declare,
            exchange=name,
            exchange_type=kind,
            passive=passive,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
        )
        await self.ask(call, f"exchange.declare of {name!r}", Exchange.DeclareOk, arguments=arguments)

    async def bind_queue(
        self, queue: str, exchange: str, routing_key: str, arguments: FieldTable | None = None
    ) -> None:
        """Let an exchange route messages with that key to the queue. Binding twice is binding once."""
        call = build(Queue.Bind, queue=queue, exchange=exchange, routing_key=routing_key)
        await self.ask(call, f"queue.bind of {queue!r} to {exchange!r}", Queue.BindOk, arguments=arguments)

    async def unbind_queue(
        self, queue: str, exchange: str, routing_key: str, arguments: FieldTable | None = None
    ) -> None:
        """Take a binding away; one that is not there is no error."""
        call = build(Queue.Unbind, queue=queue, exchange=exchange, routing_key=routing_key)
        await self.ask(call, f"queue.unbind of {queue!r} from {exchange!r}", Queue.UnbindOk, arguments=arguments)

    async def delete_queue(self, name: str, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue and say how many messages went with it; one that is not there is no error.

        Raises:
            ChannelClosed: 406 when a condition does not hold. Quorum queues know no conditions: 540.
        """
        call = build(Queue.Delete, queue=name, if_unused=if_unused, if_empty=if_empty)
        return (await self.ask(call, f"queue.delete of {name!r}", Queue.DeleteOk)).message_count or 0

    async def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        """Delete an exchange and its bindings; one that is not there is no error."""
        call = build(Exchange.Delete, exchange=name, if_unused=if_unused)
        await self.ask(call, f"exchange.delete of {name!r}", Exchange.DeleteOk)

    async def purge_queue(self, name: str) -> int:
        """Drop the messages of a queue that wait (not those in consumers' hands) and say how many."""
        call = build(Queue.Purge, queue=name)
        return (await self.ask(call, f"queue.purge of {name!r}", Queue.PurgeOk)).message_count or 0
