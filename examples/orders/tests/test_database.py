"""The application's own migrations, beside the framework's."""

from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from leveret.sql import create_engine, schema
from orders import app
from orders.tables import metadata


def test_migrations_and_tables_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    assert schema.upgrade(url, app.schema, app.names)
    assert schema.describe(url, app.schema, app.names) == "0002, which this version needs"
    engine = create_engine(url)
    with engine.connect() as connection:
        ours = {table.name for table in metadata.sorted_tables}
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in ours}
        )
        assert compare_metadata(context, metadata) == []
        assert "processed_requests" in sa.inspect(connection).get_table_names()
    engine.dispose()
