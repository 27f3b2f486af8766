"""Every receipt has its place: first ones count, later ones are duplicates, missing ones are lost."""

from __future__ import annotations

import numpy as np

from bench.load.changes.ledger import Entry, Receipts, account, account_by_number, account_states, after_newer, total


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


def test_what_did_not_come_is_told_by_cause() -> None:
    """Of five clients one is closed, one hears the first broadcast late, and one never hears the second."""
    client = np.array([0, 1, 2, 4, 0, 1, 2])
    stamp_s = np.array([1.01, 1.02, 1.03, 2.001, 2.01, 2.02, 2.03])
    first, second = account(
        Receipts(client, stamp_s), intended_s=[1.0, 2.0], sent_s=[1.0, 2.0], expected=5, closed=frozenset({3})
    )
    assert (first.lost, first.lost_by) == (2, {"closed": 1, "late": 1})
    assert (second.lost, second.lost_by, second.twice) == (2, {"closed": 1, "never": 1}, 0)


def test_older_after_newer_is_out_of_order_at_that_client_only() -> None:
    client, what = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 1, 0, 1])
    receipts = Receipts(client, np.array([1.0, 2.0, 3.0, 4.0, 5.0]), what)
    assert after_newer(receipts).tolist() == [False, False, True, False, False]
    entries = account_by_number(receipts, intended_s=[0.0, 0.0, 0.0], expected=2)
    assert [entry.disordered for entry in entries] == [0, 1, 0]


def test_ledgers_add_up() -> None:
    whole = total([Entry(np.array([0.1]), 1, 2, {"never": 1}), Entry(np.array([0.1, 0.2]), 1, 0, {"late": 1}, 3)])
    assert (whole.expected, whole.received, whole.twice, whole.disordered) == (5, 3, 2, 3)
    assert whole.lost == {"never": 1, "late": 1}
    assert whole.reach == 0.6
