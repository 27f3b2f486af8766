"""Markup and scripts in everything that users write: shown as text, nothing runs, nothing trips the policy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.browser.conftest import Crowd
from tests.browser.people import Person
from tests.process.clients import call, token_of

HOSTILE = [
    "<img src=x onerror=hacked=1>",
    "<script>hacked=1</script>{{7*7}}${7*7}",
    "\"'><svg onload=hacked=1>&lt;i&gt;&amp;",
    "\u202e<b>right to left</b>\u202c javascript:hacked=1",
    "\u2069\u202eout of what holds it \u2067and on",
]
SIGNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""That turn what follows, or end what sets a piece apart."""


def enter_as(crowd: Crowd, user_id: int, username: str) -> Person:
    """Somebody of an outside account service, whose names are not ours."""
    page = crowd.page()
    login = {"token": token_of(crowd.server, user_id, username), "user": {"id": user_id, "username": username}}
    page.evaluate("login => sessionStorage.setItem('lobby.login', login)", json.dumps(login))
    page.reload()
    person = Person(page, username)
    person.is_connected()
    return person


def tame(text: str) -> str:
    """As it stands on the page, which it would turn otherwise."""
    return SIGNS.sub("", text)


def is_unharmed(page: Any) -> None:
    assert page.evaluate("typeof hacked") == "undefined"
    ours = ":not(.icon, .sprite, .sprite *, .icon > use)"
    assert (
        page.locator(f"img, body svg{ours}, body svg {ours}, body script, body b, body i:not(.key), iframe").count()
        == 0
    )


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_text_of_users_is_text_everywhere(crowd: Crowd, number: int) -> None:
    written = HOSTILE[number]
    text, name = tame(written), tame(written[:64])
    ann = crowd.person(f"victim_{number}")
    pest = enter_as(crowd, 5000 + number, written[:64])
    ann.page.locator("#online button").get_by_text(name, exact=True).wait_for()

    pest.create_room(written, map_name=written)
    row = ann.page.locator("#rooms li").filter(has=ann.page.get_by_text(text, exact=True)).first
    row.wait_for()
    assert row.locator("[data-part=map]").text_content() == text
    assert row.locator("[data-part=host]").text_content() == name
    row.locator("[data-part=join]").click()
    ann.page.locator("#my-room").wait_for()
    assert ann.page.locator("#my-room-title").text_content() == f"{text} on {text}"
    pest.page.locator("#my-room-say input").fill(written)
    pest.page.locator("#my-room-say button").click()
    ann.page.locator("#my-room-log").get_by_text(text, exact=True).first.wait_for()

    pest.says(written)
    ann.page.locator("#chat-lines .text").get_by_text(text, exact=True).first.wait_for()
    pest.page.locator("#friend-form input").fill(ann.name)
    pest.page.locator("#friend-form button").click()
    pest.page.locator("#party-form input").fill(ann.name)
    pest.page.locator("#party-form button").click()
    ann.page.locator(".question").nth(1).wait_for()
    assert all(name in question for question in ann.page.locator(".question p").all_text_contents())
    ann.page.locator("#requests li", has=ann.page.get_by_text(name, exact=True)).wait_for()

    admin = token_of(crowd.server, 900, "root", role="admin")
    body = {"title": written, "body": written}
    assert call(crowd.server, "POST", "/api/announcements", body, token=admin).status == 201
    ann.page.locator("#announcement-body").get_by_text(text, exact=True).wait_for()
    assert ann.page.locator("#announcement-title").text_content() == text

    ann.page.locator("#notifications-button").click()
    ann.page.locator("#notifications-items li").first.wait_for()
    ann.page.locator("#notifications-close").click()
    ann.page.locator("#online button").get_by_text(name, exact=True).click()
    assert ann.page.locator("#person-name").text_content() == name
    ann.page.get_by_role("button", name="Send a message").click()
    ann.page.locator("#chat-with").get_by_text(f"Conversation with {name}", exact=True).wait_for()
    for page in (ann.page, pest.page):
        is_unharmed(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # no name breaks the page
    pest.page.get_by_role("button", name="Leave the party").click()


RIGHT_EDGES = """names => names.map((name) => {
    const words = document.createRange();
    words.selectNodeContents(document.querySelector(name));
    return words.getBoundingClientRect().right;
})"""
ORDER = """([sentence, first, second]) => {
    const node = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT).nextNode();
    const leftOf = (word) => {
        const words = document.createRange();
        words.setStart(node, node.data.indexOf(word));
        words.setEnd(node, node.data.indexOf(word) + word.length);
        return words.getBoundingClientRect().left;
    };
    return leftOf(first) < leftOf(second);
}"""


HEBREW = "\u05d0\u05d1\u05d2 1"


@pytest.mark.parametrize(
    ("number", "name"),
    [*enumerate((HEBREW, f"\u2069\u202e{HEBREW}", f"{HEBREW}\u2067", f"\u2069{HEBREW}\u202e\u2068"), start=1)],
    ids=["hebrew", "ended and overridden", "not ended", "ended and begun"],
)
def test_name_from_right_to_left_turns_nothing_beside_it(crowd: Crowd, number: int, name: str) -> None:
    """The words after it stand after it, also where they begin with a figure."""
    ann, place = crowd.person(f"ltr_ann_{number}"), f"{number} towers"
    pest = enter_as(crowd, 5900 + number, name)
    pest.create_room(name, map_name=place)
    row = ann.page.locator("#rooms li", has_text=place)
    row.wait_for()
    edges = ann.page.evaluate(RIGHT_EDGES, [f"#rooms li:first-child [data-part={part}]" for part in ("host", "age")])
    assert edges[0] < edges[1]
    row.locator("[data-part=join]").click()
    title = ann.page.locator("#my-room-title", has_text=place)
    title.wait_for()
    assert ann.page.evaluate(ORDER, [title.element_handle(), HEBREW, place])
    pest.page.locator("#friend-form input").fill(ann.name)
    pest.page.locator("#friend-form button").click()
    question = ann.page.locator(".question p", has_text=HEBREW)
    question.wait_for()
    assert ann.page.evaluate(ORDER, [question.element_handle(), HEBREW, "wants"])


def test_policy_holds_what_a_hole_in_the_page_would_let_through(crowd: Crowd) -> None:
    """The second line of defence: even a script that got in could not make markup, add scripts or call out."""
    crowd.expected += ["Content Security Policy", "TrustedHTML", "Trusted Type", "Refused to", "violates"]
    page = crowd.person("policy").page
    refused = page.evaluate("""async () => {
        const refused = [];
        const attempt = async (name, deed) => { try { await deed(); } catch { refused.push(name); } };
        await attempt("markup", () => { document.body.innerHTML += "<p>"; });
        await attempt("another host", () => fetch("http://127.0.0.1:9/"));
        await attempt("inline style", () => {
            const style = document.createElement("style");
            style.textContent = "body { color: rgb(1, 2, 3) }";
            document.head.append(style);
            if (getComputedStyle(document.body).color === "rgb(1, 2, 3)") return;
            throw new Error("refused");
        });
        return refused;
    }""")
    assert refused == ["markup", "another host", "inline style"]
