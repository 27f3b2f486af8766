"""What the pages say: every sentence of them is there in German too, and no other. The words of the lobby page hold on
the operations page as well, which has more of its own.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lobby_server.core import accounts, machine
from lobby_server.core.refusal import LooksTaken
from lobby_server.protocol import requests
from lobby_server.service.accounts.upkeep import NOT_YOUR_PASSWORD
from lobby_server.web.api.accounts import TOO_MANY_ATTEMPTS
from lobby_server.web.api.authority.mailing import TOO_MANY_MAILS
from lobby_server.web.api.rooms import NO_GAMEMODE
from lobby_server.web.base import TOO_MANY_ASKED
from lobby_server.web.pages import STATIC
from lobby_server.web.refusals import REFUSALS

BODIES = (
    requests.AccountChange,
    requests.EmailChange,
    requests.EmailConfirmation,
    requests.Login,
    requests.NewReport,
    requests.PasswordChange,
    requests.PasswordProof,
    requests.PasswordReset,
    requests.ResetRequest,
    requests.RoomSettings,
)
"""Those that the lobby page sends, and whose faults it shows."""
BODIES_OF_ADMINISTRATORS = (
    requests.NewAnnouncement,
    requests.NewUserBan,
    requests.OneUsername,
    requests.Reason,
    requests.UserKick,
)


@dataclass(frozen=True)
class Page:
    """A page, its modules, and its words."""

    name: str
    html: Path
    modules: tuple[Path, ...]
    words: Path


LOBBY, OPERATIONS = (
    Page(
        folder,
        STATIC / html,
        (STATIC / f"{folder}.js", *sorted((STATIC / folder).glob("*.js"))),
        STATIC / folder / "words_de.js",
    )
    for folder, html in (("lobby", "index.html"), ("ops", "ops.html"))
)
PAGES = pytest.mark.parametrize("page", [LOBBY, OPERATIONS], ids=lambda page: page.name)
WORDLESS = re.compile(r"[\W\d]*")
VERBATIM = {"English", "Deutsch", "JSON", "/api/rooms", "deathmatch", "/metrics"}
"""The same in every language."""
OF_TABLES = {
    "sentences.js": ("REASONS", "CLOSES"),
    "connection_view.js": ("WORDS",),
    "notification_words.js": ("TITLES", "FORMS"),
    "ops.js": ("ROLES",),
    "admin.js": ("DEEDS",),
}
"""Tables whose sentences go through `t` when they are shown."""
OF_PROGRAMS = re.compile(r"\b(?:as text|is text|user: and|or id|gamemode|token|[a-z]+_[a-z_]+|[a-z]+[A-Z]\w*)\b")
"""What a sentence says to who writes a client, and to nobody who plays."""
NEVER_SEEN = {
    "isPublic is true or false.", "language is en or de.", "room_id is text, the id of a room.",
    "whereabouts is everybody, friends or nobody.",
}  # fmt: skip
"""Of fields that a page fills in by itself or from a list."""
_CALL = re.compile(r"\bt\(\s*(\"(?:[^\"\\]|\\.)*\")")
_ENTRY = re.compile(r'^  (?:"((?:[^"\\]|\\.)*)"|(\w+)): ("(?:[^"\\]|\\.)*"),$', re.MULTILINE)


class Texts(HTMLParser):
    """What people read in a page: texts, and the attributes that are words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within.append(tag)
        self.found |= {value for name, value in attrs if name in ("aria-label", "placeholder") and value}

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not {"script", "noscript", "code"} & set(self._within):
            self.found.add(text)


def of_page(page: Page) -> set[str]:
    texts = Texts()
    texts.feed(page.html.read_text(encoding="utf-8"))
    return {text for text in texts.found if not WORDLESS.fullmatch(text)}


def of_modules(page: Page) -> set[str]:
    found = set()
    for path in page.modules:
        if path == page.words:
            continue
        source = path.read_text(encoding="utf-8")
        found |= {ast.literal_eval(literal) for literal in _CALL.findall(source)}
        for table in OF_TABLES.get(path.name, ()):
            body = re.search(rf"^const {table} = [\[{{]$(.*?)^[\]}}];$", source, re.MULTILINE | re.DOTALL)
            assert body is not None, table
            found |= {ast.literal_eval(each) for each in re.findall(r'[:,] ("[^"]+")\]?,', body[1])}
    return found


def of_server(page: Page) -> set[str]:
    """Sentences of the API that the reader of a page may see on it."""
    if page is OPERATIONS:
        return set().union(*(kind.FAULTS.values() for kind in BODIES_OF_ADMINISTRATORS))
    found = {sentence for _, _, sentence in REFUSALS.values()}
    found |= {str(LooksTaken()), NOT_YOUR_PASSWORD, TOO_MANY_ATTEMPTS, TOO_MANY_ASKED, TOO_MANY_MAILS}
    found |= {requests.Whom.FAULTS["to_username"], NO_GAMEMODE}
    for kind in BODIES:
        found |= set(kind.FAULTS.values())
    for username, password in ((None, None), ("admin", "x" * 2000), ("ann", "bad\x00password")):
        found |= set(accounts.account_faults(username=username, password=password, email="none").values())
    return found


def german(page: Page) -> dict[str, str]:
    """The page's own words."""
    source = page.words.read_text(encoding="utf-8")
    return {
        ast.literal_eval(f'"{quoted}"') if quoted else bare: ast.literal_eval(translation)
        for quoted, bare, translation in _ENTRY.findall(source)
    }


@pytest.mark.parametrize("path", [*LOBBY.modules, *OPERATIONS.modules], ids=lambda path: str(path.relative_to(STATIC)))
def test_module_that_says_something_has_the_way_to_say_it(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.name != "words.js" and re.search(r"(?<![\w.])t\(\s*[\"\w]", source):
        imported = r"^import \{[^}]*\bt\b[^}]*\} from \"\.\.?/(lobby/)?words\.js\";$"
        assert re.search(imported, source, re.MULTILINE)


@PAGES
def test_every_sentence_of_the_page_is_there_in_german(page: Page) -> None:
    known = {**german(LOBBY), **german(page)}
    assert sorted((of_page(page) | of_modules(page)) - VERBATIM - known.keys()) == []


@PAGES
def test_every_sentence_of_the_server_that_a_reader_sees_is_there_in_german(page: Page) -> None:
    assert sorted(of_server(page) - german(LOBBY).keys() - german(page).keys()) == []


def english() -> dict[str, str]:
    """What a page says in place of what the server says to programs."""
    source = (STATIC / "lobby" / "words_en.js").read_text(encoding="utf-8")
    return {ast.literal_eval(f'"{quoted}"'): ast.literal_eval(said) for quoted, _, said in _ENTRY.findall(source)}


def test_no_sentence_on_a_page_names_a_field_or_a_type() -> None:
    said = {english().get(sentence, sentence) for page in (LOBBY, OPERATIONS) for sentence in of_server(page)}
    assert sorted(each for each in said - NEVER_SEEN if OF_PROGRAMS.search(each)) == []


def test_nothing_is_said_in_other_words_that_the_server_does_not_say() -> None:
    assert sorted(english().keys() - of_server(LOBBY) - of_server(OPERATIONS)) == []


@PAGES
def test_nothing_is_translated_that_nobody_says(page: Page) -> None:
    assert sorted(german(page).keys() - of_page(page) - of_modules(page) - of_server(page)) == []


def test_every_notification_that_the_server_writes_has_its_words() -> None:
    """With blanks in place of what differs from one to the next."""

    def bare(text: str) -> str:
        return re.sub(r"\{[^}]*\}", "{}", text)

    written = set()
    for path in Path(machine.__path__[0]).glob("*.py"):
        written |= {bare(text) for text in re.findall(r'\b(?:title|body)=f?"([^"]+)"', path.read_text("utf-8"))}
    assert len(written) == 9
    assert sorted(written - {bare(text) for text in german(LOBBY)}) == []


def test_a_sentence_of_both_pages_is_translated_once() -> None:
    assert sorted(german(LOBBY).keys() & german(OPERATIONS).keys()) == []


@PAGES
def test_every_line_of_the_words_is_read_here(page: Page) -> None:
    source = page.words.read_text(encoding="utf-8")
    assert len(german(page)) == source.count("\n  ") > 80


@pytest.mark.parametrize(
    ("sentence", "translation"), sorted([*german(LOBBY).items(), *german(OPERATIONS).items()]), ids=repr
)
def test_translation_has_the_blanks_of_its_sentence(sentence: str, translation: str) -> None:
    blanks = re.compile(r"\{\w+\}")
    assert sorted(blanks.findall(translation)) == sorted(blanks.findall(sentence))
    assert translation.strip() == translation != ""
