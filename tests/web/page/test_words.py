"""What the lobby page says: every sentence of it is there in German too, and no other."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lobby_server.core import accounts
from lobby_server.core.refusal import LooksTaken
from lobby_server.protocol import requests
from lobby_server.service.accounts.upkeep import NOT_YOUR_PASSWORD
from lobby_server.web.api.accounts import TOO_MANY_ATTEMPTS
from lobby_server.web.base import TOO_MANY_ASKED
from lobby_server.web.pages import STATIC
from lobby_server.web.refusals import REFUSALS

BODIES = (
    requests.Login,
    requests.NewReport,
    requests.PasswordChange,
    requests.PasswordProof,
    requests.PasswordReset,
    requests.RoomSettings,
)
"""Those that the page sends, and whose faults it shows."""
MODULES = [STATIC / "lobby.js", *sorted((STATIC / "lobby").glob("*.js"))]
WORDLESS = re.compile(r"[\W\d]*")
VERBATIM = {"English", "Deutsch", "JSON", "/api/rooms", "deathmatch"}
"""The same in every language."""
OF_TABLES = {"sentences.js": ("REASONS", "CLOSES"), "connection_view.js": ("WORDS",), "notice_words.js": ("FORMS",)}
"""Tables whose sentences go through `t` when they are shown."""
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


def of_page() -> set[str]:
    texts = Texts()
    texts.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    return {text for text in texts.found if not WORDLESS.fullmatch(text)}


def of_modules() -> set[str]:
    found = set()
    for path in MODULES:
        if path.name == "words_de.js":
            continue
        source = path.read_text(encoding="utf-8")
        found |= {ast.literal_eval(literal) for literal in _CALL.findall(source)}
        for table in OF_TABLES.get(path.name, ()):
            body = re.search(rf"^const {table} = [\[{{]$(.*?)^[\]}}];$", source, re.MULTILINE | re.DOTALL)
            assert body is not None, table
            found |= {ast.literal_eval(each) for each in re.findall(r'[:,] ("[^"]+")\]?,', body[1])}
    return found


def of_server() -> set[str]:
    """Sentences of the API that a player may read on the page."""
    found = {sentence for _, _, sentence in REFUSALS.values()}
    found |= {str(LooksTaken()), NOT_YOUR_PASSWORD, TOO_MANY_ATTEMPTS, TOO_MANY_ASKED}
    for kind in BODIES:
        found |= set(kind.FAULTS.values())
    for username, password in ((None, None), ("admin", "x" * 2000), ("ann", "bad\x00password")):
        found |= set(accounts.account_faults(username=username, password=password, email="none").values())
    return found


def german() -> dict[str, str]:
    source = (STATIC / "lobby" / "words_de.js").read_text(encoding="utf-8")
    return {
        ast.literal_eval(f'"{quoted}"') if quoted else bare: ast.literal_eval(translation)
        for quoted, bare, translation in _ENTRY.findall(source)
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_that_says_something_has_the_way_to_say_it(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if path.name != "words.js" and re.search(r"(?<![\w.])t\(\s*[\"\w]", source):
        assert re.search(r"^import \{[^}]*\bt\b[^}]*\} from \"\./(lobby/)?words\.js\";$", source, re.MULTILINE)


def test_every_sentence_of_the_page_is_there_in_german() -> None:
    assert sorted((of_page() | of_modules()) - VERBATIM - german().keys()) == []


def test_every_sentence_of_the_server_that_a_player_reads_is_there_in_german() -> None:
    assert sorted(of_server() - german().keys()) == []


def test_nothing_is_translated_that_nobody_says() -> None:
    assert sorted(german().keys() - of_page() - of_modules() - of_server()) == []


def test_every_line_of_the_words_is_read_here() -> None:
    source = (STATIC / "lobby" / "words_de.js").read_text(encoding="utf-8")
    assert len(german()) == source.count("\n  ") > 200


@pytest.mark.parametrize("sentence", sorted(german()))
def test_translation_has_the_blanks_of_its_sentence(sentence: str) -> None:
    blanks = re.compile(r"\{\w+\}")
    assert sorted(blanks.findall(german()[sentence])) == sorted(blanks.findall(sentence))
    assert german()[sentence].strip() == german()[sentence] != ""
