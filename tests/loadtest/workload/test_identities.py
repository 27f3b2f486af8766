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


def test_accounts_fit_the_contract():
    names = {account(seed, number).username for seed in (0, 2**32 - 1) for number in (0, 99_999)}
    assert len(names) == 4
    for name in names:
        assert 3 <= len(name) <= 20
        assert name.replace("_", "").isalnum()
    assert len(account(1, 1).password) >= 8
