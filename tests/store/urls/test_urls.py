"""From the setting to a place, without touching it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lobby_server.store import StoreSetupError
from lobby_server.store.postgres_url import PostgresDatabase
from lobby_server.store.urls import SqliteFile, read_database_url

DATA_DIR = Path("data")


@pytest.mark.parametrize("url", ["", "  "])
def test_no_url_is_the_file_in_the_data_folder(url: str) -> None:
    known = SqliteFile(path=DATA_DIR / "lobby.sqlite3", makes_folder=True, is_of_url=False)
    assert read_database_url(url, DATA_DIR) == known


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///lobby.db", "lobby.db"),
        ("sqlite+aiosqlite:///lobby.db", "lobby.db"),
        ("SQLite:////var/lib/lobby.db", "/var/lib/lobby.db"),
        ("sqlite+aiosqlite:////var/my games/100%/lobby.db", "/var/my games/100%/lobby.db"),
    ],
)
def test_an_sqlite_url_is_a_file(url: str, path: str) -> None:
    assert read_database_url(url, DATA_DIR) == SqliteFile(path=Path(path), makes_folder=False, is_of_url=True)


@pytest.mark.parametrize("path", ["data/mine.db", "./data/../data/mine.db", f"{Path.cwd()}/data/mine.db"])
def test_data_folder_is_made_where_an_sqlite_url_names_it_too(path: str) -> None:
    known = SqliteFile(path=Path(path), makes_folder=True, is_of_url=True)
    assert read_database_url(f"sqlite:///{path}", DATA_DIR) == known


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "PostgreSQL"])
def test_each_scheme_of_postgresql_becomes_the_drivers(scheme: str) -> None:
    assert read_database_url(f"{scheme}://u:p@db:5432/lobby", DATA_DIR) == PostgresDatabase(
        dsn="postgresql://u:p@db:5432/lobby?application_name=lobby-server", place="db:5432", name="lobby"
    )


@pytest.mark.parametrize(
    ("rest", "place", "name"),
    [
        ("db.example.org/lobby", "db.example.org", "lobby"),
        ("u@db/my%20lobby", "db", "my lobby"),
        ("u:p%40ss%2Fw%3Ard%23%3F@db/lobby", "db", "lobby"),
        ("u:p:w@db/lobby", "db", "lobby"),
        ("u:p@[::1]:5433/lobby", "[::1]:5433", "lobby"),
        ("u:p@one:5432,two:5433/lobby", "one:5432,two:5433", "lobby"),
        ("u:p@/lobby?host=/run/postgresql", "/run/postgresql", "lobby"),
        ("/lobby", "this machine", "lobby"),
        ("u:p@db?dbname=lobby", "db", "lobby"),
    ],
)
def test_a_postgresql_url_reads_as_libpq_does(rest: str, place: str, name: str) -> None:
    location = read_database_url(f"postgresql://{rest}", DATA_DIR)
    assert isinstance(location, PostgresDatabase)
    assert (location.place, location.name) == (place, name)


def test_sqlalchemys_name_for_sslmode_is_understood() -> None:
    location = read_database_url("postgresql+asyncpg://u:p@db/lobby?ssl=require&application_name=x", DATA_DIR)
    assert isinstance(location, PostgresDatabase)
    assert location.dsn == "postgresql://u:p@db/lobby?sslmode=require&application_name=x"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "://",
        "mysql://u:s3cret@db/lobby",
        "s3cret://",
        "postgresql+psycopg2://u:s3cret@db/lobby",
        "postgresql://u:s3cret@word@db/lobby",
        "postgresql://u:s3cret/word@db/lobby",
        "postgresql://u:s3cret#word@db/lobby",
        "postgresql://u:s3cret?word@db/lobby",
        "postgresql://u:s3cret@db:port/lobby",
        "postgresql://u:s3cret@db:65536/lobby",
        "postgresql://u:s3cret@[::1/lobby",
        "postgresql://u:s3cret@d b/lobby",
        "postgresql://u:s3cret@db/lobby?sslmode",
        "postgresql://u:s3cret@db/lobby?port=x",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://lobby.db",
        "sqlite:///lobby.db?mode=ro",
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence_about_the_flag(url: str) -> None:
    with pytest.raises(StoreSetupError) as caught:
        read_database_url(url, DATA_DIR)
    sentence = str(caught.value)
    assert sentence.startswith("--database-url ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    if not url.startswith("s3cret"):  # a scheme is repeated, nothing else is
        assert "s3cret" not in sentence
    assert caught.value.__cause__ is None


def test_the_password_is_not_in_the_repr_of_a_location() -> None:
    assert "s3cret" not in repr(read_database_url("postgresql://u:s3cret@db/lobby", DATA_DIR))
