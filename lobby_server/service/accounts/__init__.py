"""Accounts: register, log in, and the queue before the threads that hash passwords."""
