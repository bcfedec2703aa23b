"""Sends spans by OTLP over HTTP; it needs the extra ``leveret[tracing]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer


@contextmanager
def exporting(application: str, worker: str, endpoint: str | None = None) -> Iterator[Tracer]:
    """Yield a tracer whose spans go to a collector; those that wait are sent at the end of the block.

    Where they go, and which of them, the variables ``OTEL_...`` say, see the SDK's documentation.

    Args:
        application: the service's name, unless ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES`` has another one.
        worker: the instance's name.
        endpoint: address for spans; None for that of the variables, or ``http://localhost:4318/v1/traces``.
    """
    ours = Resource.create({"service.name": application, "service.instance.id": worker})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    try:
        yield provider.get_tracer("leveret")
    finally:
        provider.shutdown()
