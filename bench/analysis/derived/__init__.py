"""What tables, charts, sentences and verdicts say, worked out of the raw results once."""
