"""Wherever a table names a user, it is decided what becomes of that row when the account is deleted."""

from __future__ import annotations

from sqlalchemy import BigInteger

from lobby_server.store.sql.account_data import _OF_USER
from lobby_server.store.tables import metadata

KEPT = {
    ("rooms", "host_user_id"),  # somebody else leads it soon, or it is deleted
    ("announcements", "author_id"),  # the operator's word
    ("audit_entries", "by_id"),  # the operator's record
    ("user_bans", "by_id"),
    ("user_bans", "user_id"),  # who is banned cannot delete the account, and is to stay banned
    ("reports", "about_id"),  # what somebody else has said
}


def test_every_column_that_names_a_user_goes_with_the_account_or_is_kept_on_purpose() -> None:
    named = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_id") and isinstance(column.type, BigInteger)
    }
    gone = {(table.name, name) for table, names in _OF_USER for name in names if name != "id"}
    assert named == gone | KEPT
    assert gone & KEPT == set()
