"""The header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header-07): it is the request's id."""

from __future__ import annotations

import re
from typing import Final

from leveret.errors import InvalidRequest
from leveret.web.gateway.problems import HttpProblem
from leveret.wire.codec import check_id

HEADER: Final = "Idempotency-Key"

_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_ESCAPED: Final = re.compile(r'\\(["\\])')


def read_key(values: list[str], *, needed: bool) -> str | None:
    """Return the key that a request has: the text of a structured field (RFC 9651, 3.3.3), or a bare token.

    Args:
        values: of the header, one for each time that it stands there.
        needed: whether the route demands one.

    Raises:
        HttpProblem: it is missing, stands there twice, or is no key.
    """
    if not values:
        if needed:
            raise HttpProblem(
                "key_missing",
                f"{HEADER} is missing: send a key that is new for each request, such as a UUID, so that asking again "
                "with it has no second effect",
            )
        return None
    if len(values) > 1:
        raise HttpProblem("invalid_request", f"{HEADER} stands there {len(values)} times: send it once")
    key = _unquoted(values[0].strip())
    try:
        check_id(key)
    except InvalidRequest as error:
        raise HttpProblem("invalid_request", str(error).replace("Field id", HEADER)) from None
    return key


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    if found := _QUOTED.fullmatch(value):
        return _ESCAPED.sub(r"\1", found[1])
    raise HttpProblem(
        "invalid_request",
        f'{HEADER} begins with a quotation mark and is no text: write "8e03978e-40d5" or 8e03978e-40d5',
    )
