"""The documents that a gateway serves beside the application's routes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.application import Application
from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.openapi import build_openapi
from leveret.contracts.schemas import Schema
from leveret.contracts.writing import document_text
from leveret.topology import Topology
from leveret.web.gateway.conditions import is_known
from leveret.web.gateway.responses import JSON

OPENAPI: Final = "/openapi.json"
"""Path of the document that describes the routes."""

ASYNCAPI: Final = "/asyncapi.json"
"""Path of the document that describes what travels over RabbitMQ."""


class Document:
    """Serves a document, which is built when somebody asks for it first.

    Everybody may read it. Caches keep it, and ask each time whether it is still the same.
    """

    def __init__(self, build: Callable[[], Schema]) -> None:
        self._build = build

    @cached_property
    def _body(self) -> bytes:
        return document_text(self._build()).encode()

    @cached_property
    def _headers(self) -> dict[str, str]:
        digest = hashlib.sha256(self._body).hexdigest()[:32]
        return {"ETag": f'"{digest}"', "Cache-Control": "no-cache"}

    async def answer(self, request: Request) -> Response:
        """Answer a request with the document, or that the caller has it already (RFC 9110, 13.1.2)."""
        if is_known(request, self._headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self._headers)
        return Response(self._body, HTTPStatus.OK, self._headers, JSON)


def documents_of(app: Application[Any], topology: Topology | None = None) -> Mapping[str, Document]:
    """Return the documents of an application, by their paths.

    Args:
        app: the application; all of its actions are registered.
        topology: names at the broker; by default those of the application without settings.
    """
    return {
        OPENAPI: Document(partial(build_openapi, app)),
        ASYNCAPI: Document(partial(build_asyncapi, app, topology)),
    }
