"""A client in TypeScript over HTTP: the application's OpenAPI document, and a module for openapi-fetch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from leveret.application import Application
from leveret.contracts.openapi import build_openapi
from leveret.contracts.writing import document_text


def typescript_client(app: Application[Any]) -> Mapping[str, str]:
    """Return the files of a client in TypeScript, by their names.

    ``openapi.json`` is what openapi-typescript makes ``schema.ts`` of. ``client.ts`` imports that, and needs
    openapi-fetch.

    Args:
        app: the application; all of its actions are registered.
    """
    client = files(__name__).joinpath("client.ts").read_text(encoding="utf-8")
    return {"openapi.json": document_text(build_openapi(app)), "client.ts": client}
