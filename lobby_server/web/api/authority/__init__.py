"""Calls that take more than a login: a host's place, the password of an account, the role of an administrator."""
