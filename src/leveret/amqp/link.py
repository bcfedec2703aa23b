"""One socket: reads become events, writes are joined, and the connection ends in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from pamqp import commands

from leveret.amqp import forks
from leveret.amqp.errors import AmqpError, AmqpTimeout, ConnectionLost, ProtocolError
from leveret.amqp.heartbeats import Heartbeats
from leveret.amqp.limits import Limits
from leveret.amqp.methods import encode_method
from leveret.amqp.output import Output
from leveret.amqp.reader import Event, Reader

logger = logging.getLogger("leveret.amqp")


class Link(asyncio.Protocol):
    """The asyncio protocol of a connection's socket. The connection sets `on_event` and `on_end`.

    However it ends, `on_end` is called once.

    Attributes:
        after_read: Functions that are called at the end of the read.
        is_open: Whether it has not ended; a plain attribute, because it is read for each write.
        closing: Whether this side has sent connection.close.
        blocked: Why the broker does not read from publishers, or None.
        ended: Done when it has ended: with the error, or with None after our own close.
        gone: Done when the socket is closed.
    """

    def __init__(self, limits: Limits, on_event: Callable[[int, Event], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.limits = limits
        self.reader = Reader()
        self.on_event = on_event
        self.on_end: Callable[[AmqpError], None] = _ignore
        self.after_read: list[Callable[[], None]] = []
        self.is_open = True
        self.closing = False
        self.blocked: str | None = None
        self.ended: asyncio.Future[AmqpError | None] = self.loop.create_future()
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._output: Output | None = None
        self._heartbeats: Heartbeats | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket. `log_in` sends the protocol header, because it waits for the answer."""
        self._output = Output(cast("asyncio.Transport", transport))
        forks.watch(self)

    def data_received(self, data: bytes) -> None:
        """Handle the events of this read, then call `after_read`, then write everything that they wrote."""
        if self._heartbeats is not None:
            self._heartbeats.heard()
        if self._output is not None:
            self._output.hold()
        try:
            on_event = self.on_event
            for channel, event in self.reader.feed(data):
                on_event(channel, event)
                if not self.is_open:
                    return
            self.hand_over()
        except AmqpError as error:
            self.fail(error)
        except Exception as error:  # an error in the driver must end the connection; otherwise it would look alive
            logger.exception("the AMQP connection ends because of an unexpected error")
            self.fail(_because("an unexpected error in the driver", error))
        finally:
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
        if self._output is None or not self.is_open:
            raise self._reason()
        self._output.write(data)

    def flush(self) -> None:
        """Pass everything that was written to the transport."""
        if self._output is not None:
            self._output.flush()

    def check(self) -> None:
        """Raise the error that ended the connection, if it has ended."""
        if not self.is_open:
            raise self._reason()

    def _reason(self) -> AmqpError:
        error = self.ended.result() if self.ended.done() else None
        return (error or ConnectionLost("it was closed by this side")).fresh()

    def pause_writing(self) -> None:
        """Note that the transport's buffer is above its bound."""
        if self._output is not None:
            self._output.room.clear()

    def resume_writing(self) -> None:
        """Note that the transport's buffer has room again."""
        if self._output is not None:
            self._output.room.set()

    async def writable(self) -> None:
        """Wait until the write buffer is below its bound.

        Raises:
            ConnectionLost: The connection ended.
            AmqpTimeout: The buffer stayed full for the limit `confirm`.
        """
        self.check()
        if self._output is None or self._output.room.is_set():
            return
        limit = self.limits.confirm
        try:
            async with asyncio.timeout(limit):
                await self._output.room.wait()
        except TimeoutError:
            self.check()
            raise AmqpTimeout(f"room in the write buffer{self.why_slow()}", limit) from None
        self.check()

    def why_slow(self) -> str:
        """Return what to add to the text of a timeout when the broker blocks publishers."""
        return f" (the broker blocks publishers: {self.blocked})" if self.blocked else ""

    def start_heartbeats(self, interval: int) -> None:
        """Send heartbeats every `interval` seconds when idle, and end when the broker is silent; 0 is never."""
        if interval and self._output is not None:
            self._heartbeats = Heartbeats(interval, self._output, self.fail)

    def fail(self, error: AmqpError) -> None:
        """End because of `error`; tell the broker if it broke the rules of the protocol."""
        if self.is_open and isinstance(error, ProtocolError):
            text = error.text.encode()[:200].decode(errors="ignore")
            self.write(encode_method(0, commands.Connection.Close(error.reply_code, text, 0, 0)))
        self.end(error)

    def fail_for_callback(self, what: str, cause: Exception) -> None:
        """End because a callback of the user raised: a consumer that handles nothing must not look alive."""
        if self.is_open:
            logger.error("the AMQP connection ends because %s raised", what, exc_info=cause)
            self.write(encode_method(0, commands.Connection.Close(541, "the application failed", 0, 0)))
            self.end(_because(f"{what} raised {cause!r}", cause))

    def end(self, error: AmqpError | None) -> None:
        """End once, and tell everything that waits. What was written is still sent, for at most the limit `close`."""
        if not self.is_open:
            return
        self.flush()
        self.is_open = False
        self.ended.set_result(error)
        self.after_read.clear()
        if self._heartbeats is not None:
            self._heartbeats.stop()
        self.resume_writing()
        self.on_end(error or ConnectionLost("it was closed by this side"))
        if self._output is not None and not self.gone.done():
            self._output.transport.close()
            last = self.loop.call_later(self.limits.close, self._output.transport.abort)
            self.gone.add_done_callback(lambda _: last.cancel())

    def abort(self) -> None:
        """Drop the socket at once, with the bytes that were not sent."""
        self.end(ConnectionLost("it was dropped by this side"))
        if self._output is not None:
            self._output.transport.abort()

    def socket_number(self) -> int:
        """Return the socket's file descriptor, -1 when there is none."""
        found = self._output.transport.get_extra_info("socket") if self._output is not None else None
        return -1 if found is None else int(found.fileno())

    def leave_to_parent(self) -> None:
        """End in a forked process, and do not touch the socket, which belongs to the parent."""
        output, self._output = self._output, None
        if not self.gone.done():
            self.gone.set_result(None)
        self.end(ConnectionLost("it belongs to the process from which this one was forked; connect again in this one"))
        if output is not None:
            with suppress(OSError):  # the loop's selector still has the number, which is not that socket any more
                output.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End because the socket is closed."""
        if not self.gone.done():
            self.gone.set_result(None)
        self.end(None if self.closing else _because(str(exc) if exc else "the broker hung up", exc))


def _because(text: str, cause: Exception | None) -> ConnectionLost:
    error = ConnectionLost(text)
    error.__cause__ = cause
    return error


def _ignore(_error: AmqpError) -> None:
    """Do nothing, until the connection has set `on_end`."""
