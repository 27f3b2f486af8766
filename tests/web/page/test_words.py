"""What the pages say: every sentence has a key and stands in one file per language, with the same keys and blanks. No
page and no module has a sentence of its own or asks for a key that there is not, and none is kept that nobody says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
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


PAGES = (STATIC / "index.html", STATIC / "ops.html")
LANGUAGES = {language: STATIC / "lobby" / "words" / f"words_{language}.js" for language in ("en", "de")}
MODULES = tuple(
    path for path in sorted(STATIC.rglob("*.js")) if "vendor" not in path.parts and path not in LANGUAGES.values()
)
NAMES = {path: str(path.relative_to(STATIC)) for path in MODULES}
FORMS = {"one", "other"}
"""Plural forms that English and German have, for whole numbers."""
TABLES = {
    "sentences.js": ("REASONS", "CLOSES"),
    "connection_view.js": ("WORDS",),
    "notification_words.js": ("TITLES", "BODIES"),
    "ops_page.js": ("ROLES",),
    "admin.js": ("DEEDS",),
}
"""Tables of keys, from which `t` is given one."""
OF_LOOPS = {"notification_words.js": ("key",)}
"""Names under which a loop over a table has a key."""
VERBATIM = {
    "English", "Deutsch", "JSON", "/metrics",
    "This page is taking long to open.", "Load it again", ", or use a newer browser.",
    "Das Öffnen dieser Seite dauert lange.", "Lade sie neu", ", oder nimm einen neueren Browser.",
}  # fmt: skip
"""In a page, the same in every language; the last six are read where no words come."""
SAME = {
    "chat.lobby", "chat.title", "common.name", "common.offline", "common.online", "ops.announce.body",
    "ops.nodes.version", "ops.server", "page.part.chat", "people.in_room", "people.online", "room.code",
    "rooms.card.host", "rooms.create.mode.example",
}  # fmt: skip
"""Keys whose words both languages have."""
NO_WORDS = {
    "Content-Type", "Authorization", "Bearer ", "Notification", "Mac OS", "my room", "my game", "secondary outline",
    "#views button", "#inside form, dialog form:not([method=dialog])", "#inside details[open]",
    "closed by an administrator", "close report", "close room", "reset link",
    "Android", "Chrome", "Edg", "Edge", "Firefox", "Linux", "Mac", "Opera", "Safari", "Windows", "KiB", "MiB", "GiB",
}  # fmt: skip
"""Literals that nobody reads, are names, or stand on record at the server in English."""
OF_PROGRAMS = re.compile(r"\b(?:as text|is text|user: and|or id|gamemode|token|[a-z]+_[a-z_]+|[a-z]+[A-Z]\w*)\b")
"""What a sentence says to who writes a client, and to nobody who plays."""
NEVER_SEEN = {
    "isPublic is true or false.", "language is en or de.", "room_id is text, the id of a room.",
    "whereabouts is everybody, friends or nobody.",
}  # fmt: skip
"""Of fields that a page fills in by itself or from a list."""
BLANK = re.compile(r"\{(\w+)\}")
_TEXT = r'"(?:[^"\\]|\\.)*"'
_CALL = re.compile(r"(?<![\w.#])t\(\s*([^,)]*)")
_ENTRY = re.compile(rf"^  ({_TEXT}): (?:({_TEXT})|\{{ ((?:\w+: {_TEXT}(?:, )?)+) \}}),$", re.MULTILINE)
_TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*"
    rf"|{_TEXT}|`(?:\\.|[^`\\])*`"
    r"|(?<=[(,=:\[!&|?{};+ ])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n\[])+/[a-z]*",
    re.DOTALL,
)
"""A comment, a text, a template, or a regular expression of JavaScript."""
Forms = dict[str, str]
"""A sentence by its plural forms; by "" where it has one only."""


def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def read(literal: str) -> str:
    return str(ast.literal_eval(literal))


@cache
def table_of(language: str, name: str) -> Mapping[str, Forms]:
    """`WORDS` or `OF_SERVER` of a language."""
    source = source_of(LANGUAGES[language])
    body = re.search(rf"^export const {name} = \{{\n(.*?)^\}};$", source, re.MULTILINE | re.DOTALL)
    assert body is not None, name
    found: dict[str, Forms] = {}
    for key, text, forms in _ENTRY.findall(body[1]):
        assert read(key) not in found, f"{key} stands twice"
        found[read(key)] = {"": read(text)} if text else {name: read(each) for name, each in forms_in(forms)}
    lines = [line for line in body[1].splitlines() if line and not line.startswith("  // ")]
    assert len(found) == len(lines) > 80, "a line is not read here"
    return found


def forms_in(forms: str) -> list[tuple[str, str]]:
    return re.findall(rf"(\w+): ({_TEXT})", forms)


class Texts(HTMLParser):
    """What a page has of words, and of keys."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.keys: dict[str, set[str]] = {}
        """With the blanks that each is given elements for; those of attributes have none."""
        self.title = ""
        self._within: list[tuple[str, str | None]] = []
        self.feed(source_of(path))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.words |= {value for name in ("aria-label", "placeholder", "title", "alt") if (value := given.get(name))}
        for name in ("data-t-label", "data-t-placeholder", "data-t"):
            if key := given.get(name):
                self.keys.setdefault(key, set())
        if slot := given.get("data-slot"):
            key = self._within[-1][1]
            assert key is not None, f"{slot}: nothing to stand in"
            self.keys[key].add(slot)
        if tag not in ("meta", "link", "input", "path", "circle", "use"):
            self._within.append((tag, given.get("data-t")))

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        within = {tag for tag, _ in self._within}
        if "title" in within:
            self.title += text
        elif re.search(r"[^\W\d]", text) and not {"script", "noscript", "code"} & within:
            self.words.add(text)


def keys_of_tables(path: Path) -> set[str]:
    found: set[str] = set()
    for table in TABLES.get(path.name, ()):
        body = re.search(rf"^const {table} = [\[{{]$(.*?)^[\]}}];$", source_of(path), re.MULTILINE | re.DOTALL)
        assert body is not None, table
        found |= {read(each) for each in re.findall(r'[:,] ("[^"]+")\]?,', body[1])}
    return found


def keys_of_calls(path: Path) -> set[str]:
    return {read(given) for given in _CALL.findall(source_of(path)) if given.startswith('"')}


def used() -> set[str]:
    keys = {key for page in PAGES for key in Texts(page).keys}
    return keys.union(*(keys_of_calls(path) | keys_of_tables(path) for path in MODULES))


def literals_of(path: Path) -> list[str]:
    """Texts of a module, without what templates fill in."""
    found = []
    for token in _TOKEN.findall(source_of(path)):
        if token[0] == '"':
            found.append(token[1:-1])
        elif token[0] == "`":
            found += re.split(r"\$\{.*?\}", token[1:-1])
    return found


@cache
def of_server() -> frozenset[str]:
    """Sentences of the API that the reader of a page may see on it."""
    found = {sentence for _, _, sentence in REFUSALS.values()}
    found |= {str(LooksTaken()), NOT_YOUR_PASSWORD, TOO_MANY_ATTEMPTS, TOO_MANY_ASKED, TOO_MANY_MAILS}
    found |= {requests.Whom.FAULTS["to_username"], NO_GAMEMODE}
    for kind in (*BODIES, *BODIES_OF_ADMINISTRATORS):
        found |= set(kind.FAULTS.values())
    for username, password in ((None, None), ("admin", "x" * 2000), ("ann", "bad\x00password")):
        found |= set(accounts.account_faults(username=username, password=password, email="none").values())
    return frozenset(found)


# -- the languages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["WORDS", "OF_SERVER"])
def test_languages_have_the_same_keys_in_the_same_order(table: str) -> None:
    assert list(table_of("en", table)) == list(table_of("de", table))


@pytest.mark.parametrize("key", table_of("en", "WORDS"))
def test_sentence_has_the_same_forms_and_blanks_in_every_language(key: str) -> None:
    english, german = table_of("en", "WORDS")[key], table_of("de", "WORDS")[key]
    assert english.keys() == german.keys()
    assert set(english) in ({""}, FORMS)
    for form, text in english.items():
        assert sorted(BLANK.findall(text)) == sorted(BLANK.findall(german[form])), form
        for each in (text, german[form]):
            assert each.strip() == each != ""
    if len(english) > 1:
        assert "count" in BLANK.findall(english["other"]), "which chooses the form"


def test_german_is_not_english() -> None:
    english, german = table_of("en", "WORDS"), table_of("de", "WORDS")
    assert sorted(key for key in english if english[key] == german[key] and key not in SAME) == []
    assert sorted(key for key in SAME if english[key] != german[key]) == []


# -- what is asked for --------------------------------------------------------------------------------------------


def test_every_key_that_is_asked_for_is_there_and_no_other() -> None:
    assert sorted(used() ^ table_of("en", "WORDS").keys()) == []


@pytest.mark.parametrize("path", MODULES, ids=NAMES.get)
def test_module_asks_for_its_sentences_by_keys_that_can_be_read_here(path: Path) -> None:
    source = source_of(path)
    asked = [given for given in _CALL.findall(source) if not given.startswith('"')]
    if path.name == "words.js":
        return
    known = {*TABLES.get(path.name, ()), *OF_LOOPS.get(path.name, ())}
    assert [given for given in asked if given.split("[")[0] not in known] == []
    if asked or keys_of_calls(path):
        assert re.search(r"^import \{[^}]*\bt\b[^}]*\} from \"[./\w]*/words\.js\";$", source, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page_gives_a_sentence_the_elements_that_it_has_blanks_for(page: Path) -> None:
    words = table_of("en", "WORDS")
    given = {key: sorted(slots) for key, slots in Texts(page).keys.items()}
    assert given == {key: sorted(BLANK.findall(words[key][""])) for key in given}


@pytest.mark.parametrize("path", MODULES, ids=NAMES.get)
def test_call_fills_in_the_blanks_that_its_sentence_has(path: Path) -> None:
    """Where it does so in the call itself."""
    words, wrong = table_of("en", "WORDS"), []
    for key, blanks in re.findall(r"(?<![\w.#])t\(\s*\"([\w.]+)\"(?:, \{ ([^{}]*) \})?[,)]", source_of(path)):
        given = {part.split(":")[0].strip() for part in re.split(r",(?![^(]*\))", blanks)} - {""}
        needed = {blank for text in words[key].values() for blank in BLANK.findall(text)}
        if given - {"count"} != needed - {"count"} or ("count" in needed and "count" not in given):
            wrong.append((key, sorted(given), sorted(needed)))
    assert wrong == []


# -- nothing is said elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page_has_no_words_but_its_title_and_what_is_the_same_everywhere(page: Path) -> None:
    """The title, and what stands there without scripts, are read before there is a script to say them."""
    texts = Texts(page)
    assert sorted(texts.words - VERBATIM) == []
    key = "ops.page" if page.name == "ops.html" else "page.title"
    assert texts.title == table_of("en", "WORDS")[key][""]


@pytest.mark.parametrize("path", MODULES, ids=NAMES.get)
def test_module_has_no_sentence_of_its_own(path: Path) -> None:
    worded = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}|^\s*[A-Z][a-z]+")
    assert sorted({each for each in literals_of(path) if worded.search(each)} - NO_WORDS) == []


@pytest.mark.parametrize("path", MODULES, ids=NAMES.get)
def test_module_writes_no_literal_into_the_page(path: Path) -> None:
    """Single words are told from names by where they go."""
    source = re.sub(rf"\b(?:part|byId|t|get|has|querySelector)\((?:[\w.#]+, )?{_TEXT}|=== {_TEXT}", "", source_of(path))
    found = []
    for statement in re.findall(r"\bsetText\((.*?)\);|\btextContent = (.*?);|\"aria-label\", (.*?)\);", source):
        found += re.findall(rf"{_TEXT}", "".join(statement))
    assert [each for each in found if re.search(r"[^\W\d_]", each)] == []


# -- what the server says -----------------------------------------------------------------------------------------


def test_every_sentence_of_the_server_that_a_reader_sees_has_its_words_and_no_other() -> None:
    assert sorted(of_server() ^ table_of("en", "OF_SERVER").keys()) == []


def test_no_sentence_on_a_page_names_a_field_or_a_type() -> None:
    said = {forms[""] for sentence, forms in table_of("en", "OF_SERVER").items() if sentence not in NEVER_SEEN}
    assert sorted(text for text in said if OF_PROGRAMS.search(text)) == []


def test_every_notification_that_the_server_writes_has_its_words() -> None:
    """With blanks in place of what differs from one to the next, without the id of a room, which is for programs."""

    def bare(text: str) -> str:
        return re.sub(r"\{[^}]*\}", "{}", text.replace(" in room {room.id}", ""))

    written = set()
    for path in Path(machine.__path__[0]).glob("*.py"):
        written |= {bare(text) for text in re.findall(r'\b(?:title|body)=f?"([^"]+)"', path.read_text("utf-8"))}
    assert len(written) == 9
    (module,) = [path for path in MODULES if path.name == "notification_words.js"]
    words = table_of("en", "WORDS")
    assert sorted(written ^ {bare(words[key][""]) for key in keys_of_tables(module)}) == []
