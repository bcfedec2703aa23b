"""How many statements a PostgreSQL connection prepares when the same one comes again and again."""

import sqlalchemy as sa

from leveret.sql import Store
from leveret.sql.pooling import PREPARED_AFTER


def prepares(engine: sa.Engine) -> bool:
    """Run one statement more often than it takes to be prepared, and say whether it was; the engine is closed."""
    store, query = Store(engine), sa.text("SELECT count(*) FROM pg_prepared_statements")
    for _ in range(PREPARED_AFTER + 2):
        with store.begin(writes=False) as transaction:
            found = transaction.connection.execute(query).scalar_one()
    store.close()
    engine.dispose()
    return bool(found)
