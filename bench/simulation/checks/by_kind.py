"""What is done with a value by its type: a table in which each function takes what it is registered for, so that a type
checker follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

_Kind = TypeVar("_Kind")
_More = ParamSpec("_More")
_Found = TypeVar("_Found")


class ByKind(Generic[_More, _Found]):
    """Functions by the exact type of their first argument."""

    def __init__(self) -> None:
        self._acts: dict[type, Callable[Concatenate[Any, _More], _Found]] = {}

    def on(
        self, kind: type[_Kind]
    ) -> Callable[[Callable[Concatenate[_Kind, _More], _Found]], Callable[Concatenate[_Kind, _More], _Found]]:
        """The function below is for values of a type. Raises `ValueError` where there is one already."""

        def put(act: Callable[Concatenate[_Kind, _More], _Found]) -> Callable[Concatenate[_Kind, _More], _Found]:
            if kind in self._acts:
                raise ValueError(f"{kind.__name__} has a function already")
            self._acts[kind] = act
            return act

        return put

    @property
    def kinds(self) -> tuple[type, ...]:
        """For which there is a function, in the order in which they came."""
        return tuple(self._acts)

    def of(self, value: object) -> Callable[Concatenate[Any, _More], _Found] | None:
        """The function for a value; None: there is none."""
        return self._acts.get(type(value))
