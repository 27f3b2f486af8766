"""docs/protocol.md as the page that the server serves at ``/docs/protocol``: ``python -m tests.docs.render`` writes it.

It is kept in the repository, so that the server needs neither the text nor a library for it. Links to other pages of
the documentation, which the server does not serve, become their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lobby_server.web.pages import STATIC
from tests.docs.markdown import DOCS, anchors

SOURCE = DOCS / "protocol.md"
PAGE = STATIC / "docs" / "protocol.html"
_FRAME = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Wire protocol · Game lobby</title>
  <link rel="icon" href="../static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="../static/vendor/pico/pico.min.css">
  <link rel="stylesheet" href="../static/docs/docs.css">
</head>
<body>
<nav aria-label="Lobby"><a href="../">Lobby</a> · <a href="../api/protocol">/api/protocol</a> ·
  <a href="../api/openapi.json">/api/openapi.json</a></nav>
<main>
{body}</main>
</body>
</html>
"""


def render(text: str) -> str:
    """The page of a text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _name_headings(tokens)
    for token in tokens:
        if token.children is not None:
            token.children = _without_foreign_links(token.children)
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("&lt;br&gt;", "<br>")
    body = body.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    body = body.replace("<pre>", '<pre tabindex="0">')  # both scroll, by keyboard too
    return _FRAME.replace("{body}", body)


def _name_headings(tokens: Sequence[Token]) -> None:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            (name,) = anchors(f"# {inline.content}")
            opening.attrSet("id", name)


def _without_foreign_links(children: list[Token]) -> list[Token]:
    kept, is_foreign = [], False
    for token in children:
        if token.type == "link_open":
            is_foreign = not str(token.attrs["href"]).startswith("#")
        if not (is_foreign and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            is_foreign = False
    return kept


def main() -> None:
    PAGE.write_text(render(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
