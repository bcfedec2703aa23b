"""What schemathesis cannot know of our requests; it loads this file in an environment of its own.

A key that was used with other data is a conflict, and schemathesis takes few of them: so each request gets a key of its
own in the place of a valid one. And our JSON is stricter than JSON Schema can say: numbers have at most 64 bits, and
1.0 is no whole number (docs/wire.md).
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import schemathesis  # type: ignore[import-not-found]  # it is in an environment of its own

_KEY = re.compile(r'[!#-~]([ -~]{0,126}[!-~])?|"[!#-\[\]-~]([ !#-\[\]-~]{0,126}[!#-\[\]-~])?"')
_LARGEST = 2**63


@schemathesis.hook  # type: ignore[untyped-decorator]  # as above
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give a request a key of its own."""
    headers = dict(case.headers or {})
    if _KEY.fullmatch(headers.get("Idempotency-Key", "")):
        case.headers = {**headers, "Idempotency-Key": uuid.uuid4().hex}


@schemathesis.hook  # type: ignore[untyped-decorator]  # as above
def filter_body(_context: Any, body: Any) -> bool:
    """Leave out bodies with numbers that our JSON does not have."""
    return _is_ours(body)


def _is_ours(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_ours, value.values()))
    if isinstance(value, list):
        return all(map(_is_ours, value))
    if isinstance(value, float):
        return not value.is_integer()
    return not isinstance(value, int) or -_LARGEST <= value < _LARGEST
