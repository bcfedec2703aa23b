"""What a worker does with a request before its action runs, for requests that nobody sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from leveret.application import Application
from leveret.auth.keyring import Keyring
from leveret.errors import InvalidRequest, RequestError
from leveret.wire.codec import decode_request, encode_json, refusal

_POSITION: Final = re.compile(r"\[(?:\d+|\.\.\.)\]")
_ID: Final = "contract"
_CALLER: Final = "1"
_SECRET: Final = b"signs the tokens of no real caller"


class RefusedMessage(Struct, frozen=True):
    """A request that is refused.

    Attributes:
        request: the body of the message.
        reply: the body of the answer.
        error: why.
    """

    request: dict[str, Any]
    reply: dict[str, Any]
    error: RequestError

    @property
    def by_own_rule(self) -> bool:
        """Whether a rule of the application's own refused it, in ``__post_init__``, where all types fitted."""
        cause = self.error.__cause__
        return not isinstance(cause, msgspec.ValidationError) or cause.__cause__ is not None

    @property
    def place(self) -> str:
        """Which field is wrong, such as ``items[*].title``; empty where the error names none."""
        cause = self.error.__cause__
        if not isinstance(cause, msgspec.ValidationError):
            return ""
        path = str(cause).partition(" - at `")[2].rstrip("`").removeprefix("key` in `")
        return _POSITION.sub("[*]", path.removeprefix("$").removeprefix("."))


class WorkersDoor:
    """Takes requests for the actions of an application as its workers do, with their decoders.

    Args:
        app: the application; all of its actions are registered.
    """

    def __init__(self, app: Application[Any]) -> None:
        self._app = app
        self._keyring = Keyring(_SECRET, issuer=app.name)
        self.token = self._keyring.issue(_CALLER, timedelta(hours=1))

    def refuse(self, name: str, data: Mapping[str, Any], *, with_token: bool = True) -> RefusedMessage | None:
        """Return how a request is refused; None if it would be executed.

        Args:
            name: version and name of the action.
            data: its input.
            with_token: whether the caller has logged in.
        """
        version, _, action = name.partition(".")
        request = {"id": _ID, "version": version, "action": action, "data": data}
        try:
            self._take(encode_json({**request, "auth": self.token} if with_token else request))
        except RequestError as error:
            return RefusedMessage(request, msgspec.json.decode(refusal(_ID, error)), error)
        return None

    def _take(self, body: bytes) -> None:
        request = decode_request(body)
        action = self._app.find(request.version, request.action)
        if not action.public:
            self._keyring.verify(request.auth)
        try:
            action.arguments(request.data)
        except RequestError:
            raise
        except Exception as error:  # a rule of the application's own types that fails is no rule that accepts
            raise InvalidRequest(f"{type(error).__name__}: {error}") from error
