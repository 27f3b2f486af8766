"""The way out for mail: any server that speaks SMTP."""

from lobby_server.mail.opening import open_mailer

__all__ = ["open_mailer"]
