"""The pages and their files: what is served, how, and that nothing in them reaches for another host."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import urljoin

import pytest

from lobby_server.web.assets import CONTENT_TYPES, Assets
from lobby_server.web.pages import STATIC
from tests.web.conftest import Lobby

ASSETS = Assets(STATIC)
PAGES = {"/": "index.html", "/ops": "ops.html", "/docs/protocol": "docs/protocol.html"}
OWN = [path for path in ASSETS.paths() if not path.startswith("vendor/")]


def text_of(path: str) -> str:
    asset = ASSETS.get(path)
    assert asset is not None
    return asset.body.decode()


class Markup(HTMLParser):
    """What a page loads, what it names, and what a strict policy would forbid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.forbidden: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads += [value for name in ("src", "href") if (value := given.get(name))]
        if identifier := given.get("id"):
            self.ids.append(identifier)
        for name in ("for", "aria-labelledby", "aria-describedby"):
            if value := given.get(name):
                self.labelled.update(value.split())
        self.forbidden += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.forbidden.append(tag)
        needs_name = tag in ("input", "select") and given.get("type") not in ("checkbox", "hidden", "number")
        has_name = "data-t-label" in given or given.get("id") is not None or "maxlength" in given
        if needs_name and not has_name:
            self.forbidden.append(f"{tag} {given} without a name")


@pytest.mark.parametrize("address", PAGES)
async def test_page_is_html_under_a_strict_policy(lobby: Lobby, address: str) -> None:
    page = await lobby.call("GET", address)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(directive.split(" ", 1) for directive in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(("served_at", "page"), PAGES.items())
def test_page_needs_nothing_that_its_policy_forbids_and_names_what_is_there(served_at: str, page: str) -> None:
    markup = Markup(text_of(page))
    assert markup.forbidden == []
    assert len(markup.ids) == len(set(markup.ids))
    assert markup.labelled <= set(markup.ids)
    inside = {address[1:] for address in markup.loads if address.startswith("#")}
    assert inside <= set(markup.ids)
    for address in markup.loads:
        if address.startswith("#"):
            continue
        path = urljoin(f"/prefix{served_at}", address)
        assert path.startswith("/prefix/"), address  # a proxy may have put the page there
        _, is_file, local = path.partition("/static/")
        assert local in ASSETS.paths() or not is_file, address


async def test_every_file_is_served_with_its_type_and_comes_back_unchanged_as_304(lobby: Lobby) -> None:
    assert ASSETS.paths()
    for path in ASSETS.paths():
        answer = await lobby.call("GET", f"/static/{path}", headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200, path
        assert answer.headers["Content-Type"] == CONTENT_TYPES[PurePosixPath(path).suffix]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"
        expected = (STATIC / path).read_bytes()
        if path.endswith(".json"):
            body = gzip.decompress(answer.body)
        else:
            is_gzip = answer.headers.get("Content-Encoding") == "gzip"
            body = gzip.decompress(answer.body) if is_gzip else answer.body
            assert is_gzip == (len(expected) >= 1000), path
        assert body == expected
        again = await lobby.call("GET", f"/static/{path}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
    plain = await lobby.call("GET", "/static/lobby.js")
    assert plain.body == (STATIC / "lobby.js").read_bytes()


async def test_what_is_no_file_of_the_pages_is_404_however_it_is_written(lobby: Lobby) -> None:
    for path in ("", "nothing.js", "../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "lobby", "lobby/", "/lobby.js"):
        for method in ("GET", "HEAD", "POST"):
            answer = await lobby.call(method, f"/static/{path}", raw=b"" if method == "POST" else None)
            assert answer.status == 404, (method, path)
    assert (await lobby.call("POST", "/static/lobby.js", raw=b"")).status == 405


def test_no_file_reaches_for_another_host_and_no_own_script_makes_markup_of_text() -> None:
    for path in ASSETS.paths():
        text = text_of(path)
        if PurePosixPath(path).suffix not in (".js", ".css", ".html", ".svg"):
            continue
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)  # where its licence and its home are told
        addresses = set(re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.[a-z]{2,}[^\s'\")]*", code))
        assert {address for address in addresses if address != "http://www.w3.org/2000/svg"} == set(), path
        assert "@import" not in code
        assert {url.strip("\"'")[:5] for url in re.findall(r"url\(([^)]*)", code)} <= {"data:"}, path
    for path in OWN:
        if path.endswith(".js"):
            found = re.findall(
                r"\binnerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text_of(path)
            )
            assert found == [], path


def test_every_import_of_a_script_is_a_file_and_every_element_it_asks_for_is_in_a_page() -> None:
    ids = {identifier for page in PAGES.values() for identifier in Markup(text_of(page)).ids}
    for path in OWN:
        if not path.endswith(".js"):
            continue
        text = text_of(path)
        for name in re.findall(r'from "([^"]+)"', text):
            target = (STATIC / path).parent / name
            assert name.startswith("."), (path, name)
            assert target.resolve().is_file(), (path, name)
        assert set(re.findall(r'(?:byId|fromTemplate)\("([^"]+)"\)', text)) <= ids, path


def test_what_others_wrote_lies_apart_with_its_licence() -> None:
    for folder in sorted((STATIC / "vendor").iterdir()):
        licences = [path for path in folder.iterdir() if path.name.startswith("LICENSE")]
        assert len(licences) == 1, folder
        assert "MIT License" in licences[0].read_text(encoding="utf-8") or "MIT" in licences[0].read_text("utf-8")


def test_files_are_in_the_package() -> None:
    import configparser

    setup = configparser.ConfigParser()
    setup.read(STATIC.parent.parent.parent / "setup.cfg")
    patterns = setup["options.package_data"]["lobby_server"].split()
    root = STATIC.parent.parent
    packed = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    assert {STATIC / path for path in ASSETS.paths()} <= packed
