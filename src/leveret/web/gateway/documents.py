"""The documents that a gateway serves beside the application's routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from leveret.application import Application
from leveret.contracts.asyncapi import build_asyncapi
from leveret.contracts.openapi import build_openapi
from leveret.contracts.schemas import Schema
from leveret.contracts.writing import document_text
from leveret.topology import Topology
from leveret.web.gateway.fixed import Fixed
from leveret.web.gateway.responses import JSON

OPENAPI: Final = "/openapi.json"
"""Path of the document that describes the routes."""

ASYNCAPI: Final = "/asyncapi.json"
"""Path of the document that describes what travels over RabbitMQ."""


def documents_of(app: Application[Any], topology: Topology | None = None) -> Mapping[str, Fixed]:
    """Return the documents of an application, by their paths.

    Args:
        app: the application; all of its actions are registered.
        topology: names at the broker; by default those of the application without settings.
    """
    return {
        OPENAPI: _document(partial(build_openapi, app)),
        ASYNCAPI: _document(partial(build_asyncapi, app, topology)),
    }


def _document(build: Callable[[], Schema]) -> Fixed:
    return Fixed(lambda: document_text(build()).encode(), JSON)
