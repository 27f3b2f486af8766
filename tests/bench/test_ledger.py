"""Every receipt has its place: first ones count, later ones are duplicates, missing ones are lost."""

from __future__ import annotations

import numpy as np

from bench.ledger import Receipts, account, account_by_number, account_states


def receipts(*entries: tuple[int, float, int]) -> Receipts:
    """Client, moment, number."""
    return Receipts(
        np.asarray([client for client, _, _ in entries], dtype=np.int64),
        np.asarray([at for _, at, _ in entries], dtype=np.float64),
        np.asarray([what for _, _, what in entries], dtype=np.int64),
    )


def test_account_by_time_counts_from_the_intended_time_not_from_sending() -> None:
    [entry] = account(receipts((0, 10.7, 0)), intended_s=[10.0], sent_s=[10.5], expected=1)
    assert np.allclose(entry.latencies_s, [0.7])


def test_account_by_time_finds_lost_and_double_receipts() -> None:
    came = receipts((0, 10.1, 0), (1, 10.2, 0), (0, 10.3, 0), (0, 11.1, 0))
    first, second = account(came, intended_s=[10.0, 11.0], sent_s=[10.0, 11.0], expected=3)
    assert (first.lost, first.twice) == (1, 1)
    assert np.allclose(sorted(first.latencies_s), [0.1, 0.2])
    assert (second.lost, second.twice) == (2, 0)


def test_receipt_between_intended_and_sent_belongs_to_the_broadcast_before() -> None:
    first, second = account(receipts((0, 11.2, 0)), intended_s=[10.0, 11.0], sent_s=[10.0, 11.5], expected=1)
    assert (first.lost, second.lost) == (0, 1)


def test_receipt_before_everything_is_nobodys() -> None:
    [entry] = account(receipts((0, 9.0, 0)), intended_s=[10.0], sent_s=[10.0], expected=1)
    assert (entry.lost, entry.twice) == (1, 0)


def test_account_by_number_ignores_when() -> None:
    first, second = account_by_number(receipts((0, 11.5, 0), (0, 11.6, 1)), intended_s=[10.0, 11.0], expected=1)
    assert np.allclose(first.latencies_s, [1.5])
    assert np.allclose(second.latencies_s, [0.6])


def test_state_with_a_newer_change_is_fresh_for_older_ones_too() -> None:
    first, second = account_states(receipts((0, 11.5, 1), (0, 12.0, 1)), intended_s=[10.0, 11.0], expected=2)
    assert np.allclose(first.latencies_s, [1.5])
    assert np.allclose(second.latencies_s, [0.5])
    assert (second.lost, second.twice) == (1, 0)


def test_state_without_the_change_is_not_fresh() -> None:
    [entry] = account_states(receipts((0, 10.5, -1)), intended_s=[10.0], expected=1)
    assert entry.lost == 1
