"""The world as the clients on one machine see it: it can stand still, as a laptop does whose lid is closed, and all of
it goes on together. Its clock goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.simulation.outside.loop import Call, World


class Machine:
    """`World`, as far as clients use it; and `Maker` of what they are to do."""

    def __init__(self, world: World) -> None:
        self.is_standing = False
        self._world = world
        self._held: list[Call] = []

    # -- `World` --------------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self._world.now_s

    @property
    def hub(self) -> Any:
        return self._world.hub

    @property
    def fibers(self) -> dict[Any, None]:
        return self._world.fibers

    @property
    def spare(self) -> list[Any]:
        return self._world.spare

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        return self.call_at(self._world.now_s + delay_s, callback, *args)

    def call_at(self, at_s: float, callback: Callable[..., Any], *args: Any) -> Call:
        return self._world.put(Call(at_s, self, callback, args))

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self.call_at(self._world.now_s, callback, *args)

    # -- `Maker` --------------------------------------------------------------------------------------------------

    def make(self, call: Call) -> None:
        """Now; while the machine stands, as it goes on."""
        if self.is_standing:
            self._held.append(call)
        else:
            call.callback(*call.args)

    # -- what becomes of it ---------------------------------------------------------------------------------------

    def stand_still(self) -> None:
        """Nothing is called until `go_on`."""
        self.is_standing = True

    def go_on(self) -> None:
        """Everything that fell due meanwhile is called, in its order."""
        self.is_standing = False
        held, self._held = self._held, []
        for call in held:
            self._world.put(call)
