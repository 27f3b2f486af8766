import os
import stat
from pathlib import Path

import pytest

from loadtest.client import TokenFile, TokenFileError, TokenFileState, looks_like_jwt
from tests.loadtest.fakes import JWT


@pytest.fixture(autouse=True)
def permissive_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_saved_token_comes_back_and_is_the_owners_alone(tmp_path: Path):
    file = TokenFile(tmp_path / "deep" / "token")
    file.save(JWT)
    assert file.load().token == JWT
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_saving_over_an_open_file_closes_it_to_others(tmp_path: Path):
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    TokenFile(path).save(JWT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]


def test_a_failed_save_leaves_the_old_token_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = TokenFile(tmp_path / "token")
    file.save(JWT)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TokenFileError, match="No space left"):
        file.save("a.b.c")
    assert file.load().token == JWT
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize(
    "content", [b"", b"not a token", b"a.b", b"\xff\xfe\x00", b'{"token": "a.b.c"}', b"a.b.c\nd.e.f"]
)
def test_what_is_no_token_is_malformed(tmp_path: Path, content: bytes):
    path = tmp_path / "token"
    path.write_bytes(content)
    stored = TokenFile(path).load()
    assert stored.state is TokenFileState.MALFORMED
    assert stored.token is None
    assert path.exists()


def test_missing_and_unreadable_are_told_apart(tmp_path: Path):
    assert TokenFile(tmp_path / "nothing").load().state is TokenFileState.MISSING
    assert TokenFile(tmp_path).load().state is TokenFileState.UNREADABLE


def test_forgetting_twice_is_fine(tmp_path: Path):
    file = TokenFile(tmp_path / "token")
    file.save(JWT)
    file.forget()
    file.forget()
    assert file.load().state is TokenFileState.MISSING


def test_jwt_shape():
    assert looks_like_jwt(JWT)
    assert not looks_like_jwt("a..c")
    assert not looks_like_jwt("a.b.c ")
