"""Alembic's environment. A change of the tables is a new file in ``versions``, written by hand:

1. change ``lobby_server/store/tables.py``;
2. add ``versions/000N_what_it_does.py`` after the last one, with ``down_revision`` pointing at it;
3. set ``REVISION`` in ``lobby_server/store/migrate.py``.

``tests/store/test_migrations.py`` says what is missing on either database. Released files are never changed, and
there is no way back: a downgrade would have to throw data away.
"""
