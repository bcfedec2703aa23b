from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from leveret.api import Context
from leveret.auth.keyring import ANONYMOUS
from leveret.wire.envelope import Request


def test_a_context_gives_a_connection_or_a_transaction_but_not_both() -> None:
    request = Request("a", "v1", "act", {})
    with sa.create_engine("sqlite://").connect() as connection:
        inside: Context[None] = Context(request, ANONYMOUS, None, datetime.now(UTC), connection=connection)
        assert inside.connection is connection
    outside: Context[None] = Context(request, ANONYMOUS, None, datetime.now(UTC))
    with pytest.raises(RuntimeError, match=r"await context.transaction"):
        _ = outside.connection
