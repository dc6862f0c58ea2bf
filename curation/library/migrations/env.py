"""Run by alembic, inside the transaction that `curation.library.database` opened."""

from alembic import context

from curation.library.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
