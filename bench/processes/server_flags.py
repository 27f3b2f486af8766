"""Flags of ``lobby-server``, built in one place from the names of its settings."""

from __future__ import annotations


def server_flags(**settings: str | int) -> tuple[str, ...]:
    """``heartbeat_timeout_s=600`` is ``--heartbeat-timeout-s 600``; in the order given.

    Names are those of the server's settings (``lobby-server --help`` lists them, with units).
    """
    return tuple(word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value)))


def lab_flags(**settings: str | int) -> tuple[str, ...]:
    """What every server of the lab has, and these: registrations unthrottled, and warnings alone in the log."""
    return server_flags(auth_rate_per_min=0, log_level="warning", **settings)


LASTING_ROOMS_S = 3600
"""`empty_room_ttl_s` where rooms must not vanish by themselves: the hosts of the lab hold no sockets."""
