"""The official schemas of OpenAPI and AsyncAPI, and what a document breaks of them."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft7Validator, Draft202012Validator

FOLDER = Path(__file__).parent / "schemas"
_FILES = tomllib.loads((FOLDER / "VENDORED.toml").read_text())["files"]


def asyncapi_troubles(document: Any) -> list[str]:
    """Return what a document breaks of AsyncAPI 3.1."""
    return _troubles(Draft7Validator(_schema("asyncapi/3.1.0.json")), document)


def openapi_troubles(document: Any) -> list[str]:
    """Return what a document breaks of OpenAPI 3.1."""
    return _troubles(Draft202012Validator(_schema("openapi/3.1.json")), document)


def _schema(name: str) -> Any:
    content = (FOLDER / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == _FILES[name]["sha256"], f"{name} is not as it was published"
    return msgspec.json.decode(content)


def _troubles(validator: Any, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]
