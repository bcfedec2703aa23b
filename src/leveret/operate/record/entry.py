"""Makes an entry of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leveret.operate.record.cause import Cause
from leveret.sql.audit_rows import AuditEntry, new_audit_id
from leveret.wire.codec import encode_json


def entry_of(cause: Cause, what: str, details: Mapping[str, Any], *, at: datetime, operation: str = "") -> AuditEntry:
    """Return an entry, with everything that strangers may have written shortened and printable.

    Args:
        cause: who, and why.
        what: one word for the change.
        details: what else is to be known.
        at: when.
        operation: the id of the operation to which it belongs.
    """
    kept = cause.kept()
    return AuditEntry(
        id=new_audit_id(),
        at=at,
        by_whom=kept.by,
        what=what,
        why=kept.why,
        incident=kept.incident,
        operation=operation,
        details_json=encode_json(details).decode(),
    )
