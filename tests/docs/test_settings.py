"""docs/settings.md has every flag of lobby-server with its default, and every command."""

from __future__ import annotations

from dataclasses import fields

import click

from lobby_server.cli import main
from lobby_server.options import ENVIRONMENT_ONLY, Group, environment_name_of, flag_of
from lobby_server.settings import Settings
from tests.docs.markdown import DOCS, code, table

PAGE = (DOCS / "settings.md").read_text(encoding="utf-8")
TABLES = [group.value for group in Group]


def test_every_setting_has_its_row_with_its_default() -> None:
    rows = [(code(row[0]), row[1]) for row in table("settings.md", *TABLES)]
    expected = {}
    for option in fields(Settings):
        if option.metadata[ENVIRONMENT_ONLY]:
            assert f"`{environment_name_of(option.name)}`" in PAGE
            continue
        default, unit = option.default, option.metadata["unit"]
        text = "off" if default is False else f"{default:g}" if isinstance(default, float) else str(default)
        if unit and default is not False:
            text += f" {unit}"
        expected[flag_of(option.name)] = text or "–"
    assert len(rows) == len(expected)
    assert dict(rows) == expected


def test_every_setting_is_in_the_table_of_its_group_with_its_choices() -> None:
    for option in fields(Settings):
        if option.metadata[ENVIRONMENT_ONLY]:
            continue
        rows = [
            row for row in table("settings.md", option.metadata["group"].value) if code(row[0]) == flag_of(option.name)
        ]
        assert len(rows) == 1, option.name
        assert all(f"`{choice}`" in rows[0][2] for choice in option.metadata["choices"])


def test_every_command_and_its_options_have_their_row() -> None:
    assert isinstance(main, click.Group)
    shown = {code(row[0]): row[1] for row in table("settings.md", "Commands")}
    assert set(shown) == {"lobby-server"} | {f"lobby-server {name}" for name in main.commands}
    for parameter in main.commands["mint-tokens"].params:
        assert f"`{parameter.opts[0]}" in shown["lobby-server mint-tokens"]
