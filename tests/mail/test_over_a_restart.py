"""A mail that was asked for while the mail server is away is sent after a restart, whatever ended the server."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench.processes.target import Target
from tests.mail.server import smtp_server
from tests.nobody import port_to_come_back_to
from tests.process.clients import call, register, wait_until

pytestmark = pytest.mark.system

ADDRESS, PASSWORD, OTHER = "ann@example.org", "a password", "another password"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_reset_mail_that_waits_for_the_mail_server_is_sent_by_the_next_start(
    tmp_path: Path, end: signal.Signals
) -> None:
    with port_to_come_back_to() as port:
        mail_is_sent_by_the_next_start(tmp_path, end, port)


def mail_is_sent_by_the_next_start(tmp_path: Path, end: signal.Signals, port: int) -> None:
    with smtp_server(port=port) as postbox:
        flags = [
            *("--smtp-url", f"smtp://127.0.0.1:{port}?starttls=never", "--mail-from", "lobby@play.example"),
            *("--public-url", "https://play.example"),
        ]
        target = Target(data_dir=tmp_path, flags=flags).start()
        try:
            token = register(target, "ann", PASSWORD).body["token"]
            body = {"email": ADDRESS, "password": PASSWORD}
            assert call(target, "POST", "/api/account/email", body, token=token).status == 200
            postbox.wait_for(1)
            confirmed = call(target, "POST", "/api/auth/email-confirmations", {"token": postbox.token_of()})
            assert confirmed.status == 200
        except BaseException:
            target.stop(signal.SIGKILL)
            raise
    try:
        assert call(target, "POST", "/api/auth/reset-requests", {"username": "ann"}).status == 200
        wait_until(lambda: "a mail was not sent, next attempt" in target.log_path.read_text(encoding="utf-8"))
        target.stop(end)
        with smtp_server(port=port) as back:
            target.start()
            back.wait_for(1)
            assert back.recipients == [[ADDRESS]]
            given = {"token": back.token_of(), "new_password": OTHER}
            assert call(target, "POST", "/api/auth/reset", given).status == 200
            target.stop()
            target.start()
            call(target, "POST", "/api/auth/reset-requests", {"username": "ann"})
            back.wait_for(2)
            assert len(back.mails) == 2, "the first one is not sent again"
    finally:
        target.stop(signal.SIGKILL)
