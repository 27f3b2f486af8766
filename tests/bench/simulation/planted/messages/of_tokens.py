"""What a socket hears of its token, who is let in by one, and when a socket is closed for it."""

from __future__ import annotations

from tests.bench.simulation.planted.messages.ways import LOST, STRANGE, UNTRUE, ways
from tests.bench.simulation.planted.planting import CLIENT, SERVICE, Edit, Mutant, one

ACCOUNT = f"{CLIENT}.accounts.authentication:AuthenticationManager"
SESSION, TOKENS_OF = f"{SERVICE}.session:Session", f"{SERVICE}.auth:Tokens"
ALL = "self._rules.observer._sessions.accepted_ones()"
IN_TIME, OPENS = "what is promised for a moment comes then", "a token lets in as long as it holds"
OUTLIVES, STAYS = "no socket outlives its token", "a socket stays as long as its token"
GREETING = "the greeting comes first"
SIGNED_OUT, RENEWS = "who signs out has no socket", "who renews their token stays"
WARNS = "self.reply(TokenExpiring(in_s=max(0, round(left_s))))"
ENDS = "self._expect_end_of(claims)"
WARNS_AT, CLOSES_AT = "self._token_ends_s - warning_s", "closes_s = self._token_ends_s + self._rules.token_grace_s"
LEFT = "left_s = self._token_ends_s - self._rules.clock.elapsed_s()"
CLOSES = "clock.call_later(max(0.0, closes_s - clock.elapsed_s()), self._token_ended)"

TOKENS = (
    *ways(
        "token_expiring", f"{SESSION}._warn", WARNS,
        to=WARNS.replace("self", "[each", 1) + f" for each in list({ALL})]",
        says=("round(left_s)", "round(left_s) + 1"),
    ),
    one(
        "token_expiring comes before the greeting", f"{SESSION}._accept", "self._rules.observer.accepted(",
        f"{ENDS}; self._rules.observer.accepted(", by=(GREETING,),
    ),
    one(
        "token_expiring comes late", f"{SESSION}._expect_end_of", WARNS_AT, f"{WARNS_AT} / 2", by=(IN_TIME, LOST),
    ),
    one(
        "token_expiring comes at once", f"{SESSION}._expect_end_of", WARNS_AT, "clock.elapsed_s() + 0.1",
        by=(IN_TIME,),
    ),
    one(
        "a token ends later by as much as its process stood still", f"{SESSION}._warn", LEFT,
        "left_s = self._token_ends_s - self._warns_s; self._token_ends_s = self._rules.clock.elapsed_s() + left_s",
        by=(UNTRUE, STRANGE, OUTLIVES),
    ),
    one(
        "what follows from a token comes later by as much as its machine was suspended",
        f"{SESSION}.timers_stood_still", "self._await_end_of_token()", "pass", by=(OUTLIVES, LOST, IN_TIME, STAYS),
    ),
    one(
        "token_expiring comes again", f"{SESSION}._warn", WARNS,
        f"{WARNS}; self._rules.clock.call_later(left_s / 2, self.reply, TokenExpiring(in_s=round(left_s / 2)))",
        by=(UNTRUE, STRANGE, IN_TIME),
    ),
    *ways(
        "refreshed", f"{SESSION}._refresh", "self.reply(Refreshed(token_ttl_s=self._token_ttl_s(claims)))",
        to=f"[each.reply(Refreshed(token_ttl_s=self._token_ttl_s(claims))) for each in list({ALL})]",
        says=("self._token_ttl_s(claims)", "self._token_ttl_s(claims) + 1"),
    ),
    one(
        "a fresh token leaves the old end", f"{SESSION}._refresh", "self._expect_end_of(claims)", "pass",
        by=(STAYS, IN_TIME),
    ),
    one(
        "the end of a token that was refreshed comes all the same", f"{SESSION}._await_end_of_token",
        "self._timer.cancel()", "pass", by=(STAYS, IN_TIME, UNTRUE, STRANGE),
    ),
    one(
        "a fresh token is not the one that is signed out", f"{SESSION}._refresh",
        "self.token_id, self.sign_in_key = claims.token_id, claims.sign_in_key", "pass", by=(SIGNED_OUT, STAYS),
    ),
    one(
        "a token of another user is taken for a fresh one", f"{SESSION}._refresh",
        "if claims.user.id != self.user.id:", "if False:", by=(UNTRUE, STRANGE),
    ),
    one(
        "a socket outlives its token", f"{SESSION}._token_ended",
        'self.close(CloseCode.SIGNED_OUT, "the token has expired")', "pass", by=(OUTLIVES,),
    ),
    one(
        "a socket that was not to be told outlives its token", f"{SESSION}._await_end_of_token",
        CLOSES, f"{CLOSES} if Feature.REFRESH in self.features else None", by=(OUTLIVES,),
    ),
    one(
        "a socket is closed as its token ends", f"{SESSION}._await_end_of_token", CLOSES_AT,
        "closes_s = self._token_ends_s", by=(STAYS,),
    ),
    Mutant(
        "a base client is closed as its token ends",
        (
            Edit(f"{SESSION}._greet", (("        return", f"        {ENDS}; return"),)),
            Edit(f"{SESSION}._expect_end_of", (("if not self.features:", "if False:"),)),
        ),
        by=(STAYS,),
    ),
    one(
        "a token that has ended lets in", f"{TOKENS_OF}._end_of", "if expires_at_s <= now_s:", "if False:",
        by=(OPENS, UNTRUE),
    ),
    one(
        "a token ends two seconds early", f"{TOKENS_OF}._end_of", "if expires_at_s <= now_s:",
        "if expires_at_s <= now_s + 2.0:", by=(OPENS, LOST),
    ),
    one(
        "a client that is told so renews nothing", f"{ACCOUNT}._on_expiring",
        "self.connection.side.put(self._renew)", "pass", by=(RENEWS,),
    ),
    one(
        "a fresh token waits for the next handshake", f"{CLIENT}.sockets.connection:ConnectionManager.renew_token",
        "link.send(messages.Refresh(token=token))", "pass", by=(RENEWS,),
    ),
)  # fmt: skip
