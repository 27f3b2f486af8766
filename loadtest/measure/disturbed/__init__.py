"""What faults that a run brings about mean for its ledger: when they may be felt, and how presence is judged then."""
