from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from leveret.api import Context, Event, KeptEvent
from leveret.auth.keyring import ANONYMOUS, Principal
from leveret.wire.envelope import Request


def test_a_context_gives_a_connection_or_a_transaction_but_not_both() -> None:
    request = Request("a", "v1", "act", {})
    with sa.create_engine("sqlite://").connect() as connection:
        inside: Context[None] = Context(request, ANONYMOUS, None, datetime.now(UTC), connection=connection)
        assert inside.connection is connection
    outside: Context[None] = Context(request, ANONYMOUS, None, datetime.now(UTC))
    with pytest.raises(RuntimeError, match=r"await context.transaction"):
        _ = outside.connection


def test_an_event_is_for_the_caller_unless_it_names_somebody_else() -> None:
    kept: list[KeptEvent] = []
    with sa.create_engine("sqlite://").connect() as connection:
        context: Context[None] = Context(
            Request("r", "v1", "act", {}),
            Principal("ada"),
            None,
            datetime.now(UTC),
            connection=connection,
            keep_event=lambda _, event: kept.append(event),
        )
        context.add_event(Event("shop.order.sent.v1", {"id": 7}, "7"))
        context.add_event(Event("shop.order.sent.v1", {"id": 8}, principal="bob"))
    assert kept == [
        KeptEvent("ada", "shop.order.sent.v1", "7", '{"id":7}', "r"),
        KeptEvent("bob", "shop.order.sent.v1", "", '{"id":8}', "r"),
    ]


@pytest.mark.parametrize(
    ("event", "error", "words"),
    [
        (Event("sent", {}), ValueError, "'sent' cannot be an event's type"),
        (Event("Shop.sent", {}), ValueError, "small letters"),
        (Event("shop." + "x" * 124, {}), ValueError, "up to 128"),
        (Event("shop.sent", {}, "x" * 129), ValueError, "up to 128 characters"),
        (Event("shop.sent", {}, "a\0"), ValueError, "no NUL"),
        (Event("shop.sent", "x" * 65_535), ValueError, "65537 bytes"),
        (Event("shop.sent", object()), TypeError, "object"),
        (Event("shop.sent", {}), ValueError, "for nobody"),
    ],
)
def test_an_event_that_cannot_be_stored_is_refused(event: Event, error: type[Exception], words: str) -> None:
    request = Request("a", "v1", "act", {})
    public: Context[None] = Context(request, ANONYMOUS, None, datetime.now(UTC), keep_event=lambda _c, _e: None)
    known: Context[None] = Context(
        request, Principal("ada"), None, datetime.now(UTC), keep_event=lambda _c, _e: pytest.fail("it was kept")
    )
    with pytest.raises(error, match=words):
        (public if words == "for nobody" else known).add_event(event)


def test_an_async_action_names_the_connection_of_its_transaction() -> None:
    request = Request("a", "v1", "act", {})
    context: Context[None] = Context(
        request, Principal("ada"), None, datetime.now(UTC), keep_event=lambda _c, _e: pytest.fail("it was kept")
    )
    with pytest.raises(RuntimeError, match=r"await context.transaction"):
        context.add_event(Event("shop.sent", {}))
