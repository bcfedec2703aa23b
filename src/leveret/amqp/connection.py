"""A connection to a broker: open it, make channels, close it (AMQP 0-9-1 section 1.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Self

from pamqp import commands

from leveret.amqp.address import Address
from leveret.amqp.addresses import Addresses
from leveret.amqp.channel import Channel
from leveret.amqp.confirms import Confirms
from leveret.amqp.consumers import Consumers
from leveret.amqp.conversation import Conversation
from leveret.amqp.errors import AmqpError, ConnectionLost, ConnectTimedOut, InvalidArgument, ProtocolError
from leveret.amqp.handshake import HEARTBEAT, Agreement, dial, log_in, look_up, refused
from leveret.amqp.limits import Limits
from leveret.amqp.link import Link
from leveret.amqp.message import FieldTable
from leveret.amqp.methods import encode_method
from leveret.amqp.opening import C, Open, open_first
from leveret.amqp.questions import Questions
from leveret.amqp.reader import Event
from leveret.amqp.receiver import Receiver

logger = logging.getLogger("leveret.amqp")

OnBlocked = Callable[[str | None], None]


class Connection:
    """One connection to a broker; `Connection.open` makes it. It belongs to the event loop that opened it.

    It does not reconnect by itself: see `leveret.amqp.Reconnector`. When the connection ends, all its channels end.

    Attributes:
        address: The address that it is connected to, with the IP address of the node in `number`; a second connection
            to this address reaches the same node.
    """

    def __init__(self, address: Address, limits: Limits, on_blocked: OnBlocked | None) -> None:
        self.address = address
        self._on_blocked = on_blocked
        self._link = Link(limits, self._receive)
        self._link.on_end = self._end
        self._questions = Questions(limits.rpc)
        self._receivers: dict[int, Receiver] = {}
        self._last = 0
        self._agreed = Agreement({}, self._link.reader.frame_max, 0, 0)

    @classmethod
    async def open(
        cls,
        address: Addresses | Address | str,
        *,
        name: str = "leveret",
        heartbeat: int | None = None,
        limits: Limits | None = None,
        on_blocked: OnBlocked | None = None,
    ) -> Self:
        """Connect and log in, at the first of the addresses that answers.

        The addresses are tried in turn from a random one, and so are the IP addresses of each host name. The next one
        is tried when one fails, for whatever reason, or is silent for `limits.next_address` seconds.

        Args:
            address: The broker, or the nodes of a cluster. A text is parsed.
            name: The connection's name on the broker's management page.
            heartbeat: Seconds between heartbeats, 0 for none; None for what the address says, or 60. The broker may
                make it smaller.
            limits: How long each kind of wait may last. An address may set its own limit for connecting.
            on_blocked: Called with the broker's reason when it stops reading from publishers (a memory or disk alarm;
                RabbitMQ docs "Blocked Connection Notifications"), and with None when it reads again.

        Raises:
            AddressError: The text is not an address.
            ConnectFailed: There is no connection. The text says what to do; `fatal` is False when waiting can help.
            ConnectTimedOut: There is no connection after `limits.connect` seconds. It is a ConnectFailed and an
                AmqpTimeout.
        """
        addresses, limits = Addresses.of(address), limits or Limits()

        async def enter(place: Address) -> Self:
            connection = cls(place, limits, on_blocked)
            await connection._enter(name, _wished_heartbeat(place, heartbeat))
            return connection

        open_one = partial(_open_at, enter=enter, limits=limits)
        return await open_first(addresses.in_turn(), open_one, limits.next_address, log=logging.WARNING)

    async def _enter(self, name: str, heartbeat: int) -> None:
        try:
            await dial(self.address, self._link)
            self._agreed = await log_in(self.address, self._link, self._questions, name, heartbeat)
            self._link.start_heartbeats(self._agreed.heartbeat)
        except ConnectionLost as error:
            raise refused(self.address, error) from error
        finally:
            if not self._agreed.channel_max:
                self.abort()

    @property
    def server_properties(self) -> FieldTable:
        """What the broker says about itself: product, version, capabilities."""
        return self._agreed.server_properties

    @property
    def frame_max(self) -> int:
        """Bytes of the largest frame, as both sides agreed; larger bodies are split."""
        return self._agreed.frame_max

    @property
    def channel_max(self) -> int:
        """How many channels may be open at once."""
        return self._agreed.channel_max

    @property
    def heartbeat(self) -> int:
        """Seconds between heartbeats, 0 for none."""
        return self._agreed.heartbeat

    @property
    def blocked(self) -> str | None:
        """Why the broker does not read from publishers now, or None when it does."""
        return self._link.blocked

    @property
    def is_open(self) -> bool:
        """Whether the connection can be used now."""
        return self._link.is_open and not self._link.closing

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when the connection has ended: with the error that ended it, or None after our own close.

        Each access returns a new future, so that cancelling one waiter does not cancel the others.
        """
        return asyncio.shield(self._link.ended)

    async def channel(self, *, confirms: bool = False) -> Channel:
        """Open a channel, with or without publisher confirms.

        Raises:
            InvalidArgument: As many channels are open as both sides agreed on.
            ConnectionLost, AmqpTimeout: See `Channel`.
        """
        self._link.check()
        number = self._free_number()
        conversation = Conversation(self._link, number, self._release)
        consumers = Consumers(conversation)
        ledger = Confirms(self._link.limits.confirm, self._link.why_slow) if confirms else None
        conversation.at_end += [consumers.end, ledger.end] if ledger else [consumers.end]
        self._receivers[number] = Receiver(conversation, consumers, ledger)
        await conversation.open()
        if confirms:
            await self._select_confirms(conversation)
        return Channel(conversation, consumers, ledger)

    async def _select_confirms(self, conversation: Conversation) -> None:
        try:
            await conversation.ask(commands.Confirm.Select(), "confirm.select", commands.Confirm.SelectOk)
        except BaseException:
            with suppress(AmqpError):
                conversation.abandon()
            raise

    def _free_number(self) -> int:
        most = self._agreed.channel_max
        for step in range(most):
            number = (self._last + step) % most + 1
            if number not in self._receivers:
                self._last = number
                return number
        raise InvalidArgument(f"all {most} channels of this connection are open; close one or open a second connection")

    def _release(self, number: int) -> None:
        self._receivers.pop(number, None)

    async def writable(self) -> None:
        """Wait until the write buffer is below its bound: between large batches, so that memory stays bounded.

        Raises:
            ConnectionLost: The connection ended.
            AmqpTimeout: The buffer stayed full for the limit `confirm`. The text says so if the broker blocks
                publishers.
        """
        await self._link.writable()

    async def close(self) -> None:
        """Close the connection; everything that was written before is still sent.

        Closing again does nothing. It takes at most twice the limit `close`. A broker that is gone is not an error.
        """
        link = self._link
        limit = link.limits.close
        try:
            if self.is_open:
                link.closing = True
                goodbye = encode_method(0, commands.Connection.Close(200, "", 0, 0))
                done = commands.Connection.CloseOk
                await self._questions.ask(lambda: link.write(goodbye), "connection.close", done, limit=limit)
        except AmqpError as error:
            logger.debug("the connection was not closed politely: %s", error)
        finally:
            link.end(None)
        await asyncio.wait((link.gone,), timeout=limit)

    def abort(self) -> None:
        """Drop the socket at once, without telling the broker."""
        self._link.abort()

    def _receive(self, number: int, event: Event) -> None:
        receiver = self._receivers.get(number)
        if receiver is not None:
            receiver.receive(event)
        elif number:
            raise ProtocolError(f"a frame for channel {number}, which is not open", 504)
        else:
            self._receive_own(event)

    def _receive_own(self, event: Event) -> None:
        self._link.hand_over()
        match event:
            case commands.Connection.Close():
                self._link.write(encode_method(0, commands.Connection.CloseOk()))
                self._link.end(None if self._link.closing else ConnectionLost(event.reply_text, event.reply_code or 0))
            case commands.Connection.Blocked():
                self._set_blocked(event.reason or "no reason given")
            case commands.Connection.Unblocked():
                self._set_blocked(None)
            case _:
                self._questions.answer(event)

    def _set_blocked(self, reason: str | None) -> None:
        self._link.blocked = reason
        if self._on_blocked is None:
            return
        try:
            self._on_blocked(reason)
        except Exception as error:  # any error; see Link.fail_for_callback
            self._link.fail_for_callback("on_blocked", error)

    def _end(self, error: AmqpError) -> None:
        self._questions.end(error)
        for receiver in list(self._receivers.values()):
            receiver.end(error)
        self._receivers.clear()


async def _open_at(address: Address, enter: Open[C], limits: Limits) -> C:
    """Connect to one address, at the first IP address of its host that answers."""
    seconds = limits.connect if address.connection_timeout is None else address.connection_timeout
    try:
        async with asyncio.timeout(seconds):
            return await open_first(await look_up(address), enter, limits.next_address, log=logging.DEBUG)
    except TimeoutError:
        raise ConnectTimedOut(f"{address} did not answer", seconds) from None


def _wished_heartbeat(address: Address, asked: int | None) -> int:
    """Return what the caller asks for, otherwise what the address says, otherwise the default; in seconds."""
    heartbeat = address.heartbeat if asked is None else asked
    if heartbeat is None:
        return HEARTBEAT
    if not 0 <= heartbeat <= 65535:
        raise InvalidArgument(f"a heartbeat of {heartbeat!r} seconds; AMQP allows 0 to 65535")
    return heartbeat
