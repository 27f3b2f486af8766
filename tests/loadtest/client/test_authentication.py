import stat
from pathlib import Path

import pytest

from loadtest.client import (
    ApiError,
    AuthenticationManager,
    ConnectionManager,
    HttpAnswer,
    HttpCall,
    LobbyApi,
    ServerAway,
    TokenFileState,
)
from tests.loadtest.fakes import JWT, FakeHttp, json_answer, problem

SESSION = {"token": JWT, "user": {"id": 1, "username": "ada", "email": None, "created_at": "2026-01-01T00:00:00Z"}}
FRESH = "fresh.fresh.fresh"


class FakeConnection(ConnectionManager):
    """Writes down what it is asked to do and does nothing."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def connect_to_server(self, token: str) -> None:
        self.log.append(f"connect {token}")

    def disconnect_from_server(self) -> None:
        self.log.append("disconnect")


@pytest.fixture
def log() -> list[str]:
    return []


def manager(log: list[str], tmp_path: Path, answers: dict[str, HttpAnswer | Exception]) -> AuthenticationManager:
    def answer(call: HttpCall) -> HttpAnswer:
        log.append(call.path)
        found = answers[call.path]
        if isinstance(found, Exception):
            raise found
        return found

    api = LobbyApi(FakeHttp(answer))
    return AuthenticationManager(api=api, connection=FakeConnection(log), token_file=tmp_path / "token")


def test_login_stores_the_token_and_then_connects(log: list[str], tmp_path: Path):
    accounts = manager(log, tmp_path, {"/api/auth/login": json_answer(SESSION)})
    user = accounts.login(username="ada", password="password")
    assert (user.id, accounts.token, accounts.is_logged_in) == (1, JWT, True)
    assert log == ["/api/auth/login", "disconnect", f"connect {JWT}"]
    assert (tmp_path / "token").read_text() == JWT + "\n"
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_registering_logs_in(log: list[str], tmp_path: Path):
    accounts = manager(log, tmp_path, {"/api/auth/register": json_answer(SESSION, status=201)})
    assert accounts.register(username="ada", password="password", email="a@b.c").username == "ada"
    assert log[-1] == f"connect {JWT}"


def test_a_refused_login_changes_nothing(log: list[str], tmp_path: Path):
    accounts = manager(log, tmp_path, {"/api/auth/login": problem(401, "invalid_credentials")})
    with pytest.raises(ApiError, match="invalid_credentials"):
        accounts.login(username="ada", password="wrong")
    assert log == ["/api/auth/login"]
    assert not accounts.is_logged_in
    assert not (tmp_path / "token").exists()


def test_a_stored_token_connects_without_asking(log: list[str], tmp_path: Path):
    (tmp_path / "token").write_text(JWT)
    accounts = manager(log, tmp_path, {})
    assert accounts.load_stored_token() is TokenFileState.LOADED
    assert accounts.token == JWT
    assert log == ["disconnect", f"connect {JWT}"]


@pytest.mark.parametrize(("content", "state"), [(None, TokenFileState.MISSING), ("what", TokenFileState.MALFORMED)])
def test_no_usable_stored_token_is_an_outcome(
    log: list[str], tmp_path: Path, content: str | None, state: TokenFileState
):
    if content is not None:
        (tmp_path / "token").write_text(content)
    accounts = manager(log, tmp_path, {})
    assert accounts.load_stored_token() is state
    assert not accounts.is_logged_in
    assert log == []


def test_verify_fills_in_the_user(log: list[str], tmp_path: Path):
    accounts = manager(log, tmp_path, {"/api/auth/verify": json_answer({"valid": True, "user": SESSION["user"]})})
    accounts.use_token(JWT)
    assert accounts.user is None
    assert accounts.verify().username == "ada"
    assert accounts.user is not None
    assert not (tmp_path / "token").exists()


def test_a_token_that_does_not_verify_raises(log: list[str], tmp_path: Path):
    bad = json_answer({"valid": False, "error": "It expired.", "code": "invalid_token"}, status=403)
    accounts = manager(log, tmp_path, {"/api/auth/verify": bad})
    accounts.use_token(JWT)
    with pytest.raises(ApiError) as caught:
        accounts.verify()
    assert caught.value.is_about_the_token


def test_refresh_stores_and_hands_on_the_token_without_reconnecting(log: list[str], tmp_path: Path):
    accounts = manager(log, tmp_path, {"/api/auth/refresh": json_answer({"token": FRESH})})
    accounts.use_token(JWT)
    del log[:]
    accounts.refresh()
    assert accounts.token == FRESH
    assert log == ["/api/auth/refresh", f"connect {FRESH}"]
    assert (tmp_path / "token").read_text().strip() == FRESH


def test_without_a_login_there_is_nothing_to_verify(log: list[str], tmp_path: Path):
    with pytest.raises(ApiError, match="authentication_required"):
        manager(log, tmp_path, {}).verify()


@pytest.mark.parametrize(
    ("answer", "is_revoked"),
    [
        (HttpAnswer(status=204, headers={}, body=b""), True),
        (problem(403, "invalid_token"), True),
        (problem(500, "internal_error"), False),
        (ServerAway("http://fake", "connection refused"), False),
    ],
)
def test_logout_disconnects_revokes_and_forgets(
    log: list[str], tmp_path: Path, answer: HttpAnswer | Exception, is_revoked: bool
):
    (tmp_path / "token").write_text(JWT)
    accounts = manager(log, tmp_path, {"/api/auth/logout": answer})
    accounts.load_stored_token()
    del log[:]
    assert accounts.logout() is is_revoked
    assert log == ["disconnect", "/api/auth/logout"]
    assert not accounts.is_logged_in
    assert not (tmp_path / "token").exists()


def test_logging_out_twice_asks_nobody(log: list[str], tmp_path: Path):
    assert manager(log, tmp_path, {}).logout()
    assert log == ["disconnect"]
