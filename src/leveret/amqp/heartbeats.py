"""Heartbeats of a connection, in both directions (AMQP 0-9-1 section 4.2.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leveret.amqp.errors import ConnectionLost
from leveret.amqp.frames import HEARTBEAT
from leveret.amqp.output import Output


class Heartbeats:
    """Sends a heartbeat after half an interval without a write, and notices when nothing is read for two intervals.

    Time is counted in ticks of the loop's timer and not by the clock. So an event loop that was held up for long does
    not conclude that the broker was silent.

    Args:
        interval: Seconds, above 0.
        output: What the connection writes.
        on_silence: Called with the error when the broker is silent.
    """

    def __init__(self, interval: int, output: Output, on_silence: Callable[[ConnectionLost], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._half_interval = interval / 2
        self._output, self._on_silence = output, on_silence
        self._silent = 0
        self._sent = output.sent
        self._timer = self._loop.call_later(self._half_interval, self._tick)

    def heard(self) -> None:
        """Note that something was read."""
        self._silent = 0

    def stop(self) -> None:
        """Send no more heartbeats."""
        self._timer.cancel()

    def _tick(self) -> None:
        self._silent += 1
        if self._silent > 4:
            self._on_silence(ConnectionLost(f"nothing was heard for {self._half_interval * 4:g} s, two heartbeats"))
            return
        if self._output.sent == self._sent:
            self._output.transport.write(HEARTBEAT)
        self._sent = self._output.sent
        self._timer = self._loop.call_later(self._half_interval, self._tick)
