"""Signed tokens in compact form (RFC 7515, section 7.1): written, and read strictly.

Whatever two readers could understand differently is refused before the signature is checked: padding, a name that
stands twice, unknown extensions, and a header that chooses its own key or algorithm.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Container, Mapping
from typing import Any, Final

from leveret.auth import keys as signing
from leveret.auth.keys import SigningKey
from leveret.errors import InvalidRequest
from leveret.wire.codec import decode_object, encode_json
from leveret.wire.masking import JWT_MARK

LONGEST: Final = 8192
"""Characters of a token."""

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class NotVerified(ValueError):
    """The token is not valid here. The text says why; it is for us and never sent to a caller."""


def sign(claims: Mapping[str, Any], key: SigningKey, typ: str) -> str:
    """Write a signed token; the header names the key when it has a ``kid``."""
    header = {"alg": key.algorithm, "typ": typ} | ({"kid": key.kid} if key.kid is not None else {})
    signed = f"{_encode(encode_json(header))}.{_encode(encode_json(claims))}"
    return f"{signed}.{_encode(signing.sign(signed.encode(), key))}"


def verify(token: str, keys: Mapping[str | None, SigningKey], types: Container[str | None]) -> dict[str, Any]:
    """Read a signed token.

    Args:
        token: in compact form.
        keys: by ``kid``; under None the key for tokens without a ``kid``.
        types: accepted values of ``typ`` (RFC 8725, section 3.11); None stands for its absence.

    Returns:
        The claims; only their signature has been checked.

    Raises:
        NotVerified: whatever is wrong.
    """
    found = len(token) <= LONGEST and _COMPACT.fullmatch(token)
    if not found or not found[1].startswith(JWT_MARK):  # one that nobody would mask in a log is no token here
        raise NotVerified("not a token in compact form, or a line break before its header's first name")
    try:
        key = _choose(decode_object(_decode(found[1])), keys, types)
        if not signing.is_signed(f"{found[1]}.{found[2]}".encode(), _decode(found[3]), key):
            raise NotVerified("another signature")
        return decode_object(_decode(found[2]))
    except InvalidRequest as error:
        raise NotVerified("not a strict JSON object") from error


def _choose(
    header: Mapping[str, Any], keys: Mapping[str | None, SigningKey], types: Container[str | None]
) -> SigningKey:
    """Return the key that must have signed; keys and addresses of keys in a header are ignored (RFC 8725, 3.10)."""
    if "crit" in header or "b64" in header:
        raise NotVerified("an extension that is not understood (RFC 7515, section 4.1.11)")
    kid, typ = header.get("kid"), header.get("typ")
    if not isinstance(kid, str) and "kid" in header:
        raise NotVerified("kid is not a text")
    if not isinstance(typ, str) and "typ" in header:
        raise NotVerified("typ is not a text")
    if (typ and typ.lower().removeprefix("application/")) not in types:
        raise NotVerified("another type")
    key = keys.get(kid)
    if key is None:
        raise NotVerified("unknown kid")
    if header.get("alg") != key.algorithm:
        raise NotVerified("another algorithm than the key's")
    return key


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    """Decode base64url; each value has only one spelling (RFC 4648, section 3.5)."""
    try:
        value = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise NotVerified("not base64url") from error
    if _encode(value) != part:
        raise NotVerified("base64url with bits that mean nothing")
    return value
