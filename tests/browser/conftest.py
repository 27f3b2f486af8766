"""A real server, a real Chromium, and people in it.

Every person has a browser context of their own: their own storage, their own socket. Whatever a page complains of, on
its console or by an exception that nobody caught, fails the test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.processes.cluster.ports import free_port
from bench.processes.target import Target
from tests.browser import quick_hashes
from tests.browser.people import PASSWORD, Person
from tests.installed import missing, module, program
from tests.patience import PATIENCE_S
from tests.process.clients import register

PLAYWRIGHT_LEAVES_OUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
"""Features of Chromium: a flag of one's own stands in place of Playwright's."""
WINDOW_LEAVES_OUT = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
"""What the window around each page has ready in case somebody uses it: suggestions for the address, which are pages of
their own, and a process for another site. It took 0.65 s of CPU of the 1.43 s that a person costs who comes."""
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join((*PLAYWRIGHT_LEAVES_OUT, *WINDOW_LEAVES_OUT))}",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
TABLET = {"width": 768, "height": 1024}
"""Upright: two columns, where a desktop has three and a phone one."""
PATIENCE_MS = 1000 * PATIENCE_S
AXE_VERSION = "4.10.3"
INSTALL_TIMEOUT_S = 120
NO_RATES = [
    *("--auth-rate-per-min", "0"),
    *("--chat-rate-per-min", "0"),
    *("--social-rate-per-min", "0"),
    *("--command-rate-per-s", "0"),
]
"""Everybody comes from one address, and a browser writes faster than people do."""
REMEMBERS = """(() => {
    if (window.name === "visited") return; // what the page does with its login afterwards is its own affair
    window.name = "visited";
    sessionStorage.setItem("lobby.login", %s);
})()"""
"""A tab in which somebody has logged in before: the page takes up the login at its first visit."""


LISTENS = """(() => {
    window.toldByToasts = [];
    window.unanswered = 0;
    const ask = window.fetch;
    window.fetch = async (...given) => {
        window.unanswered += 1;
        try {
            return await ask(...given);
        } finally {
            window.unanswered -= 1;
        }
    };
    document.addEventListener("readystatechange", () => {
        const bar = document.getElementById("toasts");
        if (document.readyState !== "interactive" || bar === null) return;
        const note = (toast) => window.toldByToasts.push(toast.querySelector("[data-part=text]").textContent);
        new MutationObserver((changes) => {
            for (const { addedNodes } of changes) addedNodes.forEach(note);
        }).observe(bar, { childList: true });
    });
})()"""
"""What a page says fades after some seconds: it is kept here, for a test that comes later. And how many of the calls of
the page are not answered yet."""
SERVER_AWAY = ["WebSocket connection to", "Failed to load resource"]
"""What a browser complains of while the server is away."""
OPENED = "() => document.querySelector('[data-waits]:disabled') === null"
"""All that a page is made of is there."""


def chromium_path() -> str:
    """Debian's Chromium, or the one named by ``LOBBY_TEST_CHROMIUM``."""
    path = os.environ.get("LOBBY_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.fail("there is no chromium on the path: apt-get install chromium, or set LOBBY_TEST_CHROMIUM")
    return path


def started() -> list[int]:
    """All processes of this one: the browser's, its driver, the servers."""
    return [each.pid for each in psutil.Process().children(recursive=True)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """One for all of these tests, and gone before others: Playwright's loop and theirs do not go together."""
    sync_api = module("playwright.sync_api")  # of the extra "browser"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """axe-core, from npm."""
    npm = program("npm", package="npm")
    folder = tmp_path_factory.mktemp("axe")
    quietly = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefer-offline")
    command = [npm, "install", *quietly, f"axe-core@{AXE_VERSION}"]
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_TIMEOUT_S, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        missing(f"npm could not fetch axe-core: {error}")
    return folder / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One a module: accounts are made anew by each test, with names that no other has."""
    target = Target(data_dir=tmp_path_factory.mktemp("server"), flags=NO_RATES, prefix=quick_hashes.PREFIX)
    with target.running():
        yield target


class Crowd:
    """Makes people, and remembers what went wrong on their pages."""

    def __init__(self, chromium: Any, server: Target) -> None:
        self.chromium = chromium
        self.server = server
        self.contexts: list[Any] = []
        self.complaints: list[str] = []
        self.expected: list[str] = []
        """Parts of complaints that the test brings about itself."""

    def page(self, address: str = "/", *, size: dict[str, int] = DESKTOP, login: Any = None, **options: Any) -> Any:
        """A page of a context of its own. `login`: the server's answer to one, which its tab remembers."""
        context = self.chromium.new_context(viewport=size, base_url=self.server.http_url, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTENS)
        self.contexts.append(context)
        page = context.new_page()
        self.watch(page)
        if login is not None:
            kept = {"token": login["token"], "user": {key: login["user"][key] for key in ("id", "username")}}
            page.add_init_script(REMEMBERS % json.dumps(json.dumps(kept)))
        page.goto(address)
        page.wait_for_function(OPENED)
        return page

    def watch(self, page: Any) -> None:
        page.on("pageerror", lambda fault: self.complaints.append(f"uncaught: {fault}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )

    def account(self, name: str) -> Any:
        """Of somebody who has no page, or not yet: what the server answers, which is a login."""
        made = register(self.server, name, PASSWORD)
        assert made.status == 201, made
        return made.body

    def person(self, name: str, *, address: str = "/", size: dict[str, int] = DESKTOP, **options: Any) -> Person:
        """Somebody who has an account and is logged in and connected. How that is done by the form of the page is not
        tested by it: `Person.register` and `Person.log_in` go through the form."""
        person = Person(self.page(address, size=size, login=self.account(name), **options), name)
        person.is_connected()
        return person

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(part in text for part in self.expected)]


@pytest.fixture
def crowd(chromium: Any, server: Target) -> Iterator[Crowd]:
    crowd = Crowd(chromium, server)
    yield crowd
    for context in crowd.contexts:
        context.close()
    assert crowd.unexpected == []


@pytest.fixture
def own_crowd(chromium: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Crowd]:
    """With a server that needs flags of its own, ``@pytest.mark.flags("--token-ttl-s", "12")``, or that the test may
    stop and start again: its port is none that the kernel gives to a connection meanwhile."""
    marker = request.node.get_closest_marker("flags")
    flags = ["--auth-rate-per-min", "0", *(marker.args if marker else ())]
    target = Target(data_dir=tmp_path / "server", port=free_port(), flags=flags, prefix=quick_hashes.PREFIX)
    with target.running():
        crowd = Crowd(chromium, target)
        yield crowd
        for context in crowd.contexts:
            context.close()
        assert crowd.unexpected == []
