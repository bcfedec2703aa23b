"""What a gateway serves that is the same for everybody, until the gateway is started anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.web.gateway.conditions import is_known

ASK_AGAIN: Final = "no-cache"
"""Caches keep it, and ask each time whether it is still the same (RFC 9111, 5.2.2.4)."""

FOREVER: Final = "public, max-age=31536000, immutable"
"""Caches keep it for a year, because its address changes with it (RFC 8246)."""


class Fixed:
    """Serves a content, which is made when somebody asks for it first. Everybody may read it.

    Args:
        make: makes the content.
        media_type: of the content.
        headers: further headers of each answer.
        caching: what caches may do: ``ASK_AGAIN`` or ``FOREVER``.
    """

    def __init__(
        self,
        make: Callable[[], bytes],
        media_type: str,
        headers: Mapping[str, str] | None = None,
        caching: str = ASK_AGAIN,
    ) -> None:
        self._make = make
        self._media_type = media_type
        self._more = {"Cache-Control": caching, "X-Content-Type-Options": "nosniff", **(headers or {})}

    @cached_property
    def _body(self) -> bytes:
        return self._make()

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {"ETag": f'"{hashlib.sha256(self._body).hexdigest()[:32]}"', **self._more}

    async def answer(self, request: Request) -> Response:
        """Answer a request with the content, or that the caller has it already (RFC 9110, 13.1.2)."""
        if is_known(request, self._headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self._headers)
        return Response(self._body, HTTPStatus.OK, self._headers, self._media_type)
