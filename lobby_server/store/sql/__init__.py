"""The store in SQL: one part per subject."""
