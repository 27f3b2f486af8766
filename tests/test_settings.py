"""The options of the server: read from flags and environment, checked, and each fault told in one sentence."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from lobby_server.cli import main
from lobby_server.clock import LoopClock
from lobby_server.environment import read_settings, unknown_variables
from lobby_server.flags import EPILOG
from lobby_server.options import ENVIRONMENT_ONLY, Group, environment_name_of, flag_of
from lobby_server.secret import load_or_make_secret, secret_path, secrets_of
from lobby_server.service.auth import Tokens
from lobby_server.settings import Settings, SettingsError

NAMES = [option.name for option in fields(Settings)]
CONTRACT = """
    address port data_dir database_url jwt_secret token_ttl_s handshake_timeout_s heartbeat_timeout_s presence_grace_s
    max_connections max_message_bytes command_rate_per_s auth_rate_per_min empty_room_ttl_s rooms_notify_interval_ms
    tick_ms allow_guests allowed_origins compression tls_cert tls_key trust_proxy_headers workers backplane_url drain_s
    log_level log_format
"""


def is_one_sentence(text: str) -> bool:
    return text.count("\n") == 0 and text.endswith(".") and "Traceback" not in text


# -- reading ------------------------------------------------------------------------------------------------------


def test_every_option_of_the_contract_is_there() -> None:
    assert set(CONTRACT.split()) <= set(NAMES)


def test_defaults_are_those_of_the_contract() -> None:
    settings = read_settings({}, {})
    assert (settings.address, settings.port, settings.data_dir) == ("127.0.0.1", 30820, Path("lobby-data"))
    assert (settings.database_url, settings.token_ttl_s) == ("", 604_800)
    assert (settings.handshake_timeout_s, settings.heartbeat_timeout_s, settings.presence_grace_s) == (10, 75, 0)
    assert (settings.max_connections, settings.max_message_bytes) == (20_000, 4096)
    assert (settings.command_rate_per_s, settings.auth_rate_per_min) == (20, 60)
    assert (settings.empty_room_ttl_s, settings.rooms_notify_interval_ms, settings.tick_ms) == (60, 250, 20)
    assert (settings.allow_guests, settings.origins, settings.compression) == (False, (), False)
    assert (settings.workers, settings.drain_s) == (1, 30)
    assert (settings.log_level, settings.log_format) == ("info", "text")


def test_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"LOBBY_PORT": "1111", "LOBBY_DRAIN_S": "5"}
    settings = read_settings({"port": 2222, "drain_s": None}, environment)
    assert (settings.port, settings.drain_s, settings.max_connections) == (2222, 5.0, 20_000)


def test_empty_variable_is_none() -> None:
    assert read_settings({}, {"LOBBY_PORT": "", "LOBBY_ALLOW_GUESTS": ""}) == Settings()


MAIL = {
    "smtp_url": "smtp://mail.example",
    "mail_from": "lobby@play.example",
    "public_url": "https://play.example",
}
"""They go together."""


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_read_from_the_environment_with_its_type(name: str) -> None:
    default = getattr(Settings(), name)
    text: dict[type, str] = {bool: "yes", int: "77", float: "77.5"}
    special = {
        "log_level": "debug",
        "log_format": "json",
        "access_log": "all",
        "workers": "2",
        "backplane_url": "redis://localhost:6379/0",
        "cluster": "another",
        "node_timeout_s": "9",
        "jwt_secret": "x" * 32,
        "tls_cert": "",
        "trusted_proxies": "10.0.0.0/8",
        "proxy_hops": "2",
        "path_prefix": "/lobby",
    }
    value = special.get(name, text.get(type(default), "some text"))
    environment = {environment_name_of(name): value}
    if name == "tls_key":
        environment["LOBBY_TLS_CERT"] = "cert.pem"
    if name in MAIL:
        environment |= {environment_name_of(each): given for each, given in MAIL.items()}
        value = environment[environment_name_of(name)]
    if name in ("backplane_url", "cluster"):
        environment = {"LOBBY_BACKPLANE_URL": "redis://valkey:6379/0", **environment}
        environment |= {"LOBBY_DATABASE_URL": "postgresql://db/lobby", "LOBBY_JWT_SECRET": "x" * 32}
    read = getattr(read_settings({}, environment), name)
    assert isinstance(read, Path if name == "data_dir" else type(default))
    if value:
        assert read != default


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), (" on ", True), ("0", False), ("no", False)])
def test_switch_is_read_from_several_words(text: str, value: bool) -> None:
    assert read_settings({}, {"LOBBY_COMPRESSION": text}).compression is value


def test_origins_are_separated_by_commas_without_slashes_at_the_end() -> None:
    settings = Settings(allowed_origins=" https://a.example/ , ,http://b.example:8080")
    assert settings.origins == ("https://a.example", "http://b.example:8080")


BAD_VALUES: list[tuple[str, Any]] = [
    ("address", ""),
    ("address", " "),
    ("address", "a..b"),
    ("address", "x" * 300),
    ("port", -1),
    ("port", 65_536),
    ("token_ttl_s", 0),
    ("token_ttl_s", 10**12),
    ("handshake_timeout_s", 0.0),
    ("handshake_timeout_s", float("inf")),
    ("heartbeat_timeout_s", float("nan")),
    ("heartbeat_timeout_s", 1e-9),
    ("presence_grace_s", -0.1),
    ("max_connections", 0),
    ("max_connections", 10**400),
    ("max_connections", -(10**400)),
    ("tick_ms", 10**400),
    ("max_message_bytes", 10),
    ("max_message_bytes", 1 << 30),
    ("command_rate_per_s", -1.0),
    ("auth_rate_per_min", float("nan")),
    ("empty_room_ttl_s", float("inf")),
    ("rooms_notify_interval_ms", -1.0),
    ("tick_ms", 0.0),
    ("drain_s", -1.0),
    ("workers", 0),
    ("workers", 65),
    ("backplane_url", "redis://localhost"),
    ("backplane_url", "localhost"),
    ("cluster", "a b"),
    ("cluster", "eu"),
    ("node_timeout_s", 0.5),
    ("log_level", "loud"),
    ("log_format", "xml"),
    ("jwt_secret", "too short"),
    ("jwt_secret", f"{'x' * 32}\n{'y' * 32}"),
    ("jwt_secret", "\udcff" * 40),
    ("access_log", "some"),
    ("address", "127.0.0.1,,::1"),
    ("address", "127.0.0.1, 127.0.0.1"),
    ("path_prefix", "lobby"),
    ("path_prefix", "/"),
    ("path_prefix", "/lobby/"),
    ("path_prefix", "/lo by"),
    ("path_prefix", "/lobby?x"),
    ("path_prefix", "/lobby/../x"),
    ("path_prefix", "/."),
    ("trusted_proxies", "10.0.0.1/8"),
    ("trusted_proxies", "proxy.example"),
    ("proxy_hops", -1),
    ("proxy_hops", 17),
    ("shutdown_delay_s", -1.0),
    ("smtp_url", "smtp://mail.example"),
    ("mail_from", "lobby@play.example"),
    ("public_url", "https://play.example"),
    ("mail_rate_per_hour", -1.0),
    ("tls_cert", "only.pem"),
    ("tls_key", "only.pem"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_value_out_of_range_is_refused_in_one_sentence_that_names_it(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(**{name: value})
    assert is_one_sentence(str(refused.value))
    assert flag_of(name) in str(refused.value) or environment_name_of(name) in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [("LOBBY_PORT", "http"), ("LOBBY_PORT", "1e3"), ("LOBBY_DRAIN_S", "soon"), ("LOBBY_ALLOW_GUESTS", "perhaps")],
)
def test_variable_that_cannot_be_read_is_refused_in_one_sentence_that_names_it(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({}, {variable: text})
    assert is_one_sentence(str(refused.value))
    assert variable in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "environment", "sentence"),
    [
        ({}, {"LOBBY_TICK_MS": "0"}, "LOBBY_TICK_MS must be above 0."),
        ({}, {"LOBBY_TICK_MS": "nan"}, "LOBBY_TICK_MS must be a number."),
        ({}, {"LOBBY_PORT": "1e3"}, "LOBBY_PORT is '1e3': give a whole number."),
        ({}, {"LOBBY_MAX_CONNECTIONS": f"1{'0' * 400}"}, "LOBBY_MAX_CONNECTIONS must be at most 1000000000."),
        ({}, {"LOBBY_TICK_MS": "1e400"}, "LOBBY_TICK_MS must be at most 1000000000."),
        ({}, {"LOBBY_TLS_CERT": "c.pem"}, "LOBBY_TLS_CERT and --tls-key must be given together."),
        ({"tls_cert": "c.pem"}, {"LOBBY_TLS_KEY": ""}, "--tls-cert and --tls-key must be given together."),
        ({"tick_ms": -1.0}, {"LOBBY_TICK_MS": "0"}, "--tick-ms must be above 0."),
        (
            {},
            {"LOBBY_TRUST_PROXY_HEADERS": "1", "LOBBY_PROXY_HOPS": "1"},
            "LOBBY_TRUST_PROXY_HEADERS must be left out beside --trusted-proxies or LOBBY_PROXY_HOPS.",
        ),
    ],
)
def test_refusal_names_the_variable_that_a_value_came_from_and_else_the_flag(
    flags: dict[str, Any], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(flags, environment)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "together",
    [
        {"trust_proxy_headers": True, "proxy_hops": 2},
        {"trust_proxy_headers": True, "trusted_proxies": "10.0.0.0/8"},
        {"jwt_secret": "x" * 32, "jwt_secret_file": "secrets"},
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_one_sentence(together: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(**together)
    assert is_one_sentence(str(refused.value))


@pytest.mark.parametrize("url", ["https://play.example", "http://[::1]:30820/lobby/"])
def test_page_has_no_slash_at_its_end(url: str) -> None:
    assert Settings(**{**MAIL, "public_url": url}).page_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["play.example", "ftp://play.example", "https://play.example/?a", "https://u@play.example", "https://a b"]
)
def test_page_that_is_no_address_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="--public-url") as refused:
        Settings(**{**MAIL, "public_url": url})
    assert is_one_sentence(str(refused.value))


def test_networks_of_proxies_are_read_and_mapped_ones_are_ipv4() -> None:
    settings = Settings(trusted_proxies="10.0.0.0/8, 192.0.2.1,2001:db8::/32,::ffff:198.51.100.0/120,")
    assert [str(network) for network in settings.proxy_networks] == [
        "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "198.51.100.0/24",
    ]  # fmt: skip
    assert (Settings().most_proxy_hops, Settings(trust_proxy_headers=True).most_proxy_hops) == (0, 1)


def test_variable_with_a_typing_error_is_told_with_the_nearest_name() -> None:
    environment = {"LOBBY_PROT": "1", "LOBBY_MAX_CONECTIONS": "5", "LOBBY_BANANA": "", "LOBBY_PORT": "1", "HOME": "/"}
    sentences = list(unknown_variables(environment))
    assert len(sentences) == 3
    assert all(is_one_sentence(sentence.replace("?", ".")) for sentence in sentences)
    assert "LOBBY_BANANA is no setting" in sentences[0]
    assert "did you mean LOBBY_MAX_CONNECTIONS?" in sentences[1]
    assert "did you mean LOBBY_PORT?" in sentences[2]


def test_variables_that_kubernetes_and_the_tests_set_are_no_typing_errors() -> None:
    names = ("LOBBY_SERVICE_HOST", "LOBBY_SERVICE_PORT", "LOBBY_SERVICE_PORT_HTTP", "LOBBY_PORT_30820_TCP",
             "LOBBY_PORT_30820_TCP_ADDR", "LOBBY_DB_SERVICE_HOST", "LOBBY_TEST_CHROMIUM")  # fmt: skip
    assert list(unknown_variables(dict.fromkeys(names, "x"))) == []


def test_port_that_kubernetes_sets_is_refused_with_the_reason() -> None:
    with pytest.raises(SettingsError, match="Kubernetes") as refused:
        read_settings({}, {"LOBBY_PORT": "tcp://10.0.0.1:30820"})
    assert is_one_sentence(str(refused.value))


def test_secret_is_in_no_sentence() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(jwt_secret="hunter2")
    assert "hunter2" not in str(refused.value)


# -- the command line ---------------------------------------------------------------------------------------------


def run(*arguments: str, **environment: str) -> Result:
    cleared: dict[str, str | None] = {environment_name_of(name): None for name in NAMES}
    return CliRunner().invoke(main, arguments, env={**cleared, **environment})


def test_help_names_every_flag_with_its_unit_and_default() -> None:
    result = run("--help")
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for option in fields(Settings):
        if option.metadata[ENVIRONMENT_ONLY]:
            assert environment_name_of(option.name) in text
            assert f"{flag_of(option.name)} " not in text
            continue
        start = text.index(f"{flag_of(option.name)} ")
        described = text[start:].partition(" --")[0]
        default, unit = option.default, option.metadata["unit"]
        if isinstance(default, bool):
            assert "[default: off]" in described
        elif default != "":
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            assert f"[default: {shown}{' ' + unit if unit else ''}]" in described
    assert "mint-tokens" in text


def test_help_has_groups_in_their_order_with_choices_and_examples() -> None:
    text = " ".join(run("--help").output.split())
    starts = [text.index(f" {group.value}: --") for group in Group]
    assert starts == sorted(starts)
    ends = [*starts[1:], text.index(" Other options: --")]
    sections = {group: text[start:end] for group, start, end in zip(Group, starts, ends, strict=True)}
    shown = [option for option in fields(Settings) if not option.metadata[ENVIRONMENT_ONLY]]
    for option in shown:
        section, flag = sections[option.metadata["group"]], f" {flag_of(option.name)} "
        assert flag in section
        if choices := option.metadata["choices"]:
            assert f"{flag}[{'|'.join(choices)}]" in section
        if example := option.metadata["example"]:
            assert f"for example {example}" in section
    assert sum(bool(option.metadata["choices"]) for option in shown) >= 3
    assert sum(bool(option.metadata["example"]) for option in shown) >= 5
    for heading in ("Commands:", "Examples:", "Signals:", "Exit codes:"):
        assert heading in text
    for number in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"):
        assert number in text


def test_examples_of_the_help_are_settings_that_hold() -> None:
    lines = EPILOG.partition("Examples:")[2].partition("\n\n")[0].splitlines()
    commands = [shlex.split(line.partition("   ")[0]) for line in map(str.strip, lines) if "lobby-server" in line]
    assert len(commands) >= 4
    for words in commands:
        at = words.index("lobby-server")
        environment = dict(word.split("=", 1) for word in words[:at])
        context = main.make_context("lobby-server", words[at + 1 :])
        read_settings({name: value for name, value in context.params.items() if value is not None}, environment)


@pytest.mark.parametrize("command", ["mint-tokens", "announce", "nodes"])
def test_help_of_a_command_shows_the_settings_before_it(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    in_one_line = re.sub(r"\\\n +", "", result.output)
    assert re.search(rf"^ +lobby-server (--[a-z-]+ \S+ )+{command}\b", in_one_line, re.MULTILINE)


@pytest.mark.parametrize("command", ["", *main.commands])
def test_help_fits_a_terminal_of_80_columns(command: str) -> None:
    printed = CliRunner().invoke(main, [command, "--help"] if command else ["--help"], env={"COLUMNS": "80"})
    assert [line for line in printed.output.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "http"],
        ["--port"],
        ["--prot", "5"],
        ["--max-connections", "1.5"],
        ["--drain-s", "soon"],
        ["--data-dir", ""],
        ["--address", ""],
        ["--heartbeat-timeout-s", "inf"],
        ["start"],
        ["mint-tokens", "--count", "0"],
        ["mint-tokens", "--number", "5"],
        ["mint-tokens", "extra"],
        ["mint-tokens", "--data-dir", "D"],
        ["--data-dir", "/dev/null/data", "mint-tokens"],
    ],
)
def test_slip_on_the_command_line_is_one_sentence_and_exit_code_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("lobby-server: ")
    assert is_one_sentence(result.stderr.removesuffix("\n"))


def test_setting_behind_a_command_is_refused_with_where_it_goes() -> None:
    misplaced = run("mint-tokens", "--data-dir", "D").stderr
    assert "before the command, as in lobby-server --data-dir … mint-tokens." in misplaced
    assert "see lobby-server mint-tokens --help." in run("mint-tokens", "--number", "5").stderr
    assert "see lobby-server --help." in run("--prot", "5").stderr


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("--address", ("127.0.0.1", "::1")),
        ("--trusted-proxies", ("10.0.0.0/8", "192.0.2.0/24")),
        ("--allowed-origins", ("https://a.example", "https://b.example")),
    ],
)
def test_list_that_is_given_twice_is_refused_and_once_it_is_taken(
    flag: str, values: tuple[str, str], tmp_path: Path
) -> None:
    folder = ["--data-dir", str(tmp_path), "mint-tokens"]
    twice = run(*(word for value in values for word in (flag, value)), *folder)
    assert (twice.exit_code, twice.stdout) == (2, "")
    assert f"{flag} is given 2 times" in twice.stderr
    assert is_one_sentence(twice.stderr.removesuffix("\n"))
    assert run(flag, ",".join(values), *folder).exit_code == 0
    context = main.make_context("lobby-server", [flag, ",".join(values)])
    assert context.params[flag.removeprefix("--").replace("-", "_")] == ",".join(values)


def test_flags_and_variables_are_those_of_the_settings() -> None:
    assert isinstance(main, click.Group)
    flags = {parameter.name for parameter in main.params} - {"version"}
    assert flags == set(NAMES) - {"jwt_secret"}


def test_minted_tokens_are_of_users_who_count_up_and_verify_with_the_secret(tmp_path: Path) -> None:
    result = run(
        "--data-dir", str(tmp_path), "mint-tokens", "--count", "3", "--first-user-id", "50", "--prefix", "bot"
    )  # fmt: skip
    assert result.exit_code == 0
    secret, is_new = load_or_make_secret(tmp_path)
    assert not is_new
    assert str(tmp_path / "jwt-secret") in result.stderr  # it was not there: a slip in --data-dir, perhaps
    assert is_one_sentence(result.stderr.removesuffix("\n"))
    assert run("--data-dir", str(tmp_path), "mint-tokens").stderr == ""
    loop = asyncio.new_event_loop()
    tokens = Tokens(secret, ttl_s=1, clock=LoopClock(loop), new_token_id=lambda: "t")
    loop.close()
    users = [tokens.verify(token).user for token in result.stdout.split()]
    assert [(user.id, user.username) for user in users] == [(50, "bot1"), (51, "bot2"), (52, "bot3")]


def test_names_that_no_token_may_carry_are_not_minted(tmp_path: Path) -> None:
    result = run("--data-dir", str(tmp_path / "data"), "mint-tokens", "--prefix", "x" * 64)
    assert result.exit_code == 2
    assert is_one_sentence(result.stderr.removesuffix("\n"))


PEM = f"-----BEGIN PUBLIC KEY-----{'A' * 64}-----END PUBLIC KEY-----"


@pytest.mark.parametrize(
    "secret",
    [json.dumps({"kty": "oct", "k": "c2VjcmV0" * 8}), "ssh-rsa " + "A" * 64, PEM],
    ids=["JWK", "SSH", "PEM"],
)
def test_secret_that_is_a_key_of_another_kind_is_refused_in_a_sentence(secret: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text(secret)
    for settings in (Settings(jwt_secret=secret), Settings(jwt_secret_file=str(path))):
        with pytest.raises(SettingsError, match="a key of another kind"):
            secrets_of(settings)


# -- the made secret ----------------------------------------------------------------------------------------------


def test_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    secret, is_new = load_or_make_secret(folder)
    assert is_new
    assert len(secret) == 64
    assert secret_path(folder).stat().st_mode & 0o777 == 0o600
    assert load_or_make_secret(folder) == (secret, False)
    assert os.listdir(folder) == [secret_path(folder).name]  # no draft is left behind


def test_secret_in_a_folder_that_may_not_be_looked_into_is_told_in_one_sentence_to_who_calls_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with monkeypatch.context() as patched:
        for name in ("stat", "exists", "open", "read_text", "read_bytes"):
            patched.setattr(Path, name, denied)
        result = run("--data-dir", str(tmp_path), "announce", "x")
    assert result.exit_code == 2
    assert "(Permission denied): give --data-dir a folder that can be read" in result.stderr
    assert is_one_sentence(result.stderr.removesuffix("\n").removeprefix("lobby-server: "))


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(load_or_make_secret, [tmp_path] * 8))
    assert len({secret for secret, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1
    assert os.listdir(tmp_path) == [secret_path(tmp_path).name]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe" * 40])
def test_secret_that_cannot_be_used_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    secret_path(tmp_path).write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        load_or_make_secret(tmp_path)
    assert is_one_sentence(str(refused.value))
    assert secret_path(tmp_path).read_bytes() == content


def test_secret_of_ones_own_may_end_with_a_line(tmp_path: Path) -> None:
    secret_path(tmp_path).write_text("my own secret with thirty-two bytes or more\n")
    assert load_or_make_secret(tmp_path) == ("my own secret with thirty-two bytes or more", False)


@pytest.mark.parametrize("place", ["a file", "a file/below", "/dev/null/below"])
def test_folder_that_is_none_is_refused_in_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(SettingsError) as refused:
        load_or_make_secret(tmp_path / place)
    assert is_one_sentence(str(refused.value))
    assert "--data-dir" in str(refused.value)


def test_file_holds_one_secret_per_line_newest_first(tmp_path: Path) -> None:
    newest, older = "n" * 32, "o" * 40
    file = tmp_path / "secrets"
    file.write_text(f"\n{newest}\r\n  {older}  \n\n")
    assert secrets_of(Settings(jwt_secret_file=str(file))) == ((newest, older), False)
    assert secrets_of(Settings(jwt_secret="e" * 32)) == (("e" * 32,), False)
    made, is_new = secrets_of(Settings(data_dir=tmp_path))
    assert is_new
    secret_path(tmp_path).write_text(f"{newest}\n{made[0]}\n")
    assert secrets_of(Settings(data_dir=tmp_path)) == ((newest, made[0]), False)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"n" * 32 + b"\nshort\n", b"\xff\xfe" * 40, None])
def test_file_without_usable_secrets_is_refused_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secrets"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        secrets_of(Settings(jwt_secret_file=str(file)))
    assert is_one_sentence(str(refused.value))
    assert str(file) in str(refused.value)
    assert "nnn" not in str(refused.value)
