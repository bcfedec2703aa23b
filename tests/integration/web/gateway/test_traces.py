"""The caller's trace reaches the worker, over both forms: its log line has the trace's id."""

from __future__ import annotations

import logging

import pytest

from leveret.observe.logs import MORE_FIELDS
from support.gateways import HttpCaller

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def traces(caplog: pytest.LogCaptureFixture, logger: str) -> list[str | None]:
    """The traces that the lines of a logger about requests name."""
    lines = [each for each in caplog.records if each.name == logger and hasattr(each, MORE_FIELDS)]
    return [getattr(each, MORE_FIELDS)().get("trace_id") for each in lines]


@pytest.mark.parametrize(
    ("sent", "found"), [(PARENT, TRACE), ("", None), (PARENT.upper(), None), (f"{PARENT}-more", None)]
)
async def test_a_trace_goes_from_the_caller_to_the_worker(
    caller: HttpCaller, caplog: pytest.LogCaptureFixture, sent: str, found: str | None
) -> None:
    caplog.set_level(logging.INFO)
    headers = {"traceparent": sent} if sent else {}
    assert (await caller.ask("GET", "/api/v1/health", **headers)).status_code == 200
    assert (traces(caplog, "leveret.worker"), traces(caplog, "leveret.gateway")) == ([found], [found])
