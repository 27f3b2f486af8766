"""Two runs side by side, and a run beside the stored baseline: may they be compared, and what became worse."""
