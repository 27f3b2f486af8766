"""An announcement that the log does not take is not kept: its author tries again, and it is told and listed once."""

from __future__ import annotations

from typing import Any

import pytest

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from tests.service.house import ANN, House
from tests.service.social.test_ties import log_takes_nothing

BOSS = User(9, "boss")


async def announce(house: House) -> None:
    await house.app.social.announcements.announce(BOSS, title="News", body="Back in a moment.")


async def listed(house: House) -> list[str]:
    await house.settle()
    return [each.title for each in (await house.app.social.announcements.last()).announcements]


async def test_announcement_that_the_log_did_not_take_is_in_no_list(house: House) -> None:
    ann = house.connect(ANN)
    with log_takes_nothing(house), pytest.raises(Refusal):
        await announce(house)
    assert await listed(house) == []
    await announce(house)
    assert await listed(house) == ["News"]
    assert ann.types() == ["announcement"]


@pytest.mark.parametrize("is_told", [True, False])
async def test_announcement_that_takes_too_long_is_kept_if_it_is_told_later(
    house: House, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    log, late = house.app.replica.log, list[Any]()

    def hold(command: Any, request: Any = None) -> None:
        late.append((command, request))
        request.given_up()

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", hold)
        with pytest.raises(Refusal):
            await announce(house)
    assert await listed(house) == ["News"], "nobody knows yet"
    [(command, request)] = late
    if is_told:
        log.append(command, request)
    else:
        request.refused(Refusal(RefusalCode.TRY_AGAIN_LATER))
    assert await listed(house) == (["News"] if is_told else [])
