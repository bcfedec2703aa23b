"""Which observers the settings ask for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from leveret import Settings
from leveret.application.observing import observing
from leveret.observe.traces.request_tracer import RequestTracer


def test_without_settings_there_is_none() -> None:
    with observing(Settings(), "worker") as found:
        assert not list(found)


def test_traces_that_are_wanted_have_an_observer() -> None:
    with observing(replace(Settings(), tracing=True), "worker") as found:
        (tracer,) = found
        assert isinstance(tracer, RequestTracer)


def test_a_worker_that_does_not_trace_does_not_import_opentelemetry() -> None:
    program = "import sys, leveret.client, leveret.application.serving; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "leveret.application.observing" in done.stdout.split()
    assert "opentelemetry" not in done.stdout
