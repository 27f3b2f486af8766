"""What a run means: figures with intervals, validity, goals and verdicts, derived from the record alone."""
