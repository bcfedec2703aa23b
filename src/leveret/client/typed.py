"""What types a call: the action that a function is, and the value of a type that a reply holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from leveret.client.call import ReceivedReply
from leveret.errors import UnexpectedResult
from leveret.wire.words import in_words

if TYPE_CHECKING:  # whoever has the function of an action has loaded it
    from leveret.api import Action


def registered(function: Callable[..., Any]) -> Action:
    """Return the action that a function was registered as.

    Raises:
        ValueError: it was not, or under several names.
    """
    # `leveret.api` wrote it there; to import it would load the api for those who call by name.
    actions: tuple[Action, ...] = getattr(function, "__leveret_actions__", ())
    if len(actions) == 1:
        return actions[0]
    name = getattr(function, "__qualname__", repr(function))
    if not actions:
        raise ValueError(f"{name} is not registered as an action: register it, or call it by its name")
    names = ", ".join(f"{action.version}.{action.name}" for action in actions)
    raise ValueError(f"{name} is registered as {names}: call the one that is meant by its name")


def check_type(result: Any) -> None:
    """Check before anything is sent that results can be read as a type.

    Raises:
        TypeError: msgspec cannot tell the members of a union apart, for example; the text says why.
    """
    msgspec.json.Decoder(result)


def fitted(received: ReceivedReply, action: str, result: Any) -> Any:
    """Return a reply's data as a value of a type.

    Raises:
        UnexpectedResult: the data does not fit.
    """
    reply = received.reply
    try:
        return msgspec.convert(reply.data, result, str_keys=True)
    except msgspec.ValidationError as error:
        kind = result.__name__ if isinstance(result, type) else str(result)
        raise UnexpectedResult(
            f"{action} {reply.correlation_id} was executed, but its result is not of type {kind}: {in_words(error)}",
            reply.correlation_id,
            reply.data,
        ) from error
