"""Email addresses of accounts and the way back in by mail, from the call to the link, over a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mail.server import Postbox, smtp_server, wait_for
from tests.nobody import port_to_come_back_to
from tests.web.api.test_upkeep import OTHER, PASSWORD, cheap_hashes, holds, log_in, register  # noqa: F401
from tests.web.conftest import Answer, Lobby, StartLobby

PAGE = "https://play.example/lobby"
ANN = "ann@example.org"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with smtp_server() as started:
        yield started


def mail_settings(postbox: Postbox) -> dict[str, Any]:
    return settings_with(postbox.port)


def settings_with(port: int) -> dict[str, Any]:
    return {
        "smtp_url": f"smtp://127.0.0.1:{port}?starttls=never",
        "mail_from": "Lobby <lobby@play.example>",
        "public_url": f"{PAGE}/",
        "auth_rate_per_min": 0.0,
    }


@pytest.fixture
async def mailing(start_lobby: StartLobby, postbox: Postbox) -> Lobby:
    lobby: Lobby = await start_lobby(**mail_settings(postbox))
    return lobby


async def set_email(lobby: Lobby, token: str, email: str | None, **more: str) -> Answer:
    body = {"password": PASSWORD, "email": email, **more}
    return await lobby.call("POST", "/api/account/email", body, token=token)


async def account(lobby: Lobby, token: str) -> Any:
    return (await lobby.call("GET", "/api/account", token=token)).body


async def confirm(lobby: Lobby, token: str) -> Answer:
    return await lobby.call("POST", "/api/auth/email-confirmations", {"token": token})


async def sent(lobby: Lobby) -> None:
    """All mails that were asked for are on their way."""
    await wait_for(lambda: not len(lobby.server.app.mails))


async def with_email(lobby: Lobby, postbox: Postbox, username: str = "ann", email: str = ANN) -> str:
    """A new account with a confirmed address; its token."""
    token = str((await register(lobby, username))["token"])
    await sent(lobby)
    assert (await set_email(lobby, token, email)).status == 200
    await sent(lobby)
    assert postbox.recipients[-1] == [email]
    assert (await confirm(lobby, postbox.token_of())).status == 200
    return token


async def ask_reset(lobby: Lobby, username: str, **more: str) -> Answer:
    return await lobby.call("POST", "/api/auth/reset-requests", {"username": username, **more})


async def reset(lobby: Lobby, token: str, password: str = OTHER) -> Answer:
    return await lobby.call("POST", "/api/auth/reset", {"token": token, "new_password": password})


# -- the address --------------------------------------------------------------------------------------------------


async def test_address_counts_once_it_is_confirmed_by_the_link_of_the_mail(mailing: Lobby, postbox: Postbox) -> None:
    token = (await register(mailing, "ann"))["token"]
    assert (await set_email(mailing, token, ANN)).status == 200
    await sent(mailing)
    assert (await account(mailing, token))["user"]["email"] is None
    assert postbox.recipients == [[ANN]]
    assert f"{PAGE}/#confirm=" in postbox.text_of()
    assert "ann" in postbox.text_of()
    for _ in range(2):  # mail programs open links by themselves, too
        assert (await confirm(mailing, postbox.token_of())).status == 200
    found = await account(mailing, token)
    assert (found["user"]["email"], found["email_confirmed"], found["sends_mail"]) == (ANN, True, True)


async def test_address_is_not_changed_without_the_password(mailing: Lobby, postbox: Postbox) -> None:
    token = (await register(mailing, "ann"))["token"]
    refused = await set_email(mailing, token, ANN, password="not the password")
    assert (refused.status, refused.body["code"]) == (401, "invalid_credentials")
    refused = await set_email(mailing, token, "no address")
    assert (refused.status, list(refused.body["fields"])) == (400, ["email"])
    stranger = await set_email(mailing, mailing.token(5, "outside"), ANN)
    assert (stranger.status, stranger.body["code"]) == (404, "account_not_here")
    assert postbox.asked == 0


async def test_address_is_removed_and_no_mail_goes_there_any_more(mailing: Lobby, postbox: Postbox) -> None:
    token = await with_email(mailing, postbox)
    assert (await set_email(mailing, token, None)).status == 200
    found = await account(mailing, token)
    assert (found["user"]["email"], found["email_confirmed"]) == (None, False)
    await ask_reset(mailing, "ann")
    await sent(mailing)
    assert len(postbox.mails) == 1


async def test_confirmed_address_of_another_account_cannot_be_had_and_an_unconfirmed_one_can(
    mailing: Lobby, postbox: Postbox
) -> None:
    await with_email(mailing, postbox)
    body = {"username": "squatter", "password": PASSWORD, "email": "bob@example.org"}
    squatter = (await mailing.call("POST", "/api/auth/register", body)).body["token"]
    await with_email(mailing, postbox, "bob", "BOB@example.org")
    assert (await account(mailing, squatter))["user"]["email"] is None
    late = (await register(mailing, "late"))["token"]
    assert (await set_email(mailing, late, ANN)).status == 200, "whose address it is, is told to its owner only"
    await sent(mailing)
    refused = await confirm(mailing, postbox.token_of())
    assert (refused.status, refused.body["code"]) == (409, "email_taken")


async def test_link_of_an_earlier_address_or_password_confirms_nothing(mailing: Lobby, postbox: Postbox) -> None:
    token = (await register(mailing, "ann"))["token"]
    for address in (ANN, "other@example.org"):
        await set_email(mailing, token, address)
        await sent(mailing)
    first, second = postbox.token_of(0), postbox.token_of(1)
    assert (await confirm(mailing, second)).status == 200
    refused = await confirm(mailing, first)
    assert (refused.status, refused.body["code"]) == (403, "email_link_invalid")
    for nonsense in ("nonsense", token):
        assert (await confirm(mailing, nonsense)).body["code"] == "email_link_invalid"


# -- the reset ----------------------------------------------------------------------------------------------------


async def test_forgotten_password_is_replaced_by_the_link_once_and_signs_out_everywhere(
    mailing: Lobby, postbox: Postbox
) -> None:
    old = await with_email(mailing, postbox)
    socket = await mailing.connect(old)
    assert (await ask_reset(mailing, ANN.upper())).status == 200, "the address works as username"
    await sent(mailing)
    assert postbox.recipients[-1] == [ANN]
    assert f"{PAGE}/#reset=" in postbox.text_of()
    back = await reset(mailing, postbox.token_of())
    assert (back.status, back.body["user"]["username"]) == (200, "ann")
    assert await socket.closed() == 4502
    assert (await holds(mailing, old), await holds(mailing, back.body["token"])) == (False, True)
    assert (await log_in(mailing, "ann", OTHER)).status == 200
    again = await reset(mailing, postbox.token_of())
    assert (again.status, again.body["code"]) == (403, "reset_link_invalid")


async def test_answer_is_the_same_whether_there_is_an_account_an_address_or_neither(
    mailing: Lobby, postbox: Postbox
) -> None:
    await with_email(mailing, postbox)
    await register(mailing, "bob")
    body = {"username": "cleo", "password": PASSWORD, "email": "cleo@example.org"}
    await mailing.call("POST", "/api/auth/register", body)  # never confirmed
    answers = [await ask_reset(mailing, name) for name in ("bob", "cleo", "cleo@example.org", "nobody", "a\tb", "ann")]
    assert {(each.status, str(each.body)) for each in answers} == {(200, "{'success': True}")}
    names = [{name.lower() for name in each.headers} for each in answers]
    assert all(each == names[0] for each in names)
    await sent(mailing)
    assert postbox.recipients == [[ANN], [ANN]]


async def test_mail_is_in_the_language_that_was_asked_for(mailing: Lobby, postbox: Postbox) -> None:
    await with_email(mailing, postbox)
    await ask_reset(mailing, "ann", language="de")
    await sent(mailing)
    assert postbox.mails[-1]["Subject"] == "Neues Passwort wählen"
    assert "Hallo ann" in postbox.text_of()
    refused = await ask_reset(mailing, "ann", language="fr")
    assert (refused.status, list(refused.body["fields"])) == (400, ["language"])


async def test_reset_link_ends_with_another_address_and_by_itself(
    mailing: Lobby, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await with_email(mailing, postbox)
    await ask_reset(mailing, "ann")
    await sent(mailing)
    old_link = postbox.token_of()
    await set_email(mailing, token, "new@example.org")
    await sent(mailing)
    await confirm(mailing, postbox.token_of())
    assert (await reset(mailing, old_link)).body["code"] == "reset_link_invalid"
    monkeypatch.setattr("lobby_server.service.accounts.letters.MAILED_RESET_TTL_S", -1)
    await ask_reset(mailing, "ann")
    await sent(mailing)
    assert (await reset(mailing, postbox.token_of())).body["code"] == "reset_link_invalid"


async def test_address_and_reset_link_outlive_a_restart(start_lobby: StartLobby, postbox: Postbox) -> None:
    lobby = await start_lobby(**mail_settings(postbox))
    token = await with_email(lobby, postbox)
    await ask_reset(lobby, "ann")
    await sent(lobby)
    data_dir = lobby.server.settings.data_dir
    await lobby.server.drain()
    lobby = await start_lobby(**mail_settings(postbox), data_dir=data_dir)
    assert (await account(lobby, token))["email_confirmed"]
    assert (await reset(lobby, postbox.token_of())).status == 200


# -- limits, and servers that send nothing ------------------------------------------------------------------------


async def test_one_account_and_one_address_get_no_more_mails_than_the_limit_and_nobody_sees_it(
    start_lobby: StartLobby, postbox: Postbox
) -> None:
    lobby = await start_lobby(**mail_settings(postbox), mail_rate_per_hour=3.0)
    token = await with_email(lobby, postbox)  # the first one
    for _ in range(5):
        assert (await ask_reset(lobby, "ann")).status == 200
    assert (await set_email(lobby, token, "victim@example.org")).status == 200
    await with_email(lobby, postbox, "bob", "bob@example.org")
    assert postbox.recipients == [[ANN], [ANN], [ANN], ["bob@example.org"]]


async def test_one_client_asks_for_no_more_mails_than_the_limit_whoever_they_are_for(
    start_lobby: StartLobby, postbox: Postbox
) -> None:
    lobby = await start_lobby(**mail_settings(postbox), mail_rate_per_hour=1.0)
    answers = [await ask_reset(lobby, f"nobody{number}") for number in range(5)]
    assert [each.status for each in answers] == [200] * 4 + [429]
    assert answers[-1].body["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) > 60


async def test_without_a_mail_server_the_calls_say_so_to_everybody_alike(lobby: Lobby) -> None:
    token = (await register(lobby, "ann"))["token"]
    for name in ("ann", "nobody"):
        refused = await ask_reset(lobby, name)
        assert (refused.status, refused.body["code"]) == (409, "mail_off")
    assert (await set_email(lobby, token, ANN)).body["code"] == "mail_off"
    assert (await set_email(lobby, token, None)).status == 200, "an address can still be removed"
    assert not (await account(lobby, token))["sends_mail"]


async def test_mail_server_that_is_away_delays_no_answer_and_gets_the_mail_later(
    start_lobby: StartLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lobby_server.service.mail.outbox.RETRY_AFTER_S", (0.1,) * 200)
    with port_to_come_back_to() as port:
        lobby = await start_lobby(**settings_with(port))
        token = (await register(lobby, "ann"))["token"]
        assert (await set_email(lobby, token, ANN)).status == 200
        with smtp_server(port=port) as back:
            await wait_for(lambda: back.mails)
            assert (await confirm(lobby, back.token_of())).status == 200


async def test_mails_that_wait_as_the_server_ends_are_sent_by_the_next_start(
    start_lobby: StartLobby, postbox: Postbox
) -> None:
    lobby = await start_lobby(**mail_settings(postbox))
    token = await with_email(lobby, postbox)
    data_dir = lobby.server.settings.data_dir
    postbox.answer_to_data = "451 not now"
    assert (await ask_reset(lobby, "ann")).status == 200
    assert (await set_email(lobby, token, "ann@other.example")).status == 200
    await wait_for(lambda: postbox.asked >= 3)
    await lobby.server.drain()
    assert len(postbox.mails) == 1
    postbox.answer_to_data = ""
    lobby = await start_lobby(**mail_settings(postbox), data_dir=data_dir)
    await sent(lobby)
    assert sorted(postbox.recipients[1:]) == [[ANN], ["ann@other.example"]]
    assert (await reset(lobby, postbox.token_of(postbox.recipients.index([ANN], 1)))).status == 200


async def test_mails_that_wait_are_in_the_export_of_their_user_and_go_with_the_account(
    mailing: Lobby, postbox: Postbox
) -> None:
    token = (await register(mailing, "ann"))["token"]
    other = (await register(mailing, "bob"))["token"]
    postbox.answer_to_data = "451 not now"
    assert (await set_email(mailing, token, ANN)).status == 200
    await wait_for(lambda: postbox.asked)
    (mail,) = (await mailing.call("GET", "/api/account/export", token=token)).body["mails"]
    assert (mail["kind"], mail["address"], mail["until"][-1]) == ("confirmation", ANN, "Z")
    assert (await mailing.call("GET", "/api/account/export", token=other)).body["mails"] == []
    user_id = (await account(mailing, token))["user"]["id"]
    assert (await mailing.call("POST", "/api/account/delete", {"password": PASSWORD}, token=token)).status == 200
    assert await mailing.server.app.store.mails_of(user_id) == []


async def test_mail_that_waits_is_not_sent_once_its_account_has_another_password(
    start_lobby: StartLobby, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knew the old one may have asked for it."""
    monkeypatch.setattr("lobby_server.service.mail.outbox.RETRY_AFTER_S", (0.05,))
    lobby = await start_lobby(**mail_settings(postbox))
    token = (await register(lobby, "ann"))["token"]
    postbox.answer_to_data = "451 not now"
    assert (await set_email(lobby, token, "thief@example.org")).status == 200
    await wait_for(lambda: postbox.asked)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await lobby.call("POST", "/api/auth/password", body, token=token)).status == 200
    await sent(lobby)  # one that was on its way as the password changed is refused as well, and not tried again
    postbox.answer_to_data = ""
    assert postbox.mails == []


async def test_slow_mail_server_delays_neither_an_answer_nor_a_login(mailing: Lobby, postbox: Postbox) -> None:
    postbox.is_slow = True
    token = (await register(mailing, "ann"))["token"]
    for number in range(3):
        assert (await set_email(mailing, token, f"ann{number}@example.org")).status == 200
    assert (await log_in(mailing, "ann")).status == 200
    assert postbox.mails == [], "all of it was answered before the first mail was taken"
    postbox.is_slow = False
    await sent(mailing)
    assert len(postbox.mails) == 3
