"""What the figures of a run come to: thresholds, validity, the bottleneck."""
