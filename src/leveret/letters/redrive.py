"""Which dead letter may be sent again, and as which message. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from leveret.amqp import Delivery, Message
from leveret.api import Action, Api
from leveret.auth.claims import LEEWAY
from leveret.auth.keyring import Keyring, Principal, Ticket
from leveret.errors import BY_CODE, Internal, InvalidRequest, LeveretError, RetriesExhausted, UnknownAction
from leveret.outcome import RETRIES_EXHAUSTED, WORKERS_DIED
from leveret.topology import Topology
from leveret.wire.codec import decode_request, encode_json, imprint
from leveret.wire.envelope import PRINCIPAL, SEAL, Request
from leveret.wire.letter import WORKERS_DIED_CODE, LetterBody, decode_letter
from leveret.wire.limits import LARGEST_MOVED_REQUEST, LARGEST_REQUEST
from leveret.wire.messages import redriven_message

_MOVED: Final = (
    "no worker wrote this: the broker moved the message here as its caller sent it (it expired, or somebody rejected "
    "it); have its caller ask again with the same id, then discard it"
)
_TOO_OLD: Final = (
    "it failed at {at}, longer ago than responses are kept: were its request sent again, nothing would keep it from "
    "having its effect twice; have its caller ask with a new id, then discard it"
)
_UNSEALED: Final = (
    "it has no seal of a worker with this secret: it was written before letters had one, under another secret, for "
    "another queue, or it is forged; have its caller ask again with the same id"
)
_INCOMPLETE: Final = (
    "it lacks what must not be written down, such as a password, or a token in its data; "
    "have its caller ask again with the same id"
)
_TOO_LARGE: Final = (
    "with the ticket that names its caller it would be larger than a request may be; "
    "have its caller ask again with the same id"
)
_DEADLY: Final = (
    f"{WORKERS_DIED}, and it would kill them again: with --all it is not sent; "
    "name it by its id once the cause is mended"
)
_NOT_JUDGED: Final = frozenset(code for code, kind in BY_CODE.items() if not kind.kept)
"""Codes that say of one attempt that it was not executed, and nothing of others."""
_FOR_THE_MOMENT: Final = (
    "it was refused ({code}) for the moment only, and may have been executed at another one, which may be so long ago "
    "that nothing would keep it from having its effect twice; have its caller ask again, then discard it"
)
_ANONYMOUS: Final = "its caller was never authenticated, and {name} needs one; have its caller ask again with a token"


class NotRedrivable(LeveretError):
    """This letter cannot be sent again; the text says why and what to do.

    Attributes:
        cause: a word that letters have in common which cannot be sent again for the same reason.
    """

    def __init__(self, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.cause = cause


class Redriver:
    """Makes the requests as which dead letters are sent again.

    A letter is believed only with the seal of a worker, because a message that the broker moved to the dead-letter
    queue has the headers that its caller chose. Its request needs no new token: a ticket names the caller who was
    verified then. The request has its effect once, however often it is sent, as long as its response is kept. So a
    letter that is older than that is refused. So is a letter whose request was refused for the moment only, because it
    may have been executed before. The ticket ends when the response would, so that the request does not run later.

    Args:
        topology: names at the broker.
        keyring: the workers' own, or one with the same secret.
        api: tells which actions are public.
        retention: how long responses are kept.
        clock: POSIX time in seconds.
    """

    def __init__(
        self,
        topology: Topology,
        keyring: Keyring,
        api: Api,
        *,
        retention: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.topology = topology
        self._keyring = keyring
        self._api = api
        self._retention = retention
        self._clock = clock

    def message(self, delivery: Delivery, *, named: bool) -> Message:
        """Make a fresh message of a letter; see `leveret.wire.messages.redriven_message`.

        Args:
            delivery: the letter.
            named: somebody asked for this very letter, so it may be sent although workers died on it.

        Raises:
            NotRedrivable: no worker wrote the letter, it is too old, it lacks something, its action is unknown here,
                workers died on it, or nobody knows whether it was executed before.
        """
        letter, principal = self._believed(delivery)
        _check_code(letter, named=named)
        until = self._end(letter)
        request, action = self._request(letter)
        auth = self._auth(request, action, principal, until)
        sent = msgspec.structs.replace(request, auth=auth)
        message = redriven_message(sent, self.topology.exchange, self.topology.requests, delivery.properties.headers)
        if len(message.body) > LARGEST_REQUEST:
            raise NotRedrivable(_TOO_LARGE, "too_large")
        return message

    def _believed(self, delivery: Delivery) -> tuple[LetterBody, str | None]:
        """Return a letter's body, and the subject whose request it was; None where nobody was verified."""
        headers = delivery.properties.headers or {}
        try:
            letter = decode_letter(delivery.body)
        except ValueError:
            raise NotRedrivable(_MOVED, "moved_by_broker") from None
        principal, seal = headers.get(PRINCIPAL), headers.get(SEAL)
        if not isinstance(seal, str) or not (principal is None or isinstance(principal, str)):
            raise NotRedrivable(_UNSEALED, "unsealed")
        if not self._keyring.is_letter_sealed(self.topology.dead_letters, principal, delivery.body, seal):
            raise NotRedrivable(_UNSEALED, "unsealed")
        return letter, principal

    def _end(self, letter: LetterBody) -> float:
        """Return the POSIX time at which the ticket must end: a ticket is believed a little longer than it says."""
        end = datetime.fromisoformat(letter.failed_at) + self._retention - LEEWAY
        if end <= datetime.fromtimestamp(self._clock(), UTC):
            raise NotRedrivable(
                _TOO_OLD.format(at=letter.failed_at),
                "too_old",
            )
        return end.timestamp()

    def _request(self, letter: LetterBody) -> tuple[Request, Action]:
        try:
            request = decode_request(encode_json(letter.request), LARGEST_MOVED_REQUEST)
            return request, self._api.find(request.version, request.action)
        except InvalidRequest as error:
            raise NotRedrivable(f"it holds no request that could be sent: {error}", "no_request") from None
        except UnknownAction as error:
            text = f"{error}: run the command in the version that the workers run"
            raise NotRedrivable(text, "unknown_action") from None

    def _auth(self, request: Request, action: Action, principal: str | None, until: float) -> str:
        if principal:
            return self._keyring.issue_ticket(Ticket(Principal(principal), imprint(request), 0), until=until)
        if action.public:
            return ""
        raise NotRedrivable(_ANONYMOUS.format(name=request.name), "anonymous")


def _check_code(letter: LetterBody, *, named: bool) -> None:
    if letter.redrivable is False:
        raise NotRedrivable(_INCOMPLETE, "incomplete")
    code = code_of_older_letter(letter.reason) if letter.code is UNSET else letter.code
    if code in _NOT_JUDGED:
        raise NotRedrivable(_FOR_THE_MOMENT.format(code=code), "refused_for_the_moment")
    if not named and code == WORKERS_DIED_CODE:
        raise NotRedrivable(_DEADLY, "workers_died")


def code_of_older_letter(reason: str) -> str:
    """Return the code of a letter that was written before letters had one, as far as its reason tells.

    Only for such letters: the reason is a sentence for people, and an error's text in it may look like another one.
    """
    begin, found, _ = reason.partition(": ")
    if found and begin in _NOT_JUDGED:
        return begin
    if reason.endswith(WORKERS_DIED):
        return WORKERS_DIED_CODE
    if reason.startswith(RETRIES_EXHAUSTED):
        return RetriesExhausted.code
    return begin if found and begin in BY_CODE else Internal.code
