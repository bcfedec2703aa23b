"""Whether a request is too late for its caller. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

from leveret.errors import DeadlineExceeded, InvalidRequest
from leveret.wire.envelope import DEADLINE, STAMP, TIMEOUT


def due(headers: Mapping[str, Any] | None) -> float:
    """Return a request's deadline in POSIX milliseconds; infinite if it has none.

    If the broker has stamped the message, the caller's timeout counts from that stamp, because the broker's clock is
    the same for all callers. Otherwise the deadline header counts, which the caller has set by its own clock.

    Args:
        headers: the message's headers.

    Raises:
        InvalidRequest: the deadline or the timeout is not a whole number of milliseconds.
    """
    if not headers:
        return inf
    timeout, deadline = headers.get(TIMEOUT), headers.get(DEADLINE)
    if timeout is None and deadline is None:
        return inf
    if deadline is not None and type(deadline) is not int:
        raise InvalidRequest(f"Header {DEADLINE}: expected POSIX milliseconds as a whole number")
    if timeout is not None and type(timeout) is not int:
        raise InvalidRequest(f"Header {TIMEOUT}: expected milliseconds as a whole number")
    stamp = headers.get(STAMP)
    if timeout is not None and type(stamp) is int:
        return stamp + timeout
    return inf if deadline is None else deadline


def exceeded(headers: Mapping[str, Any], now: float, what: str) -> DeadlineExceeded:
    """Return the refusal of a request that is late.

    Args:
        headers: the message's headers, with a deadline that has passed; see `due`.
        now: POSIX time in seconds, by this worker's clock.
        what: the beginning of the error's text, such as ``Request arrived``.
    """
    until, timeout, stamp = due(headers), headers.get(TIMEOUT), headers.get(STAMP)
    whose = "by the caller's clock; the caller's clock and the worker's must agree"
    if timeout is not None and type(stamp) is int:
        whose = (
            f"{timeout} ms after the broker's clock showed {_shown(stamp)}; the broker's and the worker's must agree"
        )
    return DeadlineExceeded(
        f"{what} {now * 1000 - until:.0f} ms after its deadline; it was not executed. "
        f"The worker's clock showed {_shown(now * 1000)}, the deadline was {_shown(until)}, {whose}"
    )


def _shown(milliseconds: float) -> str:
    """Write a moment as ISO 8601 in UTC; a number that is not a moment is shown as it is."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds:.0f}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
