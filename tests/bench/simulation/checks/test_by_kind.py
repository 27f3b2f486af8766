"""A table by type: exact types only, one function for each."""

from __future__ import annotations

import pytest

from bench.simulation.checks.by_kind import ByKind


def test_function_is_found_by_the_exact_type() -> None:
    table: ByKind[[int], int] = ByKind()

    @table.on(int)
    def times(value: int, by: int) -> int:
        return value * by

    found = table.of(7)
    assert found is not None
    assert found(7, 3) == 21
    assert table.of(True) is None, "a subclass is another kind"
    assert table.kinds == (int,)


def test_second_function_for_one_type_is_refused() -> None:
    table: ByKind[[], str] = ByKind()
    table.on(str)(str.upper)
    with pytest.raises(ValueError, match="str has a function already"):
        table.on(str)(str.lower)
