"""URLs as hosting services and other libraries hand them out, and every parameter that libpq knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lobby_server.store import PostgresDatabase, StoreSetupError, read_database_url
from lobby_server.store.postgres_url import Keepalives


def read(url: str) -> PostgresDatabase:
    location = read_database_url(url, Path())
    assert isinstance(location, PostgresDatabase)
    return location


HANDED_OUT = {
    "Supabase, straight": "postgresql://postgres:pw@db.abcdefgh.supabase.co:5432/postgres",
    "Supabase, pooler": "postgres://postgres.abcdefgh:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
    "Supabase, Vercel": "postgres://postgres.a:pw@aws-0-x.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x",
    "Neon": "postgresql://u:pw@ep-x-123.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
    "Neon, without SNI": "postgresql://u:pw@ep-x.aws.neon.tech/neondb?sslmode=require&options=endpoint%3Dep-x",
    "Neon, verified": "postgresql://u:pw@ep-x.aws.neon.tech/neondb?sslmode=verify-full&sslrootcert=system",
    "Heroku": "postgres://user:p4ss@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1234",
    "Heroku, Node": "postgres://user:p4ss@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1234?sslmode=no-verify",
    "DigitalOcean": "postgresql://doadmin:pw@db-nyc1-1-do-user-1-0.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require",
    "Prisma": "postgresql://u:pw@db:5432/lobby?schema=public&connection_limit=5&pool_timeout=2&pgbouncer=true",
    "SQLAlchemy": "postgresql+asyncpg://u:pw@db/lobby?ssl=require&prepared_statement_cache_size=0",
    "Google Cloud SQL": "postgresql://u:pw@/lobby?host=/cloudsql/project:region:instance",
    "Azure": "postgresql://u%40server:pw@server.postgres.database.azure.com:5432/lobby?sslmode=require",
    "Patroni": "postgresql://u:pw@one:5432,two:5432/lobby?target_session_attrs=read-write&connect_timeout=3",
}  # fmt: skip


@pytest.mark.parametrize("service", HANDED_OUT)
def test_url_of_a_hosting_service_is_read(service: str) -> None:
    location = read(HANDED_OUT[service])
    assert location.dsn.startswith("postgresql://")
    assert "pgbouncer" not in location.dsn
    assert "supa=" not in location.dsn
    assert bool(location.cautions) is (service == "Neon")


def test_parameters_of_prisma_and_of_a_pooler_set_the_pool() -> None:
    location = read(HANDED_OUT["Prisma"])
    assert (location.connections, location.pool_timeout_s, location.is_pooled) == (5, 2, True)
    assert "search_path" not in location.dsn
    assert "search_path=other" in read("postgresql://u@db/lobby?schema=other").dsn


def test_timeouts_and_keepalives_are_those_of_libpq() -> None:
    location = read(
        "postgresql://u@a,b/lobby?connect_timeout=3&keepalives_idle=30&keepalives_interval=5&keepalives_count=4"
        "&tcp_user_timeout=9000"
    )
    assert (location.connect_timeout_s, location.host_count) == (3, 2)
    assert location.keepalives == Keepalives(idle_s=30, interval_s=5, count=4, user_timeout_ms=9000)
    off = read("postgresql://u@db/lobby?keepalives=0&connect_timeout=0&keepalives_idle=-1")
    assert (off.keepalives, off.connect_timeout_s) == (Keepalives(is_on=False), None)


def test_application_name_is_ours_unless_another_is_given() -> None:
    assert "application_name=lobby-server" in read("postgresql://u@db/lobby").dsn
    assert "application_name=mine" in read("postgresql://u@db/lobby?application_name=mine").dsn


def test_authorities_of_the_system_need_a_full_verification() -> None:
    location = read(HANDED_OUT["Neon, verified"])
    assert location.trusts_system
    assert "system" not in location.dsn
    with pytest.raises(StoreSetupError, match="sslrootcert=system, which needs sslmode=verify-full"):
        read("postgresql://u@db/lobby?sslmode=require&sslrootcert=system")


@pytest.mark.parametrize(
    ("parameter", "named"),
    [
        ("colour=blue", "colour"),
        ("hostaddr=127.0.0.1", "hostaddr"),
        ("ssl_mode=require", "ssl_mode"),
        ("%20=1", "a name that is none"),
        ("sslmode=full", "sslmode"),
        ("channel_binding=maybe", "channel_binding"),
        ("gssencmode=require", "gssencmode"),
        ("target_session_attrs=writer", "target_session_attrs"),
        ("sslnegotiation=none", "sslnegotiation"),
        ("client_encoding=latin1", "client_encoding"),
        ("load_balance_hosts=random", "load_balance_hosts"),
        ("keepalives=yes", "keepalives"),
        ("connect_timeout=soon", "connect_timeout"),
        ("connection_limit=0", "connection_limit"),
        ("pgbouncer=perhaps", "pgbouncer"),
    ],
)
def test_parameter_that_cannot_be_honoured_is_named_in_one_sentence(parameter: str, named: str) -> None:
    with pytest.raises(StoreSetupError) as caught:
        read(f"postgresql://u:s3cret@db/lobby?{parameter}")
    assert named in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "s3cret" not in str(caught.value)
