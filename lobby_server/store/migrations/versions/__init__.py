"""The revisions of the tables, one module each; Alembic runs them in the order of their numbers."""
