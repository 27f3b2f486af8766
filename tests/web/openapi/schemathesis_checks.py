"""A check that schemathesis loads: what fits the description is taken.

Its own one takes any 400 for a refusal of the data. Here a code says more: ``invalid_target`` refuses what is right in
form, a user who invites themselves for instance.
"""

from __future__ import annotations

import schemathesis
from schemathesis import GenerationMode

NOT_OF_THE_FORM = frozenset({"invalid_target"})


@schemathesis.check
def described_data_is_taken(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE or response.status_code != 400:
        return
    body = response.json()
    assert body["code"] in NOT_OF_THE_FORM, f"what fits the description was refused: {body}"
