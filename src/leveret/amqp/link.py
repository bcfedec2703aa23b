"""One socket: it turns reads into events, joins and bounds writes, sends heartbeats, and ends in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from pamqp import commands

from leveret.amqp import forks
from leveret.amqp.errors import AmqpError, AmqpTimeout, ConnectionLost, ProtocolError
from leveret.amqp.frames import HEARTBEAT
from leveret.amqp.limits import Limits
from leveret.amqp.methods import encode_method
from leveret.amqp.reader import Event, Reader

logger = logging.getLogger("leveret.amqp")

WRITE_AT_ONCE = 65536
"""Bytes of joined writes that go to the transport at once; fewer go at the end of the loop's turn."""
WRITE_BUFFER = 1 << 20
"""Bytes that may wait in the transport before `writable` makes callers wait."""


class Link(asyncio.Protocol):
    """The asyncio protocol of a connection's socket. The connection sets `on_event` and `on_end`.

    However it ends, `on_end` is called once.

    Attributes:
        after_read: Functions that are called at the end of the read.
        closing: Whether this side has sent connection.close.
        error: What ended it; None before, and after our own close.
        blocked: Why the broker does not read from publishers, or None.
        ended: Done when it has ended, with `error`.
        gone: Done when the socket is closed.
    """

    def __init__(self, limits: Limits, on_event: Callable[[int, Event], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.limits = limits
        self.reader = Reader()
        self.on_event = on_event
        self.on_end: Callable[[AmqpError], None] = _ignore
        self.after_read: list[Callable[[], None]] = []
        self.closing = False
        self.error: AmqpError | None = None
        self.blocked: str | None = None
        self.ended: asyncio.Future[AmqpError | None] = self.loop.create_future()
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._out_size = 0
        self._flush_due = self._reading = False
        self._room: asyncio.Future[None] | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._half_interval = 0.0
        self._silent = 0
        self._written = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket. `log_in` sends the protocol header, because it waits for the answer."""
        self._transport = cast("asyncio.Transport", transport)
        forks.watch(self)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)

    def data_received(self, data: bytes) -> None:
        """Handle the events of this read, then call `after_read`, then write everything that they wrote."""
        self._silent = 0
        self._reading = True
        try:
            on_event, ended = self.on_event, self.ended
            for channel, event in self.reader.feed(data):
                on_event(channel, event)
                if ended.done():
                    return
            self.hand_over()
        except AmqpError as error:
            self.fail(error)
        except Exception as error:  # an error in the driver must end the connection; otherwise it would look alive
            logger.exception("the AMQP connection ends because of an unexpected error")
            self.fail(_because("an unexpected error in the driver", error))
        finally:
            self._reading = False
            self.flush()

    def hand_over(self) -> None:
        """Call the functions in `after_read`, which hand batches to consumers."""
        while self.after_read:
            self.after_read.pop(0)()

    def write(self, data: bytes) -> None:
        """Send bytes, together with everything else that is written in this turn of the loop.

        Raises:
            AmqpError: The connection has ended.
        """
        self.check()
        self._out.append(data)
        self._out_size += len(data)
        if self._out_size >= WRITE_AT_ONCE:
            self.flush()
        elif not (self._reading or self._flush_due):
            self._flush_due = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Pass everything that was written to the transport, in one piece."""
        self._flush_due = False
        if self._out and self._transport is not None:
            self._written = True
            self._transport.write(b"".join(self._out) if len(self._out) > 1 else self._out[0])
            self._out.clear()
            self._out_size = 0

    def check(self) -> None:
        """Raise the error that ended the connection, if it has ended."""
        if self.ended.done():
            raise (self.error or ConnectionLost("it was closed by this side")).fresh()

    def pause_writing(self) -> None:
        """Note that the transport's buffer is above its bound."""
        if self._room is None:
            self._room = self.loop.create_future()

    def resume_writing(self) -> None:
        """Note that the transport's buffer has room again."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def writable(self) -> None:
        """Wait until the write buffer is below its bound.

        Raises:
            ConnectionLost: The connection ended.
            AmqpTimeout: The buffer stayed full for the limit `confirm`.
        """
        self.check()
        if self._room is None:
            return
        room, limit = self._room, self.limits.confirm
        await asyncio.wait((room, self.ended), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        self.check()
        if not room.done():
            raise AmqpTimeout(f"room in the write buffer{self.why_slow()}", limit)

    def why_slow(self) -> str:
        """Return what to add to the text of a timeout when the broker blocks publishers."""
        return f" (the broker blocks publishers: {self.blocked})" if self.blocked else ""

    def start_heartbeats(self, interval: int) -> None:
        """Send a heartbeat when idle, and end when the broker is silent (AMQP 0-9-1 section 4.2.7).

        Time is counted in ticks of the loop's timer and not by the clock. So an event loop that was held up for long
        does not conclude that the broker was silent.

        Args:
            interval: Seconds, 0 for no heartbeats. A heartbeat is sent after half an interval without a write; two
                intervals without a read end the connection.
        """
        if interval:
            self._half_interval = interval / 2
            self._beat = self.loop.call_later(self._half_interval, self._tick)

    def _tick(self) -> None:
        self._silent += 1
        if self._silent > 4:
            self.fail(ConnectionLost(f"nothing was heard for {self._half_interval * 4:g} s, two heartbeats"))
            return
        if not self._written and self._transport is not None:
            self._transport.write(HEARTBEAT)
        self._written = False
        self._beat = self.loop.call_later(self._half_interval, self._tick)

    def fail(self, error: AmqpError) -> None:
        """End because of `error`; tell the broker if it broke the rules of the protocol."""
        if not self.ended.done() and isinstance(error, ProtocolError):
            text = error.text.encode()[:200].decode(errors="ignore")
            self.write(encode_method(0, commands.Connection.Close(error.reply_code, text, 0, 0)))
        self.end(error)

    def fail_for_callback(self, what: str, cause: Exception) -> None:
        """End because a callback of the user raised: a consumer that handles nothing must not look alive."""
        if not self.ended.done():
            logger.error("the AMQP connection ends because %s raised", what, exc_info=cause)
            self.write(encode_method(0, commands.Connection.Close(541, "the application failed", 0, 0)))
            self.end(_because(f"{what} raised {cause!r}", cause))

    def end(self, error: AmqpError | None) -> None:
        """End once, and tell everything that waits. What was written is still sent, for at most the limit `close`."""
        if self.ended.done():
            return
        self.flush()
        self.error = error
        self.ended.set_result(error)
        self.after_read.clear()
        if self._beat:
            self._beat.cancel()
        self.resume_writing()
        self.on_end(error or ConnectionLost("it was closed by this side"))
        if self._transport is not None and not self.gone.done():
            self._transport.close()
            self._beat = self.loop.call_later(self.limits.close, self._transport.abort)

    def abort(self) -> None:
        """Drop the socket at once, with the bytes that were not sent."""
        self.end(ConnectionLost("it was dropped by this side"))
        if self._transport is not None:
            self._transport.abort()

    def socket_number(self) -> int:
        """Return the socket's file descriptor, -1 when there is none."""
        found = self._transport.get_extra_info("socket") if self._transport is not None else None
        return -1 if found is None else int(found.fileno())

    def leave_to_parent(self) -> None:
        """End in a forked process, and do not touch the socket, which belongs to the parent."""
        transport, self._transport = self._transport, None
        self._out.clear()
        self._out_size = 0
        if not self.gone.done():
            self.gone.set_result(None)
        self.end(ConnectionLost("it belongs to the process from which this one was forked; connect again in this one"))
        if transport is not None:
            with suppress(OSError):  # the loop's selector still has the number, which is not that socket any more
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End because the socket is closed."""
        if self._beat:
            self._beat.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        self.end(None if self.closing else _because(str(exc) if exc else "the broker hung up", exc))


def _because(text: str, cause: Exception | None) -> ConnectionLost:
    error = ConnectionLost(text)
    error.__cause__ = cause
    return error


def _ignore(_error: AmqpError) -> None:
    """Do nothing, until the connection has set `on_end`."""
