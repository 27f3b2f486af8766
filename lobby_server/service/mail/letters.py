"""What the server writes to its users, in English and in German. A letter says who gets it and why, and what to do when
they have not asked for it; it carries one link.
"""

from __future__ import annotations

from lobby_server.protocol.requests import Language
from lobby_server.service.mail.ports import Mail

_RESET = {
    "en": (
        "Choose a new password",
        "Hello {username},\n\n"
        "somebody, probably you, has asked for a new password for your account at {page}.\n\n"
        "Choose one here, within an hour:\n{link}\n\n"
        "You are then logged out everywhere. If you have not asked for it, do nothing: your password stays as it is.\n",
    ),
    "de": (
        "Neues Passwort wählen",
        "Hallo {username},\n\n"
        "jemand, wahrscheinlich du, hat ein neues Passwort für dein Konto bei {page} angefordert.\n\n"
        "Wähle es hier, innerhalb einer Stunde:\n{link}\n\n"
        "Du wirst dann überall abgemeldet. Hast du das nicht angefordert, tu nichts: Dein Passwort bleibt dasselbe.\n",
    ),
}
_CONFIRM = {
    "en": (
        "Confirm your email address",
        "Hello,\n\n"
        "the player {username} at {page} has given this address as theirs.\n\n"
        "If that is you, confirm it here, within a day:\n{link}\n\n"
        "If it is not, do nothing: the address is not used.\n",
    ),
    "de": (
        "E-Mail-Adresse bestätigen",
        "Hallo,\n\n"
        "der Spieler {username} bei {page} hat diese Adresse als seine angegeben.\n\n"
        "Bist du das, bestätige es hier, innerhalb eines Tages:\n{link}\n\n"
        "Bist du es nicht, tu nichts: Die Adresse wird nicht verwendet.\n",
    ),
}


def reset_letter(*, to: str, username: str, page: str, link: str, language: Language) -> Mail:
    """With the link to another password. `page`: the address of the lobby page."""
    return _letter(_RESET[language], to=to, username=username, page=page, link=link)


def confirmation_letter(*, to: str, username: str, page: str, link: str, language: Language) -> Mail:
    """With the link by which the owner of an address confirms it."""
    return _letter(_CONFIRM[language], to=to, username=username, page=page, link=link)


def _letter(words: tuple[str, str], *, to: str, **blanks: str) -> Mail:
    subject, text = words
    return Mail(to=to, subject=subject, text=text.format(**blanks))
