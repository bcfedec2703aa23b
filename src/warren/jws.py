"""The compact form of a signed token (RFC 7515, section 7.1): written, and read without any leniency.

PyJWT signs and verifies. Before it does, what two readers could understand differently is refused here: padding, a name
that stands twice, extensions that nobody knows, and a header that chooses its own key or algorithm.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, Final

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_decode

from warren.codec import decode_object, encode_json
from warren.errors import InvalidRequest
from warren.keys import Key

LONGEST: Final = 8192
"""Characters of a token."""

_JWS: Final = PyJWS()
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class NotVerified(ValueError):
    """No token of ours; the text is for us and never for the caller."""


def sign(claims: Mapping[str, Any], key: Key, typ: str) -> str:
    """Write a signed token; the header names the key when it has a ``kid``."""
    header = {"typ": typ} | ({"kid": key.kid} if key.kid is not None else {})
    return _JWS.encode(encode_json(claims), key.private, algorithm=key.algorithm, headers=header)


def verify(token: str, keys: Mapping[str | None, Key], types: Container[str | None]) -> dict[str, Any]:
    """Read a signed token.

    Args:
        token: in compact form.
        keys: by ``kid``; under None the one for tokens that name none.
        types: values of ``typ`` (RFC 8725, section 3.11), None for its absence.

    Returns:
        The claims; only their signature was checked.

    Raises:
        NotVerified: for every reason.
    """
    found = len(token) <= LONGEST and _COMPACT.fullmatch(token)
    if not found:
        raise NotVerified("no token in compact form")
    try:
        key = _choose(decode_object(base64url_decode(found[1])), keys, types)
        return decode_object(_JWS.decode(token, key.public, algorithms=[key.algorithm]))
    except InvalidRequest as error:
        raise NotVerified("no strict JSON object") from error
    except (PyJWTError, ValueError) as error:
        if isinstance(error, NotVerified):
            raise
        raise NotVerified(str(error)) from error


def _choose(header: Mapping[str, Any], keys: Mapping[str | None, Key], types: Container[str | None]) -> Key:
    """Find the key that must have signed; keys and addresses of keys in a header mean nothing (RFC 8725, 3.10)."""
    if "crit" in header or "b64" in header:
        raise NotVerified("an extension that is not understood (RFC 7515, section 4.1.11)")
    kid, typ = header.get("kid"), header.get("typ")
    if not isinstance(kid, str) and "kid" in header:
        raise NotVerified("kid is no text")
    if not isinstance(typ, str) and "typ" in header:
        raise NotVerified("typ is no text")
    if (typ and typ.lower().removeprefix("application/")) not in types:
        raise NotVerified("another type")
    key = keys.get(kid)
    if key is None:
        raise NotVerified("unknown kid")
    if header.get("alg") != key.algorithm:
        raise NotVerified("another algorithm than the key's")
    return key
