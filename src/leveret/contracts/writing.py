"""How the documents of an application are written down."""

from __future__ import annotations

import msgspec

from leveret.contracts.schemas import Schema


def document_text(document: Schema) -> str:
    """Return a document as JSON for people and programs: indented by two, with a line break at its end."""
    return f"{msgspec.json.format(msgspec.json.encode(document), indent=2).decode()}\n"
