"""The spans of letters that are sent again, as a collector receives them from an operation and from workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret import Client
from leveret.application.observing import redrive_tracing
from leveret.broker.connecting import connected
from leveret.letters.choice import EVERY_LETTER
from leveret.letters.removal import redrive_letters
from leveret.letters.sender import LetterSender
from leveret.observe.traces.call_tracer import CallTracer
from leveret.observe.traces.exporting import exporting
from leveret.operate.operations import OperatedSystem
from support.operating import Operated, operated
from support.otlp_receiver import Collected, attributes, collecting
from support.serving import Broker

ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.fixture
async def shop(broker: Broker, prefix: str, tmp_path: Path) -> AsyncIterator[Operated]:
    """A system whose workers and operations are traced."""
    url = f"sqlite:///{tmp_path / 'stall.db'}"
    async with operated(broker.url, url, prefix, tmp_path, streams=True) as shop:
        shop.settings = replace(shop.settings, tracing=True)
        shop.system = OperatedSystem(shop.stall.app, shop.settings, shop.system.source)
        yield shop


async def fail(shop: Operated, collected: Collected, name: str) -> None:
    """Have a traced request become a letter."""
    shop.stall.broken = {name}
    token = shop.stall.app.keyring(shop.settings).issue("7", timedelta(hours=1))
    with exporting("caller", "test", collected.url) as tracer:
        client = Client(shop.settings.amqp_url, shop.topology, tracer=CallTracer(tracer))
        async with shop.worker(), client:
            await client.send("order", {"name": name}, token=token, id=name)
            await shop.until_letters(1)
    shop.stall.broken = set()


def linked(span: Any) -> tuple[bytes, bytes]:
    """Return the trace and the span of the only link of a span, which begins a trace of its own."""
    (link,) = span.links
    assert (span.parent_span_id, span.trace_id == link.trace_id) == (b"", False)
    return link.trace_id, link.span_id


async def test_links_lead_from_the_call_over_the_redrive_to_the_attempt_that_succeeded(
    shop: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collected:
        monkeypatch.setenv(ENDPOINT, collected.url)
        await fail(shop, collected, "a")
        plan = await shop.plan()
        async with shop.worker():
            view = await shop.run(plan.view.id)
    assert view.counts.succeeded == 1
    sent, redrive = collected.named("send v1.order"), collected.named("redrive v1.order")
    letter, handled = [span for span in collected.spans if span.name == "process v1.order"]
    assert (letter.trace_id, attributes(letter)["leveret.outcome"]) == (sent.trace_id, "letter")
    assert linked(redrive) == (sent.trace_id, sent.span_id)
    assert linked(handled) == (redrive.trace_id, redrive.span_id)
    assert attributes(handled)["leveret.outcome"] == "ok"
    assert (redrive.kind, redrive.status.code) == (redrive.SPAN_KIND_PRODUCER, 0)
    found = attributes(redrive)
    assert (found["leveret.operation"], found["messaging.message.id"]) == (view.id, "a")
    assert found["messaging.destination.name"] == f"{shop.topology.exchange}:{shop.topology.requests}"
    assert redrive.start_time_unix_nano <= redrive.end_time_unix_nano <= handled.end_time_unix_nano


async def test_a_letter_that_fails_again_names_the_redrive_and_what_no_broker_takes_is_an_error(
    shop: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collected:
        monkeypatch.setenv(ENDPOINT, collected.url)
        await fail(shop, collected, "a")
        shop.stall.broken = {"a"}
        plan = await shop.plan()
        async with shop.worker():
            assert (await shop.run(plan.view.id)).counts.failed == 1
        async with connected(shop.settings.amqp_url) as connection:
            await (await connection.channel()).delete_queue(shop.topology.requests)
        redriver = shop.stall.app.redriver(shop.settings)
        with redrive_tracing(shop.settings, "test") as spans:
            report = await redrive_letters(
                shop.settings.amqp_url, LetterSender(redriver, spans), EVERY_LETTER, lambda _: None
            )
    assert (report.done, report.kept) == (0, 1)
    first, second = [span for span in collected.spans if span.name == "redrive v1.order"]
    assert linked(second) == (first.trace_id, first.span_id)
    assert second.status.code == second.status.STATUS_CODE_ERROR
    assert attributes(second)["error.type"] == "refused"
