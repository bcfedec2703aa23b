"""What of an HTTP caller's trace is told to the worker."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from leveret.web.gateway.passed_traces import PassedTraces, note_trace

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def told(*headers: tuple[str, str]) -> dict[str, str]:
    """The headers of a message whose request came with some."""

    def ask() -> dict[str, str]:
        note_trace({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers]})
        with PassedTraces().call("v1.act", "id", "exchange", "queue") as found:
            return dict(found)

    return copy_context().run(ask)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        ([("traceparent", PARENT)], {"traceparent": PARENT}),
        (
            [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")],
            {"traceparent": PARENT, "tracestate": "a=1,b=2"},
        ),
        ([("traceparent", PARENT), ("traceparent", PARENT)], {}),
        ([("tracestate", "a=1")], {}),
        ([("traceparent", "nonsense")], {}),
    ],
)
def test_a_trace_is_told_whole_or_not_at_all(headers: list[tuple[str, str]], expected: dict[str, str]) -> None:
    assert told(*headers) == expected
