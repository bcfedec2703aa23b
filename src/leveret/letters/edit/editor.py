"""Makes the letter that takes the place of one whose data is changed. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, structs

from leveret.amqp import Delivery
from leveret.api import Action, Api
from leveret.auth.keyring import Keyring
from leveret.errors import InvalidRequest, LeveretError
from leveret.letters.edit.patch import PatchProblem
from leveret.letters.index.entries import stored_key
from leveret.letters.key import letter_key
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.wire.codec import decode_object, encode_json
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.letter import LetterBody, LetterEdit, decode_letter
from leveret.wire.masking import without_secrets

_NO_OBJECT: Final = "the data of a request is a JSON object, and the patch would make something else of it"
_UNCHANGED: Final = "the patch changes nothing in it"
_NOT_WRITABLE: Final = "the patch would put a secret or a token into it, and no letter may hold one"

Change = Callable[[Action, Mapping[str, Any]], Any]
"""Returns what is made of the data of a request of an action; raises a PatchProblem if it cannot be changed."""


class NotEdited(LeveretError):
    """The data of this letter cannot be changed; the text says why and what to do."""


class EditedLetter(Struct, frozen=True):
    """A letter whose data is changed.

    Attributes:
        key: the key of the former letter, as an index has it.
        former: the body of the former letter.
        principal: whose request it is.
        request_id: the id of the request, which stays.
        before: the data before.
        after: the data now.
        letter: the letter that takes the former one's place, with an id and a seal of its own.
    """

    key: str
    former: bytes
    principal: str
    request_id: str
    before: dict[str, Any]
    after: dict[str, Any]
    letter: Delivery


class LetterEditor:
    """Makes edited letters: everything but the data of the request stays as it was.

    Only what could be sent again is edited, and what comes out can be sent again: both are asked of the redriver.

    Args:
        redriver: says which letters could be sent again.
        keyring: seals the new letter.
        api: the actions, with today's types of their input.
        secrets: names of fields whose values no letter may hold.
    """

    def __init__(self, redriver: Redriver, keyring: Keyring, api: Api[Any], secrets: frozenset[str]) -> None:
        self._redriver = redriver
        self._keyring = keyring
        self._api = api
        self._secrets = secrets

    def edit(self, delivery: Delivery, change: Change, told: LetterEdit, message_id: str) -> EditedLetter:
        """Change the data of a letter.

        Args:
            delivery: the letter.
            change: makes the new data.
            told: who does it, when and why.
            message_id: the id of the new letter.

        Raises:
            NotEdited: the letter could not be sent again, or its data cannot be changed in this way.
        """
        self._check(delivery)
        former = decode_letter(delivery.body)
        request = dict(former.request)
        before = request.get("data") or {}
        action = self._api.find(request["version"], request["action"])
        after = self._changed(action, before, change)
        edits = [*(former.edited or ()), told]
        body = encode_json(
            structs.replace(former, request=request | {"data": after}, message_id=message_id, edited=edits)
        )
        headers = dict(delivery.properties.headers or {})
        principal = headers.get(PRINCIPAL)
        whose = principal if isinstance(principal, str) else None
        headers[SEAL] = self._keyring.seal_letter(self._redriver.topology.dead_letters, whose, body)
        properties = structs.replace(delivery.properties, headers=headers, message_id=message_id)
        letter = structs.replace(delivery, properties=properties, body=body)
        self._check(letter)
        key = stored_key(letter_key(delivery))
        return EditedLetter(key, delivery.body, whose or "", str(request["id"]), before, after, letter)

    def _check(self, letter: Delivery) -> None:
        try:
            self._redriver.message(letter, named=True)
        except NotRedrivable as error:
            raise NotEdited(str(error)) from None

    def _changed(self, action: Action, before: dict[str, Any], change: Change) -> dict[str, Any]:
        try:
            after = change(action, before)
            if not isinstance(after, dict):
                raise NotEdited(_NO_OBJECT)
            decode_object(encode_json(after), subject="The data")
            action.arguments(after)
        except PatchProblem as error:
            raise NotEdited(str(error)) from None
        except InvalidRequest as error:
            raise NotEdited(f"a worker would refuse the new data: {error}") from None
        if encode_json(after) == encode_json(before):
            raise NotEdited(_UNCHANGED)
        if without_secrets(after, self._secrets - action.plain) != after:
            raise NotEdited(_NOT_WRITABLE)
        return after


def edits_of(body: LetterBody) -> tuple[LetterEdit, ...]:
    """Return who has edited a letter, the oldest first; none where nobody has."""
    return () if body.edited is UNSET else tuple(body.edited)


def as_shown(data: Mapping[str, Any], secrets: frozenset[str]) -> bytes:
    """Return data as it is shown before and after: indented JSON without secrets."""
    return msgspec.json.format(encode_json(without_secrets(dict(data), secrets)), indent=2)
