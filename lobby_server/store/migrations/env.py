"""Run by Alembic with the connection that `lobby_server.store.migrate` holds, within its transaction."""

from alembic import context

from lobby_server.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
