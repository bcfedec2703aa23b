"""Whether a request comes too late for its caller: where deadlines are checked. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leveret.errors import DeadlineExceeded, InvalidRequest
from leveret.wire.envelope import DEADLINE, STAMP, TIMEOUT


def lateness(headers: Mapping[str, Any] | None, now: float, what: str) -> DeadlineExceeded | None:
    """Compare a request's deadline with the clock.

    Where the broker has stamped the message, the caller's timeout counts from that stamp, because the broker's clock is
    the same for all callers. Otherwise the deadline counts, which the caller has worked out by its own clock.

    Args:
        headers: of the message.
        now: POSIX time in seconds, by this worker's clock.
        what: the beginning of the error's text, such as ``Request arrived``.

    Returns:
        The refusal of a request that is late, or None.

    Raises:
        InvalidRequest: the deadline or the timeout is not a whole number of milliseconds.
    """
    if not headers:
        return None
    timeout, deadline = headers.get(TIMEOUT), headers.get(DEADLINE)
    if timeout is None and deadline is None:
        return None
    _check(DEADLINE, deadline, "POSIX milliseconds as a whole number")
    _check(TIMEOUT, timeout, "milliseconds as a whole number")
    stamp = headers.get(STAMP)
    until, whose = deadline, "by the caller's clock; the caller's clock and the worker's must agree"
    if timeout is not None and type(stamp) is int:
        until = stamp + timeout
        whose = (
            f"{timeout} ms after the broker's clock showed {_shown(stamp)}; the broker's and the worker's must agree"
        )
    if until is None or (late := now * 1000 - until) <= 0:
        return None
    return DeadlineExceeded(
        f"{what} {late:.0f} ms after its deadline; it was not executed. "
        f"The worker's clock showed {_shown(now * 1000)}, the deadline was {_shown(until)}, {whose}"
    )


def _check(header: str, value: object, expected: str) -> None:
    if value is not None and type(value) is not int:
        raise InvalidRequest(f"Header {header}: expected {expected}")


def _shown(milliseconds: float) -> str:
    """Write a moment as ISO 8601 in UTC; a number that is not a moment is shown as it is."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds:.0f}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
