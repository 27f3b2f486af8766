"""What a request says that it has and takes: entity tags and codings."""

from __future__ import annotations

import re

_NO_WEIGHT = re.compile(r"q=0(\.0*)?")


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """RFC 9110 section 13.1.2: a list of tags or ``*``, compared weakly."""
    if not if_none_match:
        return False
    if if_none_match == etag:
        return True
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether a client takes gzip (RFC 9110 section 12.5.3): by name, or else by ``*``; a weight of 0 is a no."""
    wanted: dict[str, bool] = {}
    for part in (accept_encoding or "").lower().split(","):
        coding, _, weight = part.partition(";")
        wanted[coding.strip()] = _NO_WEIGHT.fullmatch(weight.replace(" ", "")) is None
    return wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", False)))
