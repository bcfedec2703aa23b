import pytest

from leveret.amqp import AmqpError, ChannelClosed, ConnectionLost, InequivalentArguments, ProtocolError, errors
from leveret.amqp.errors import channel_closed

QUEUE = (
    "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'it's' in vhost '/': "
    "received the value 'quorum' of type 'longstr' but current is none"
)
EXCHANGE = (
    "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost 'v': "
    "received 'fanout' but current is 'direct'"
)


@pytest.mark.parametrize(
    ("text", "kind", "name", "argument", "wanted", "current"),
    [
        (QUEUE, "queue", "it's", "x-queue-type", "the value 'quorum' of type 'longstr'", "none"),
        (EXCHANGE, "exchange", "x", "type", "'fanout'", "'direct'"),
    ],
)
def test_inequivalent_arguments_are_read_from_the_broker_s_words(
    text: str, kind: str, name: str, argument: str, wanted: str, current: str
) -> None:
    error = channel_closed(406, text)
    assert isinstance(error, InequivalentArguments)
    assert (error.kind, error.name, error.argument) == (kind, name, argument)
    assert (error.wanted, error.current) == (wanted, current)
    assert all(word in str(error) for word in (kind, argument, wanted, current, "delete"))


@pytest.mark.parametrize(
    ("code", "text", "fatal"),
    [
        (404, "NOT_FOUND", False),
        (403, "ACCESS_REFUSED", True),
        (406, "PRECONDITION_FAILED - unknown delivery tag 9", False),
    ],
)
def test_other_closes_keep_code_and_words_and_only_a_refusal_is_fatal(code: int, text: str, fatal: bool) -> None:
    error = channel_closed(code, text)
    assert type(error) is ChannelClosed
    assert (error.reply_code, error.text, error.fatal) == (code, text, fatal)
    assert str(error) == f"channel closed: {text} (code {code})"


def test_a_fresh_error_is_equal_but_has_no_traceback() -> None:
    cause = ValueError("cause")
    error = ProtocolError("nonsense", 505)
    error.__cause__ = cause
    with pytest.raises(ProtocolError):
        raise error
    fresh = error.fresh()
    assert fresh is not error
    assert (str(fresh), fresh.reply_code, fresh.text, fresh.__cause__) == (str(error), 505, error.text, cause)
    assert fresh.__traceback__ is None


def test_every_error_is_an_amqp_error_and_stands_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    made = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AmqpError)]
    assert len(made) == 14
    assert [each.__name__ for each in made if each.__name__ not in drawn] == []
    assert issubclass(ProtocolError, ConnectionLost)
