"""The vectors of clients: what happens to a client program, and what it does."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Asked(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One call that a client program is told to make: a line of its input.

    Attributes:
        action: name of the action.
        data: its input.
        version: of the API.
        timeout: seconds for the whole call.
        auth: a token; empty for none.
        id: the request's id; empty if the program makes one.
    """

    action: str
    data: dict[str, Any]
    version: str = "v1"
    timeout: float = 20.0
    auth: str = ""
    id: str = ""


class Act(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the worker of a script does when a request has come.

    Attributes:
        act: send a reply, or cut all connections of the client.
        to: number of the request that is answered, from 1; 0 for the one that has come.
        correlation_id: property of the reply, instead of the request's.
        fields: fields of the reply that differ from a result with the request's data.
        raw: the reply's body as a text, instead of a response.
    """

    act: Literal["reply", "cut"]
    to: int = 0
    correlation_id: str = ""
    fields: dict[str, Any] = {}
    raw: str = ""


class Script(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happens to a client.

    Attributes:
        calls: what it is told to call, one after the other.
        requests: what the worker does when the first request has come, the second, and so on; nothing for others.
        broker: takes requests, returns them because no queue takes them, or refuses them because the queue is full.
    """

    calls: list[Asked]
    requests: list[list[Act]]
    broker: Literal["takes", "returns", "refuses"] = "takes"


class CallOutcome(Struct, frozen=True, omit_defaults=True):
    """What a client program tells of one call: a line of its output. Other fields are ignored.

    Attributes:
        outcome: the action's result; an error response, or the refusal of a full queue as ``overloaded``; the request
            is certainly not in the queue; nothing is known.
        id: the request's id, to ask again with.
        data: the result.
        code: of the error.
        error: text of the error.
        details: of the error.
    """

    outcome: Literal["result", "error", "not_sent", "no_answer"]
    id: str = ""
    data: Any = None
    code: str | None = ""
    error: str | None = ""
    details: dict[str, Any] | None = None


class ClientDuty(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a client does.

    Attributes:
        outcomes: what it tells of each call; an empty id stands for any.
        ids: for each request that the worker gets, the number of its id in the order of their appearance: ``[1, 1]`` is
            one request and its repetition, with the same content.
    """

    outcomes: list[CallOutcome]
    ids: list[int]


class ClientVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A script, and what a client does in it."""

    name: str
    why: str
    input: Script
    expected: ClientDuty
