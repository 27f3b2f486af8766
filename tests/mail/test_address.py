"""``--smtp-url``: what it says, and a sentence for what it cannot."""

from __future__ import annotations

import pytest

from lobby_server.mail.address import SmtpAddress, read_smtp_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "smtp://mail.example",
            SmtpAddress(host="mail.example", port=587, is_tls=False, starttls="required"),
        ),
        (
            "smtps://mail.example",
            SmtpAddress(host="mail.example", port=465, is_tls=True, starttls="required"),
        ),
        (
            "smtp://lobby%40play.example:p%2Fa%3Ass%40@[::1]:2525/?starttls=offered",
            SmtpAddress(
                host="::1", port=2525, is_tls=False, starttls="offered", user="lobby@play.example", password="p/a:ss@"
            ),
        ),
        (
            "smtp://127.0.0.1:25?starttls=never",
            SmtpAddress(host="127.0.0.1", port=25, is_tls=False, starttls="never"),
        ),
    ],
)
def test_url_says_where_how_and_who(url: str, address: SmtpAddress) -> None:
    assert read_smtp_url(url) == address


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("mail.example:25", "must look like"),
        ("http://mail.example", "must look like"),
        ("smtp://", "must look like"),
        ("smtp://mail.example:smtp", "its port is a number"),
        ("smtp://mail.example:99999", "its port is a number"),
        ("smtp://user:sec/ret@mail.example", "cannot be read"),
        ("smtp://user:sec#ret@mail.example", "cannot be read"),
        ("smtp://mail.example/inbox", "behind its host"),
        ("smtp://mail.example?tls=1", "'tls'"),
        ("smtp://mail.example?starttls=maybe", "starttls=maybe"),
        ("smtp://:secret@mail.example", "a password and no user"),
    ],
)
def test_url_that_cannot_be_used_is_refused_with_a_sentence_without_its_password(url: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as refused:
        read_smtp_url(url)
    assert str(refused.value).startswith("--smtp-url ")
    assert "secret" not in str(refused.value)


def test_password_is_in_no_text_of_an_address() -> None:
    assert "secret" not in repr(read_smtp_url("smtp://user:secret@mail.example"))
