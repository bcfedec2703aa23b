"""The spans of a request from its call to its end, as a collector receives them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from leveret.client import Client
from leveret.errors import RequestError
from leveret.observe.traces.call_tracer import CallTracer
from leveret.observe.traces.exporting import exporting
from leveret.observe.traces.request_tracer import RequestTracer
from leveret.topology import Topology
from support.notes import note_api
from support.otlp_receiver import attributes, collecting
from support.serving import Broker, Caller, serving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def write(request_id: str, auth: str, then: str = "") -> dict[str, Any]:
    data = {"text": "x", "then": then}
    return {"id": request_id, "version": "v1", "action": "write", "data": data, "auth": auth}


async def test_a_call_and_what_the_worker_does_are_one_trace(
    broker: Broker, topology: Topology, database: str, token: str
) -> None:
    with collecting() as collected, exporting("notes", "worker 1", collected.url) as tracer:
        serves = serving(note_api(), broker.url, topology, database, services=[], observers=[RequestTracer(tracer)])
        async with serves, Client(broker.url, topology=topology, tracer=CallTracer(tracer)) as client:
            await client.call("write", {"text": "x"}, token=token, id="a-1")
    sent, process = collected.named("send v1.write"), collected.named("process v1.write")
    assert (process.trace_id, process.parent_span_id) == (sent.trace_id, sent.span_id)
    assert (sent.kind, process.kind) == (sent.SPAN_KIND_PRODUCER, process.SPAN_KIND_CONSUMER)
    parts = {span.name: span for span in collected.spans if span.parent_span_id == process.span_id}
    assert set(parts) == {"wait", "handle", "commit", "settle"}
    times = [parts[name].start_time_unix_nano for name in ("wait", "handle", "commit", "settle")]
    assert [process.start_time_unix_nano, *times, process.end_time_unix_nano] == sorted(
        [process.start_time_unix_nano, *times, process.end_time_unix_nano]
    )
    assert collected.services == {"notes"}
    found = attributes(process)
    assert found["messaging.system"] == "rabbitmq"
    assert (found["messaging.operation.name"], found["messaging.operation.type"]) == ("process", "process")
    assert found["messaging.destination.name"] == f"{topology.exchange}:{topology.requests}"
    assert found["messaging.rabbitmq.destination.routing_key"] == topology.requests
    assert (found["messaging.message.id"], found["messaging.message.conversation_id"]) == ("a-1", "a-1")
    assert (found["leveret.outcome"], found["leveret.attempt"]) == ("ok", 1)


async def test_retries_are_traces_of_their_own_with_a_link_to_the_caller(
    broker: Broker, topology: Topology, database: str, token: str, caller: Caller
) -> None:
    parent = f"00-{TRACE}-{SPAN}-01"
    with collecting() as collected, exporting("notes", "worker 1", collected.url) as tracer:
        observers = [RequestTracer(tracer)]
        async with serving(note_api(), broker.url, topology, database, services=[], most=1, observers=observers):
            asked = write("a-1", token, "after:bug")
            await caller.send(asked, headers={"traceparent": parent, "tracestate": "vendor=1", "other": "x"})
            reply = await caller.reply()
    assert reply["status"] == "error"
    first, second = [span for span in collected.spans if span.name == "process v1.write"]
    assert (first.trace_id.hex(), first.parent_span_id.hex(), first.trace_state) == (TRACE, SPAN, "vendor=1")
    assert (second.parent_span_id, second.trace_id.hex() == TRACE) == (b"", False)
    (link,) = second.links
    assert (link.trace_id.hex(), link.span_id.hex()) == (TRACE, SPAN)
    assert [attributes(span)["leveret.outcome"] for span in (first, second)] == ["retry", "letter"]
    assert [attributes(span)["leveret.attempt"] for span in (first, second)] == [1, 2]
    ends = [
        [part.name for part in collected.spans if part.parent_span_id == span.span_id][-1] for span in (first, second)
    ]
    assert ends == ["retry", "settle"]
    assert {span.status.code for span in (first, second)} == {first.status.STATUS_CODE_ERROR}


async def test_requests_that_shared_a_transaction_have_links_to_the_span_of_their_batch(
    broker: Broker, topology: Topology, database: str, token: str, caller: Caller
) -> None:
    for number in range(8):
        await caller.send(write(f"b-{number}", token))
    with collecting() as collected, exporting("notes", "worker 1", collected.url) as tracer:
        async with serving(note_api(), broker.url, topology, database, services=[], observers=[RequestTracer(tracer)]):
            for _ in range(8):
                await caller.reply()
    batches = {span.span_id: span for span in collected.spans if span.name == "batch"}
    commits = [span for span in collected.spans if span.name == "commit"]
    linked = Counter(link.span_id for span in commits for link in span.links)
    assert batches, "eight requests that wait are not taken one by one"
    assert linked == {key: attributes(span)["messaging.batch.message_count"] for key, span in batches.items()}
    for span in commits:
        for link in span.links:
            batch = batches[link.span_id]
            assert batch.trace_id == link.trace_id != span.trace_id
            assert batch.start_time_unix_nano <= span.start_time_unix_nano
            assert batch.parent_span_id == b""


async def test_a_header_that_is_not_a_context_starts_a_trace(
    broker: Broker, topology: Topology, database: str, token: str, caller: Caller
) -> None:
    with collecting() as collected, exporting("notes", "worker 1", collected.url) as tracer:
        async with serving(note_api(), broker.url, topology, database, services=[], observers=[RequestTracer(tracer)]):
            await caller.send(write("a-1", token), headers={"traceparent": "00-nonsense"})
            await caller.reply()
    process = collected.named("process v1.write")
    assert process.parent_span_id == b""
    assert not process.links


async def test_a_call_that_fails_says_with_which_error(broker: Broker, topology: Topology, database: str) -> None:
    with collecting() as collected, exporting("notes", "worker 1", collected.url) as tracer:
        serves = serving(note_api(), broker.url, topology, database, services=[])
        async with serves, Client(broker.url, topology=topology, tracer=CallTracer(tracer)) as client:
            with pytest.raises(RequestError):
                await client.call("write", {"text": "x"}, token="wrong")
    assert attributes(collected.named("send v1.write"))["error.type"] == "unauthenticated"
