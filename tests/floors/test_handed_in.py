"""Rules and service take time, chance, ids, threads and order from what they are given: so a run in virtual time
follows from its seed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.floors.graph import ROOT, imports_of, modules_of
from tests.floors.orders import Names, loose_orders

HANDED_IN = ("lobby_server.core", "lobby_server.service", "lobby_server.backplane")
MODULES = {name: path for package in HANDED_IN for name, path in modules_of(package).items()}
NAMES = Names.of(MODULES.values())

PURE = frozenset({
    "array", "base64", "binascii", "bisect", "collections", "contextlib", "dataclasses", "datetime", "enum", "errno",
    "functools", "hashlib", "heapq", "hmac", "ipaddress", "itertools", "math", "operator", "re", "sys", "typing",
    "unicodedata", "msgspec", "lobby_server", "__future__",
})  # fmt: skip
"""What these do follows from what they are called with; of `datetime` and `sys` what does not is looked for below."""
JUSTIFIED = {
    "asyncio": "its futures, tasks and timers are those of the loop that runs, and that is handed in",
    "concurrent": "the type of the threads that are handed in",
    "logging": "the log decides nothing",
    "gzip": "it writes the time unless it is told another one: mtime=0",
    "jwt": "it is told not to look at times",
    "argon2": "it draws salts unless it is given one, as it is",
    "redis": "the way to Valkey, which a simulation replaces: `lobby_server.backplane.valkey` alone",
    "hiredis": "its parser: bytes in, answers out",
    "async_timeout": "a timer of the loop that runs",
}
"""Other modules that are used, and why no time, chance, id or thread comes in by them."""
READS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "sys": {"argv", "stdin", "stdout", "getrefcount"},
    "asyncio": {
        "to_thread", "run", "new_event_loop", "get_event_loop", "open_connection", "start_server",
        "create_subprocess_exec", "create_subprocess_shell",
    },
}  # fmt: skip
"""What would come in by modules that are used: clocks, streams, threads, loops of one's own."""
BUILTINS = frozenset({"id", "hash", "open", "input", "print", "breakpoint"})
"""Of the process, or of its console and disk."""
USED_BUILTINS = {
    ("lobby_server.service.fanout.profile", "hash"): "kept beside the profile, of which dicts are in order of insertion"
}
ORDERS = {("lobby_server.backplane.node.catching_up", "self.waiting"): "a list; the books have a set of that name"}
"""Module and expression → why the order of that set is nobody's business, or the same everywhere."""


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_no_source_of_time_chance_or_threads(module: str) -> None:
    used = {name.split(".")[0] for name in imports_of(MODULES[module])} - PURE
    assert used <= JUSTIFIED.keys(), "hand it in, or say why nothing comes in by it"


def test_every_justification_is_needed() -> None:
    used = {name.split(".")[0] for path in MODULES.values() for name in imports_of(path)}
    assert JUSTIFIED.keys() <= used
    found = {(module, name) for module, path in MODULES.items() for name in builtins_in(tree_of(path))}
    assert USED_BUILTINS.keys() <= found
    orders = {(module, each) for module, path in MODULES.items() for each in loose_orders(tree_of(path), NAMES)}
    assert ORDERS.keys() <= orders


@pytest.mark.parametrize("module", MODULES)
def test_module_reads_no_clock_and_starts_no_thread(module: str) -> None:
    assert reads_in(tree_of(MODULES[module])) == []


@pytest.mark.parametrize("module", MODULES)
def test_module_uses_nothing_of_its_process(module: str) -> None:
    used = [name for name in builtins_in(tree_of(MODULES[module])) if (module, name) not in USED_BUILTINS]
    assert used == []


@pytest.mark.parametrize("module", MODULES)
def test_module_goes_through_no_set_in_its_order(module: str) -> None:
    found = [each for each in loose_orders(tree_of(MODULES[module]), NAMES) if (module, each) not in ORDERS]
    assert found == [], "sort it, keep it as a dict, or say why its order is nobody's business"


def test_only_the_stream_uses_the_client_of_valkey() -> None:
    users = {module for module, path in MODULES.items() if "redis" in {each.split(".")[0] for each in imports_of(path)}}
    in_valkey = {module for module in users if module.startswith("lobby_server.backplane.valkey.")}
    assert users - in_valkey == {"lobby_server.backplane.opening"}


# -- what would be found ----------------------------------------------------------------------------------------------


def test_a_wall_clock_is_seen() -> None:
    assert reads_in(tree_of(ROOT / "lobby_server" / "clock.py")) == ["datetime.now"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("asyncio.to_thread(work)", ["asyncio.to_thread"]),
        ("loop.run_in_executor(None, work)", ["run_in_executor(None)"]),
        ("loop.run_in_executor(self._executor, work)", []),
        ("asyncio.get_running_loop()", []),
    ],
)
def test_a_thread_of_ones_own_is_seen(text: str, found: list[str]) -> None:
    assert reads_in(ast.parse(text)) == found


@pytest.mark.parametrize("text", ["sorted(users, key=id)", "hash(name) % 8", "open('x')"])
def test_what_differs_from_process_to_process_is_seen(text: str) -> None:
    assert len(builtins_in(ast.parse(text))) == 1


CLASS = """
class Book:
    banned: set[int]
    invited: frozenset[int] | None = None
    by_room: dict[str, set[int]]

    def friends(self) -> set[int]: ...
"""


@pytest.mark.parametrize(
    "text",
    [
        "def f(book):\n    for each in book.banned: tell(each)",
        "def f(book): return [each for each in book.invited]",
        "def f(book): return list(book.banned | others)",
        "def f(book): return ','.join(book.friends())",
        "def f(book): return [*book.by_room['a']]",
        "def f(book): return tuple(book.by_room.get('a', ()))",
        "def f(book):\n    left = set(users) - gone\n    return next(iter(left))",
        "def f(book): return book.banned.pop()",
        "def f(users: set[int]): return dict.fromkeys(users)",
        "def f(): return {user: 1 for user in {1, 2}}",
        "async def f():\n    for each in {(one, two) for one, two in pairs}: await keep(each)",
        "def f(book):\n    ids, rest = book.banned, 1\n    return [call(each) for each in ids]",
    ],
)
def test_a_set_that_is_gone_through_is_seen(text: str) -> None:
    names = Names()
    names.read(ast.parse(CLASS))
    assert len(loose_orders(ast.parse(text), names)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def f(book): return sorted(book.banned)",
        "def f(book): return any(each > 1 for each in book.banned)",
        "def f(book): return {each + 1 for each in book.banned}",
        "def f(book): return 3 in book.banned and len(book.friends())",
        "def f(book): return frozenset(book.by_room['a'])",
        "def f(book): book.banned.discard(3)",
        "def f(users: list[int]): return [each for each in users]",
        "def f(book): return book.by_room.pop('a')",
    ],
)
def test_a_set_whose_order_does_not_matter_is_passed_over(text: str) -> None:
    names = Names()
    names.read(ast.parse(CLASS))
    assert loose_orders(ast.parse(text), names) == []


def tree_of(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def reads_in(tree: ast.AST) -> list[str]:
    """What of `READS` is used, and threads that were not handed in."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in READS.get(node.value.id, ()):
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if node.func.attr == "run_in_executor" and isinstance(first, ast.Constant) and first.value is None:
                found.append("run_in_executor(None)")
    return found


def builtins_in(tree: ast.AST) -> list[str]:
    """Names of `BUILTINS` that stand by themselves."""
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in BUILTINS
    ]
