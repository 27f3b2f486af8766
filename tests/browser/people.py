"""What somebody does on the lobby page, in their own words."""

from __future__ import annotations

from typing import Any

PASSWORD = "a good password"
LOOK_ELSEWHERE = """isHidden => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Whether the tab is hidden, for `page.evaluate`."""
IS_ANSWERED = "() => window.unanswered === 0"
TAKES_WORD = """sentence => {
    const wanted = sentence.toLowerCase();
    const at = window.toldByToasts.findIndex((told) => told.toLowerCase().includes(wanted));
    if (at >= 0) window.toldByToasts.splice(at, 1);
    return at >= 0;
}"""
SHOWS_MEMBERS = """({names, inOrder}) => {
    const shown = [...document.querySelectorAll("#my-room-members [data-part=name]")].map(row => row.textContent);
    const asked = inOrder ? shown : shown.sort();
    return JSON.stringify(asked) === JSON.stringify(inOrder ? names : names.sort());
}"""


class Person:
    """One page of one player. Every wait has the deadline of the page."""

    def __init__(self, page: Any, name: str) -> None:
        self.page = page
        self.name = name

    # -- account and connection -----------------------------------------------------------------------------------

    def register(self, password: str = PASSWORD) -> None:
        self._credentials(password)
        self.page.get_by_role("button", name="Register").click()

    def log_in(self, password: str = PASSWORD) -> None:
        self._credentials(password)
        self.page.get_by_role("button", name="Log in").click()

    def is_connected(self) -> None:
        """And has an answer to whatever the page asks for then. Where a login ends before, it is one of those calls
        that tells of it, in other words than the connection's."""
        self.page.locator("#connection[data-phase=connected]").wait_for()
        self.page.wait_for_function(IS_ANSWERED)

    def is_not_connected(self) -> None:
        self.page.locator("#connection:not([data-phase=connected])").wait_for()

    # -- rooms ----------------------------------------------------------------------------------------------------

    def create_room(
        self, gamemode: str, *, map_name: str = "", players: int = 8, public: bool = True, name: str = ""
    ) -> None:
        page, form = self.page, self.page.locator("#create-room")
        if not page.locator("#create-room-fold[open]").count():
            page.locator("#create-room-fold summary").click()
        form.get_by_label("Game mode", exact=True).fill(gamemode)
        form.get_by_label("Map", exact=True).fill(map_name)
        form.get_by_label("Players", exact=True).fill(str(players))
        form.get_by_label("Name of the room").fill(name)
        form.get_by_label("In the public list").set_checked(public)
        form.get_by_role("button", name="Create", exact=True).click()

    def room(self, gamemode: str) -> Any:
        """The row of a room in the list."""
        return self.page.locator("#rooms li", has_text=gamemode)

    def join(self, gamemode: str) -> None:
        self.room(gamemode).locator("[data-part=join]").click()

    def is_in_room(self, gamemode: str) -> None:
        self.page.locator("#my-room-title", has_text=gamemode).wait_for()

    def sees_members(self, *names: str, in_order: bool = True) -> None:
        """The list of the own room comes to show these and nobody else. What it showed before a connection broke stays
        until there is news, so that to wait for a number of rows and then to read them reads the old ones."""
        try:
            self.page.wait_for_function(SHOWS_MEMBERS, arg={"names": list(names), "inOrder": in_order})
        except Exception as late:
            shown = self.page.locator("#my-room-members [data-part=name]").all_text_contents()
            raise AssertionError(f"shown are {shown}, not {names}") from late

    # -- people ---------------------------------------------------------------------------------------------------

    def sees_online(self, name: str) -> None:
        self.page.locator("#online button", has_text=name).wait_for()

    def misses_online(self, name: str) -> None:
        self.page.locator("#online button", has_text=name).wait_for(state="detached")

    def does(self, deed: str, *, to: str) -> None:
        """One of the buttons of the dialog on somebody who is online."""
        self.page.locator("#online button", has_text=to).click()
        self.page.locator("#person").get_by_role("button", name=deed, exact=True).click()

    def confirms(self, deed: str) -> None:
        """Yes to the question before what cannot be taken back."""
        self.page.locator("#confirm").get_by_role("button", name=deed, exact=True).click()

    def answers(self, question: str, answer: str) -> None:
        self.page.locator(".question", has_text=question).get_by_role("button", name=answer, exact=True).click()

    def is_told(self, sentence: str) -> None:
        """The page says so in its bar, or has said it until now and it has faded. What is told counts for one question:
        the next one is for something newer."""
        try:
            self.page.wait_for_function(TAKES_WORD, arg=sentence)
        except Exception as late:
            raise AssertionError(f"told was {self.told()}, not {sentence!r}") from late

    def told(self) -> list[str]:
        """What the page has said in its bar, and no test has asked for, since it was loaded."""
        return list(self.page.evaluate("window.toldByToasts"))

    # -- chat -----------------------------------------------------------------------------------------------------

    def opens_chat(self, title: str) -> None:
        self.page.locator("#chat-tabs button", has_text=title).click()

    def says(self, text: str) -> None:
        self.page.locator("#chat-form input").fill(text)
        self.page.locator("#chat-form button").click()

    def reads(self, text: str) -> None:
        self.page.locator("#chat-lines .text", has_text=text).last.wait_for()

    def lines(self) -> list[str]:
        return list(self.page.locator("#chat-lines .text").all_text_contents())

    # -- private --------------------------------------------------------------------------------------------------

    def _credentials(self, password: str) -> None:
        form = self.page.locator("#login-form")
        form.get_by_label("Username").fill(self.name)
        form.get_by_label("Password").fill(password)
