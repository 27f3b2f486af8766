"""What a run records, and how it is judged: series, ledger, reach, health, metrics, thresholds, validity."""
