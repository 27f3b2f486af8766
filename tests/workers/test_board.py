"""Which of several workers takes the next newcomer."""

from __future__ import annotations

from pathlib import Path

from lobby_server.workers.board import LEAD, Board, Seat, make_board


def seats(folder: Path, count: int) -> list[Seat]:
    make_board(folder / "board", count=count)
    return [Seat(Board(folder / "board"), number) for number in range(1, count + 1)]


def test_worker_alone_at_the_board_takes_everybody(tmp_path: Path) -> None:
    first, _ = seats(tmp_path, 2)
    assert first.may_take(0)
    assert first.may_take(1000)


def test_worker_ahead_leaves_newcomers_to_the_one_with_fewest(tmp_path: Path) -> None:
    first, second, third = seats(tmp_path, 3)
    assert second.may_take(10)
    assert third.may_take(12)
    assert first.may_take(10 + LEAD)
    assert not first.may_take(10 + LEAD + 1)
    assert second.may_take(11)
    assert first.may_take(10 + LEAD + 1)


def test_worker_that_left_is_not_waited_for(tmp_path: Path) -> None:
    first, second = seats(tmp_path, 2)
    second.may_take(0)
    assert not first.may_take(100)
    second.leave()
    assert first.may_take(100)


def test_workers_see_each_other_by_the_file_alone(tmp_path: Path) -> None:
    _, second = seats(tmp_path, 2)
    Board(tmp_path / "board").put(1, 3)
    assert not second.may_take(3 + LEAD + 1)
    Board(tmp_path / "board").remove(1)
    assert second.may_take(3 + LEAD + 1)
