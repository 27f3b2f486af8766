"""The public names of the client say what they are, take and promise."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from loadtest import client

PORTS: tuple[type, ...] = (client.HttpCaller, client.ReconnectPolicy)
"""What they say of a method holds for everything that implements them."""


def undocumented(public: type) -> Iterator[str]:
    """Public methods and properties without a docstring, also of a base or a port; and a constructor whose arguments
    nobody explains. Fields of dataclasses and arguments of errors stand in the docstring of the class."""
    is_plain = dataclasses.is_dataclass(public) or issubclass(public, Exception) or public in PORTS
    for name, member in vars(public).items():
        if not (inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)):
            continue
        if name == "__init__":
            is_told = is_plain or not inspect.signature(public).parameters or bool(member.__doc__)
        else:
            is_told = name.startswith("_") or any(doc_of(each, name) for each in (*public.__mro__, *PORTS))
        if not is_told:
            yield name


def doc_of(owner: type, name: str) -> str | None:
    member: Any = vars(owner).get(name)
    return member.__doc__ if member is not None else None


@pytest.mark.parametrize("name", client.__all__)
def test_public_name_is_documented_with_all_that_it_offers(name: str) -> None:
    public = getattr(client, name)
    assert inspect.getdoc(public)
    assert not inspect.isclass(public) or list(undocumented(public)) == []


def test_what_is_not_documented_is_found() -> None:
    class Half:
        def __init__(self, size: int) -> None:
            self.size = size

        def grow(self) -> None: ...

        def shrink(self) -> None:
            """Documented."""

    assert list(undocumented(Half)) == ["__init__", "grow"]
