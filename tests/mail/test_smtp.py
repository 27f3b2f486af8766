"""Mail by SMTP, against a real server: plain, over TLS, with a login; and servers that are down, slow, or refuse."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from lobby_server.mail.address import read_smtp_url
from lobby_server.mail.opening import open_mailer
from lobby_server.mail.smtp import SmtpMailer, read_sender
from lobby_server.service.mail.ports import Mail, MailFailed
from tests.mail.server import smtp_server
from tests.nobody import refusing_port

CERTIFICATE = Path(__file__).parent.parent / "web" / "certs" / "cert.pem"
SENDER = "Spiele-Lobby Köln <lobby@play.example>"
MAIL = Mail(
    to="ann@example.org", subject="Neues Passwort wählen", text="Grüße\n\nhttps://play.example/#reset=" + "x" * 300
)


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of the tests is one that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


async def failure(url: str, *, sender: str = SENDER, mail: Mail = MAIL) -> MailFailed:
    with pytest.raises(MailFailed) as failed:
        await open_mailer(url, sender=sender).deliver(mail)
    assert MAIL.to not in str(failed.value), "who was written to is in no log"
    return failed.value


async def test_mail_arrives_as_it_was_written() -> None:
    with smtp_server() as postbox:
        await open_mailer(f"smtp://127.0.0.1:{postbox.port}?starttls=never", sender=SENDER).deliver(MAIL)
    (mail,) = postbox.mails
    assert postbox.recipients == [[MAIL.to]]
    assert (mail["To"], mail["From"], mail["Subject"]) == (MAIL.to, SENDER, MAIL.subject)
    assert mail.get_content() == MAIL.text + "\n"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@play.example>")
    assert mail["Date"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("query", ["", "?starttls=offered"])
async def test_starttls_is_used_and_the_login_goes_through_it(query: str) -> None:
    with smtp_server(starttls=server_context(), login=("lobby", "p/a:ss@")) as postbox:
        url = f"smtp://lobby:p%2Fa%3Ass%40@127.0.0.1:{postbox.port}{query}"
        await open_mailer(url, sender=SENDER).deliver(MAIL)
        assert postbox.were_encrypted == [True]
        refused = await failure(url.replace("p%2Fa", "wrong"))
    assert refused.is_final
    assert "the user or the password of --smtp-url (535)" in str(refused)


@pytest.mark.usefixtures("trusted")
async def test_tls_from_the_first_byte() -> None:
    with smtp_server(tls=server_context()) as postbox:
        await open_mailer(f"smtps://localhost:{postbox.port}", sender=SENDER).deliver(MAIL)
        assert len(postbox.mails) == 1


async def test_certificate_that_does_not_hold_is_not_talked_to() -> None:
    with smtp_server(starttls=server_context()) as postbox:
        refused = await failure(f"smtp://127.0.0.1:{postbox.port}")
        assert postbox.mails == []
    assert refused.is_final
    assert "certificate" in str(refused)


async def test_nothing_is_sent_in_the_clear_unless_it_is_allowed() -> None:
    with smtp_server() as postbox:
        refused = await failure(f"smtp://127.0.0.1:{postbox.port}")
        assert (postbox.mails, postbox.asked) == ([], 0)
        await open_mailer(f"smtp://127.0.0.1:{postbox.port}?starttls=offered", sender=SENDER).deliver(MAIL)
        assert len(postbox.mails) == 1
    assert refused.is_final
    assert "STARTTLS" in str(refused)


@pytest.mark.parametrize(
    ("answer", "is_final"), [("550 no such user", True), ("450 mailbox busy", False), ("452 too many", False)]
)
async def test_refused_recipient_is_final_only_if_the_server_says_so(answer: str, is_final: bool) -> None:
    with smtp_server() as postbox:
        postbox.answer_to_rcpt = answer
        refused = await failure(f"smtp://127.0.0.1:{postbox.port}?starttls=never")
    assert (refused.is_final, str(refused)) == (is_final, f"the mail server refused the recipient ({answer[:3]})")


@pytest.mark.parametrize(("answer", "is_final"), [("554 looks like spam", True), ("451 try later", False)])
async def test_refused_mail_is_final_only_if_the_server_says_so(answer: str, is_final: bool) -> None:
    with smtp_server() as postbox:
        postbox.answer_to_data = answer
        refused = await failure(f"smtp://127.0.0.1:{postbox.port}?starttls=never")
    assert (refused.is_final, str(refused)) == (is_final, f"the mail server answered {answer[:3]}")


async def test_server_that_is_down_is_worth_another_attempt() -> None:
    with refusing_port() as port:
        refused = await failure(f"smtp://127.0.0.1:{port}?starttls=never")
    assert not refused.is_final
    assert "cannot be reached" in str(refused)


@pytest.mark.parametrize(
    ("limits", "words"), [({"step_timeout_s": 0.2}, "cannot be reached"), ({"limit_s": 0.2}, "more than 0.2 s")]
)
async def test_server_that_says_nothing_is_given_up(limits: dict[str, float], words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = read_smtp_url(f"smtp://127.0.0.1:{silent.getsockname()[1]}?starttls=never")
        with pytest.raises(MailFailed, match=words) as refused:
            await SmtpMailer(address, sender=read_sender(SENDER), **limits).deliver(MAIL)
    assert not refused.value.is_final


@pytest.mark.parametrize("to", ["two@x,three@x", "a b@x", '"@x', "<@x", "x@y\r\nBcc: all@x"])
async def test_address_that_would_be_several_or_none_is_not_written_to(to: str) -> None:
    with smtp_server() as postbox:
        mail = Mail(to=to, subject="s", text="t")
        refused = await failure(f"smtp://127.0.0.1:{postbox.port}?starttls=never", mail=mail)
        assert (postbox.asked, refused.is_final) == (0, True)


@pytest.mark.parametrize("sender", ["", "lobby", "lobby@", "@play.example", "Lobby <>"])
def test_sender_that_is_no_address_is_refused_with_a_sentence(sender: str) -> None:
    with pytest.raises(ValueError, match=r"^--mail-from must be an address"):
        open_mailer("smtp://127.0.0.1", sender=sender)
