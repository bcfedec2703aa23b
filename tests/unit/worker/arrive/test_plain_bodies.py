"""What libraries write about a body, and before it, does not keep a plain one from being read."""

from typing import Any

import pytest
from msgspec.structs import replace

from leveret.outcome import Answer
from leveret.worker.arrive.intake import Intake
from leveret.worker.work import DeclinedDelivery, Work
from support.handmade_deliveries import delivery_of
from support.serving import keyring
from taskmanager.actions import app

"""Nothing is executed here."""

REQUEST = {"id": "a", "version": "v1", "action": "health_check", "data": {}}


def taken(encoding: str | None, before: bytes = b"") -> Any:
    delivery = delivery_of(REQUEST)
    properties = replace(delivery.properties, content_encoding=encoding)
    return Intake(app, keyring()).take(replace(delivery, properties=properties, body=before + delivery.body))


@pytest.mark.parametrize(
    "encoding",
    [None, "", "utf-8", "UTF-8", "Utf8", "UTF8", "us-ascii", "US-ASCII", "ascii", "identity", "Identity", " utf-8 "],
)
def test_a_plain_body_is_read_whatever_its_library_calls_that(encoding: str | None) -> None:
    assert isinstance(taken(encoding), Work)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "utf-16", "utf-8, gzip", "latin-1", "br", "binary", "utf-8\x00"])
def test_a_body_that_is_packed_or_written_otherwise_is_refused(encoding: str) -> None:
    refused = taken(encoding)
    assert isinstance(refused, DeclinedDelivery)
    assert isinstance(refused.outcome, Answer)
    assert refused.outcome.code == "invalid_request"
    assert b"is not supported: send plain UTF-8 JSON" in refused.outcome.body


def test_a_byte_order_mark_before_a_body_is_left_aside() -> None:
    work = taken(None, b"\xef\xbb\xbf")
    assert isinstance(work, Work)
    assert work.request == taken(None).request
