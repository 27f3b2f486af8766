"""Accounts: logging in and out, and the stored token."""
