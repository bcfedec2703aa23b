"""From bytes to a request or a reply and back: strict JSON with limits.

Strict means: what two parsers could read differently, or what a database could not store, is refused as the caller's
error. RFC 8259 leaves open what duplicate names (section 4), numbers (6) and unpaired surrogates (8.2) mean.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
from collections import Counter
from typing import Any, Final, NoReturn

import msgspec

from leveret.errors import InvalidRequest, RequestError
from leveret.wire.envelope import Reply, Request
from leveret.wire.limits import DEEPEST_NESTING, LARGEST_DETAILS, LARGEST_REQUEST, LONGEST_ERROR_TEXT, MOST_VALUES
from leveret.wire.masking import shown

_ID: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?")
_INT64: Final = range(-(2**63), 2**63)
# A text that never ends is taken to the end, so that no text is scanned twice.
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_EMPTY: Final = re.compile(r"\[\s*+\]|\{\s*+\}")
_UNSTORABLE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


_HALF: Final = "A text holds half of a surrogate pair, which is not a character"


class NotJson(ValueError):
    """A text is not JSON; the error says why."""


encode_json = msgspec.json.Encoder().encode
canonical = msgspec.json.Encoder(order="sorted").encode
"""Writes JSON in the one form that equal values share: names are sorted, and there are no blanks."""


def encode_request(request: Request) -> bytes:
    """Write a request as a message's body.

    Raises:
        InvalidRequest: it holds half of a surrogate pair, which UTF-8 cannot hold; a worker would answer the same.
        TypeError: its data holds what is not JSON.
    """
    try:
        return encode_json(request)
    except UnicodeEncodeError as error:
        raise InvalidRequest(_HALF) from error


def decode_request(body: bytes, largest: int = LARGEST_REQUEST) -> Request:
    """Read a request from a message's body of at most ``largest`` bytes; a byte order mark before it is left aside.

    Raises:
        InvalidRequest: the body is not a request; the text says what is wrong with which field.
    """
    document = decode_object(without_mark(body), largest)
    try:
        request = msgspec.convert(_without_null(document), Request)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Request does not fit: {error}") from error
    check_id(request.id)
    return request


def without_mark(body: bytes) -> bytes:
    """Remove the byte order mark that some programs write before UTF-8; RFC 8259, section 8.1, allows that."""
    return body.removeprefix(codecs.BOM_UTF8)


def check_id(value: str) -> None:
    """Check a request id.

    Raises:
        InvalidRequest: the id is empty, longer than 128 characters, or not printable ASCII.
    """
    if not _ID.fullmatch(value):
        raise InvalidRequest(
            "Field id: expected 1 to 128 printable ASCII characters without a space at either end, "
            f"got {len(value)} characters"
        )


def check_size(size: int, largest: int = LARGEST_REQUEST) -> None:
    """Check how many bytes a body has.

    Raises:
        InvalidRequest: it has more than ``largest``.
    """
    if size > largest:
        raise InvalidRequest(f"Request too large: {size} bytes, at most {LARGEST_REQUEST} are taken")


def decode_object(body: bytes, largest: int = LARGEST_REQUEST, subject: str = "Request") -> dict[str, Any]:
    """Read one strict JSON object.

    Args:
        body: the JSON.
        largest: how many bytes it may have.
        subject: what an error's text calls it.

    Raises:
        InvalidRequest: the body is too large, not UTF-8, not JSON, not an object or nested too deep; or it holds too
            many values, a repeated name, a number past 64 bits or not finite, a NUL, or a lone surrogate.
    """
    check_size(len(body), largest)
    try:
        text = body.decode()
        if is_deeper(text, DEEPEST_NESTING):
            raise InvalidRequest(f"{subject} is nested deeper than {DEEPEST_NESTING} levels")
        if holds_more(text, MOST_VALUES):
            raise InvalidRequest(f"{subject} holds more than {MOST_VALUES} values")
        document = _decode(text)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{subject} is not UTF-8: byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"{subject} is not JSON: {error.msg} at character {error.pos}") from error
    except NotJson as error:
        raise InvalidRequest(f"{subject} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidRequest(f"{subject} is not a JSON object but {_json_name(document)}")
    if _UNSTORABLE.search(text):
        _check_texts(document)
    return document


def decode_value(text: str) -> Any:
    """Read one JSON value as strictly as ``decode_object`` reads an object.

    Raises:
        NotJson: the text is not JSON.
        InvalidRequest: it is JSON, and no request may hold it: it is nested too deep, or holds a repeated name, a
            number past 64 bits or not finite, a NUL, or a lone surrogate.
    """
    if is_deeper(text, DEEPEST_NESTING):
        raise InvalidRequest(f"It is nested deeper than {DEEPEST_NESTING} levels")
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from error
    _check_texts(value)
    return value


def refusal(request_id: str, error: RequestError) -> bytes:
    """Write an error response; it may repeat a part of what the caller sent, but no token and no line of its own."""
    details = msgspec.UNSET if error.details is None else dict(error.details)
    if details and len(encode_json(details)) > LARGEST_DETAILS:
        details = msgspec.UNSET
    return encode_json(Reply(request_id, "error", None, shown(error.text, LONGEST_ERROR_TEXT), error.code, details))


_reply = msgspec.json.Decoder(Reply)


def decode_reply(body: bytes) -> Reply:
    """Read a response.

    Raises:
        ValueError: the body is not a response (msgspec's errors are ValueErrors), or it is nested too deep.
    """
    try:
        return _reply.decode(body)
    except RecursionError:
        raise ValueError("nested too deep") from None


def imprint(request: Request) -> str:
    """Return what names a request and what it asks for: its id, and a digest of everything else but ``auth``."""
    content = canonical([request.version, request.action, request.data])
    return f"{request.id} {hashlib.blake2b(content, digest_size=16).hexdigest()}"


def _without_null(document: dict[str, Any]) -> dict[str, Any]:
    """Read ``null`` in an optional field as absent: the first version's clients send ``"auth": null``."""
    if document.get("auth", "") is None or document.get("data", "") is None:
        defaults: dict[str, Any] = {"auth": "", "data": {}}
        return {name: defaults.get(name) if value is None else value for name, value in document.items()}
    return document


def is_deeper(text: str, most: int) -> bool:
    """Tell whether JSON has more than ``most`` objects and arrays within one another; the text need not be JSON."""
    if text.count("{") + text.count("[") <= most:
        return False
    depth = 0
    for token in _BRACKETS.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            if depth > most:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


def holds_more(text: str, most: int) -> bool:
    """Tell whether JSON holds more than ``most`` values, before any of them is made.

    Each value but the outermost one stands behind a comma, or behind the bracket of the object or array that it begins.
    """
    if len(text) <= 2 * most or _most_values(text) <= most:
        return False
    bare = _TEXT.sub("0", text)
    return _most_values(bare) - len(_EMPTY.findall(bare)) > most


def _most_values(text: str) -> int:
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidRequest("A text holds the character NUL, which cannot be stored")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidRequest(_HALF)
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:
            _check_texts(member)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise InvalidRequest(f"Name {shown(repeated, 64)!r} stands twice in one object")
    return members


def _int64(digits: str) -> int:
    if len(digits) > 20 or (number := int(digits)) not in _INT64:  # short first: int() is quadratic in the digits
        raise InvalidRequest(f"Number past 64 bits: {digits[:24]}")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidRequest(f"Number out of range: {digits[:24]}")
    return number


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON value")


def _json_name(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "null")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_int64, parse_float=_finite, parse_constant=_no_constant
).decode
