"""When a request is late: by the caller's clock, or counted from the broker's stamp."""

from typing import Any

import pytest

from leveret.errors import DeadlineExceeded, InvalidRequest
from leveret.worker.deadline import due, exceeded

NOW = 1_800_000_000.0
NOW_MS = 1_800_000_000_000


def lateness(headers: dict[str, Any] | None, now: float, what: str) -> DeadlineExceeded | None:
    return exceeded(headers or {}, now, what) if now * 1000 > due(headers) else None


@pytest.mark.parametrize(
    ("headers", "late"),
    [
        (None, None),
        ({}, None),
        ({"other": 1}, None),
        ({"x-deadline": NOW_MS}, None),
        ({"x-deadline": NOW_MS + 1}, None),
        ({"x-deadline": NOW_MS - 1}, 1),
        ({"x-deadline": NOW_MS - 12_000}, 12_000),
        ({"x-timeout": 1000}, None),
        ({"x-timeout": -1}, None),
        ({"timestamp_in_ms": NOW_MS - 9}, None),
        ({"x-timeout": 1000, "timestamp_in_ms": NOW_MS - 1000}, None),
        ({"x-timeout": 1000, "timestamp_in_ms": NOW_MS - 1001}, 1),
        ({"x-timeout": 0, "timestamp_in_ms": NOW_MS}, None),
        ({"x-deadline": NOW_MS - 12_000, "x-timeout": 1000, "timestamp_in_ms": NOW_MS}, None),
        ({"x-deadline": NOW_MS + 12_000, "x-timeout": 1000, "timestamp_in_ms": NOW_MS - 3000}, 2000),
        ({"x-deadline": NOW_MS - 5, "timestamp_in_ms": NOW_MS}, 5),
        ({"x-deadline": NOW_MS - 5, "x-timeout": 1000}, 5),
        ({"x-deadline": NOW_MS - 5, "x-timeout": 1000, "timestamp_in_ms": "now"}, 5),
        ({"x-deadline": NOW_MS + 5, "x-timeout": 1000, "timestamp_in_ms": True}, None),
        ({"x-deadline": -(2**63)}, NOW_MS + 2**63),
        ({"x-timeout": -(2**63), "timestamp_in_ms": -(2**63)}, NOW_MS + 2**64),
        ({"x-timeout": 2**63 - 1, "timestamp_in_ms": 2**63 - 1}, None),
    ],
)
def test_how_late_a_request_is(headers: dict[str, Any] | None, late: int | None) -> None:
    found = lateness(headers, NOW, "Request arrived")
    if late is None:
        assert found is None
    else:
        assert found is not None
        assert found.text.startswith(f"Request arrived {late:.0f} ms after its deadline; it was not executed. ")


@pytest.mark.parametrize("header", ["x-deadline", "x-timeout"])
@pytest.mark.parametrize("value", ["soon", True, 1.5, b"1", {"at": 1}, [1]])
def test_a_time_in_another_form_is_refused_and_named(header: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=rf"^Header {header}: expected (POSIX )?milliseconds as a whole number$"):
        lateness({header: value}, NOW, "Request arrived")


def test_the_refusal_names_the_deadline_and_the_clocks() -> None:
    by_the_caller = lateness({"x-deadline": NOW_MS - 12_000}, NOW, "Request's turn came")
    assert str(by_the_caller) == (
        "Request's turn came 12000 ms after its deadline; it was not executed. The worker's clock showed "
        "2027-01-15T08:00:00.000Z, the deadline was 2027-01-15T07:59:48.000Z, by the caller's clock; the caller's "
        "clock and the worker's must agree"
    )
    by_the_broker = lateness({"x-timeout": 1500, "timestamp_in_ms": NOW_MS - 2000}, NOW, "Request arrived")
    assert str(by_the_broker) == (
        "Request arrived 500 ms after its deadline; it was not executed. The worker's clock showed "
        "2027-01-15T08:00:00.000Z, the deadline was 2027-01-15T07:59:59.500Z, 1500 ms after the broker's clock showed "
        "2027-01-15T07:59:58.000Z; the broker's and the worker's must agree"
    )
