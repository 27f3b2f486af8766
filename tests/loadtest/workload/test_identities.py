"""The parts of the swarm that need no Locust: options, pacing, identities, marks, figures."""

import jwt
import pytest

from loadtest.workload.identities import DealtTokens, MintedTokens, NoTokenLeft, Share, account


def test_every_number_has_a_token_of_its_own_until_they_run_out():
    tokens = DealtTokens(["a.b.c", "d.e.f"])
    assert [tokens.token_of(1), tokens.token_of(0), tokens.token_of(1)] == ["d.e.f", "a.b.c", "d.e.f"]
    with pytest.raises(NoTokenLeft, match="All 2 tokens are in use: mint more"):
        tokens.token_of(2)


def test_minted_tokens_have_the_claims_of_the_contract():
    secret = "s" * 32
    claims = [jwt.decode(MintedTokens(secret).token_of(number), secret, algorithms=["HS256"]) for number in (0, 7)]
    assert set(claims[0]) == {"userId", "username", "iat", "exp", "jti"}
    assert [claim["username"] for claim in claims] == ["swarm_0", "swarm_7"]
    assert claims[1]["userId"] - claims[0]["userId"] == 7


def test_numbers_of_all_processes_are_all_numbers():
    numbers = [Share(process=process, processes=4).number(local) for process in range(4) for local in range(5)]
    assert sorted(numbers) == list(range(20))


def test_a_process_that_joins_a_running_test_has_players_that_nobody_has():
    there = [Share(process=process, processes=2) for process in range(2)]
    late = [Share(late=number) for number in (1, 2)]
    numbers = [share.number(local) for share in (*there, *late) for local in range(1000)]
    assert len(set(numbers)) == 4000
    assert not any(share.is_ours(number) for share in late for number in numbers), "arrivals are shared at the start"
    with pytest.raises(NoTokenLeft, match="A worker joined the running test"):
        DealtTokens(["a.b.c"] * 50).token_of(late[0].number(0))


def test_the_users_of_tokens_are_known_where_their_claims_tell():
    secret = "s" * 32
    minted = MintedTokens(secret)
    dealt = DealtTokens([*(minted.token_of(number) for number in range(3)), "a.b.c"])
    assert dealt.user_ids(2) == minted.user_ids(2)
    assert dealt.user_ids(9) == minted.user_ids(3)


def test_accounts_fit_the_contract():
    late = Share(late=200)
    numbers = (0, 99_999, 12_345, late.number(0), late.number(99_999), Share(late=1).number(12_345))
    names = {account(seed, number).username for seed in (0, 2**32 - 1) for number in numbers}
    assert len(names) == 12
    for name in names:
        assert 3 <= len(name) <= 20
        assert name.replace("_", "").isalnum()
    assert len(account(1, 1).password) >= 8
