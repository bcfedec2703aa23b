"""The stream of events stands in the document of an application that has one, and in no other."""

from __future__ import annotations

import pytest

from leveret import App
from leveret.contracts.event_stream import EVENT_STREAM
from leveret.contracts.openapi import build_openapi


@pytest.mark.parametrize("events", [True, False])
def test_an_application_with_events_has_the_stream_in_its_document(*, events: bool) -> None:
    app = App("shop", events=events)
    app.complete()
    document = build_openapi(app)
    assert (EVENT_STREAM in document["paths"]) is events
    assert ("CloudEvent" in document["components"]["schemas"]) is events
    if events:
        stream = document["paths"][EVENT_STREAM]["get"]
        assert stream["security"] == [{"token": []}]
        assert list(stream["responses"]["200"]["content"]) == ["text/event-stream"]
        assert {"400", "401", "429", "503"} <= stream["responses"].keys()
        references = [each["$ref"] for status, each in stream["responses"].items() if status != "200"]
        assert {name.rpartition("/")[2] for name in references} <= document["components"]["responses"].keys()
