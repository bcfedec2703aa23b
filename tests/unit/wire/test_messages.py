"""Our messages: what each carries, and that nothing else makes one."""

import ast
from pathlib import Path

import leveret
from leveret.amqp import Message, Properties
from leveret.wire.attempts import Attempt
from leveret.wire.codec import decode_request
from leveret.wire.envelope import Request
from leveret.wire.messages import (
    letter_headers,
    letter_message,
    redriven_message,
    reply_message,
    request_message,
    retry_message,
)

FOLDER = Path(leveret.__file__).parent
REQUEST = Request("a", "v1", "write", {"text": "x"}, "Ticket x")
ASKED = Properties("application/json", correlation_id="a", reply_to="amq.gen-x", priority=3, headers={"mine": "x"})


def test_only_wire_messages_makes_our_messages() -> None:
    makers = set()
    for path in FOLDER.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if {call.id for call in calls if isinstance(call, ast.Name)} & {"Message", "Properties"}:
            makers.add(path.relative_to(FOLDER).as_posix())
    others = ("amqp/", "contracts/conformance/")  # the driver's own, and what checks programs with wrong messages
    assert {path for path in makers if not path.startswith(others)} == {"wire/messages.py"}


def test_a_request_that_waits_for_its_reply_has_a_deadline_and_one_that_does_not_has_none() -> None:
    waiting, sent = request_message(b"x", "e", "q", "a", (17, 5)), request_message(b"x", "e", "q", "a")
    assert (waiting.exchange, waiting.routing_key, waiting.mandatory, waiting.body) == ("e", "q", True, b"x")
    assert waiting.properties.headers == {"x-deadline": 17, "x-timeout": 5}
    assert waiting.properties.reply_to == "amq.rabbitmq.reply-to"
    assert (sent.properties.headers, sent.properties.reply_to) == (None, None)
    assert sent.properties.delivery_mode == waiting.properties.delivery_mode == 2


def test_a_reply_goes_to_whoever_waits_and_nowhere_else() -> None:
    assert reply_message(b"x", ASKED, "a") == Message(
        b"x", "amq.gen-x", "", Properties(content_type="application/json", correlation_id="a")
    )
    assert reply_message(b"x", Properties(correlation_id="a"), "a") is None


def test_a_reply_names_the_request_although_its_correlation_id_is_missing_or_cannot_be_written() -> None:
    for given in (None, "", "\u00e4" * 200):
        reply = reply_message(b"x", Properties(reply_to="amq.gen-x", correlation_id=given), "a")
        assert reply is not None
        assert reply.properties.correlation_id == "a"


def test_a_retry_copies_no_header_and_carries_what_has_failed() -> None:
    message = retry_message(REQUEST, "q.retry", 2, ASKED, [Attempt("now", "worker", "why")])
    assert (message.exchange, message.routing_key, message.mandatory) == ("", "q.retry", True)
    assert message.properties.headers == {
        "x-retry-count": 2,
        "x-attempts": [{"failed_at": "now", "worker": "worker", "reason": "why"}],
    }
    assert (message.properties.priority, message.properties.reply_to) == (3, "amq.gen-x")
    assert decode_request(message.body) == REQUEST


def test_a_letter_has_its_own_id_and_that_of_its_request() -> None:
    headers = letter_headers("seal", 3, "7", {"x-death": [{"queue": "q"}], "mine": "x"})
    message = letter_message(b"x", "q.dlq", headers, "its own", "a")
    assert (message.exchange, message.routing_key, message.mandatory) == ("", "q.dlq", True)
    assert (message.properties.message_id, message.properties.correlation_id) == ("its own", "a")
    assert message.properties.headers == {
        "x-retry-count": 3,
        "x-seal": "seal",
        "x-principal": "7",
        "x-death": [{"queue": "q"}],
    }


def test_a_letter_of_nobody_says_so_by_leaving_the_principal_out() -> None:
    assert letter_headers("seal") == {"x-retry-count": 0, "x-seal": "seal"}
    assert letter_headers("seal", principal="")["x-principal"] == "", "the anonymous caller was verified as such"


def test_what_is_sent_again_waits_behind_live_requests_and_for_no_reply() -> None:
    message = redriven_message(REQUEST, "e", "q")
    assert (message.exchange, message.routing_key, message.mandatory) == ("e", "q", True)
    assert (message.properties.priority, message.properties.reply_to) == (1, None)
    assert message.properties.headers == {"x-retry-count": 0}
