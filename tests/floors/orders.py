"""Where a set is gone through in its own order, which differs from process to process: read from the source.

It knows no types, only names. A set is what is written as one, an attribute, parameter or function that is annotated as
one anywhere in the modules that are read, what is made of those, and a local name that was given one. What cannot
depend on the order (`sorted`, `len`, `any`, another set …) is passed over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_SETS = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet"})
_WHATEVER_THE_ORDER = frozenset({"sorted", "set", "frozenset", "any", "all", "sum", "len", "min", "max", "bool"})
_IN_ORDER = frozenset({"list", "tuple", "iter", "enumerate", "map", "filter", "zip", "next", "deque", "reversed"})
_IN_ORDER_METHODS = frozenset({"join", "extend", "fromkeys", "writelines"})
_OF_SETS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_VALUES = frozenset({"get", "setdefault", "pop"})
"""Of a dict whose values are sets."""


@dataclass
class Names:
    """What is annotated as a set, in all modules together."""

    sets: set[str] = field(default_factory=set)
    dicts: set[str] = field(default_factory=set)
    """Attributes that are dicts of sets."""
    functions: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Names:
        names = cls()
        for path in paths:
            names.read(ast.parse(path.read_text(encoding="utf-8")))
        return names

    def read(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign):
                self._note(_name_of(node.target), node.annotation)
            elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Set, ast.SetComp)):
                self.sets.update(filter(None, (_name_of(each) for each in node.targets if _is_attribute(each))))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _says_set(node.returns):
                is_read = any(_name_of(each) in ("property", "cached_property") for each in node.decorator_list)
                (self.sets if is_read else self.functions).add(node.name)

    def _note(self, name: str, annotation: ast.expr) -> None:
        if _says_set(annotation):
            self.sets.add(name)
        elif _says_dict_of_sets(annotation):
            self.dicts.add(name)


def loose_orders(tree: ast.AST, names: Names) -> list[str]:
    """The expressions that are sets and are gone through in their order, as they are written."""
    found: list[str] = []
    for scope in ast.walk(tree):
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            found += _Scope(scope, names).found()
    return found


class _Scope:
    """One function, without those in it."""

    def __init__(self, scope: ast.AST, names: Names) -> None:
        self._nodes = list(_own_nodes(scope))
        self._names = names
        self._locals: set[str] = set()
        self._excused: set[int] = set()
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
            self._locals.update(each.arg for each in arguments if _says_set(each.annotation))
        for _ in range(2):  # one local may be made of another
            for node in self._nodes:
                self._note(node)

    def found(self) -> list[str]:
        for node in self._nodes:
            if isinstance(node, ast.Call) and _name_of(node.func) in _WHATEVER_THE_ORDER and not _is_method(node):
                self._excused.update(map(id, node.args))
        return [ast.unparse(each) for node in self._nodes for each in self._gone_through(node) if self._is_set(each)]

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                self._locals.update(
                    to.id for to, value in pairs if isinstance(to, ast.Name) and self._is_set(value)
                )  # fmt: skip
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and isinstance(node.target, ast.Name):
            is_set = _says_set(node.annotation) if isinstance(node, ast.AnnAssign) else self._is_set(node.value)
            self._locals.update([node.target.id] if is_set else [])

    def _gone_through(self, node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, (ast.For, ast.AsyncFor)):
            yield node.iter
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp)) and id(node) not in self._excused:
            yield from (each.iter for each in node.generators)
        elif isinstance(node, ast.Starred) and id(node) not in self._excused:
            yield node.value
        elif isinstance(node, ast.Call):
            name = _name_of(node.func)
            if name in (_IN_ORDER_METHODS if _is_method(node) else _IN_ORDER) and id(node) not in self._excused:
                yield from node.args
            elif name == "pop" and isinstance(node.func, ast.Attribute) and not node.args:
                yield node.func.value

    def _is_set(self, node: ast.expr) -> bool:
        if isinstance(node, (ast.Set, ast.SetComp)):
            return True
        if isinstance(node, ast.Name):
            return node.id in self._locals
        if isinstance(node, ast.Attribute):
            return node.attr in self._names.sets
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)):
            return self._is_set(node.left) or self._is_set(node.right)
        if isinstance(node, ast.IfExp):
            return self._is_set(node.body) or self._is_set(node.orelse)
        if isinstance(node, ast.NamedExpr):
            return self._is_set(node.value)
        if isinstance(node, ast.Await):
            return self._is_set(node.value)
        if isinstance(node, ast.Subscript):
            return self._is_dict(node.value)
        if isinstance(node, ast.Call):
            return self._makes_set(node)
        return False

    def _makes_set(self, call: ast.Call) -> bool:
        name = _name_of(call.func)
        if name in self._names.functions or (name in _SETS and not _is_method(call)):
            return True
        if isinstance(call.func, ast.Attribute):
            owner = call.func.value
            return (name in _OF_SETS and self._is_set(owner)) or (name in _VALUES and self._is_dict(owner))
        return False

    def _is_dict(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in self._names.dicts


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Of a function; of its inner ones only that they are there. Of a module, what stands in no function."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_attribute(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute)


def _is_method(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute)


def _says_set(annotation: ast.expr | None) -> bool:
    """``set[int]``, ``frozenset[str] | None``."""
    if isinstance(annotation, ast.BinOp):
        return _says_set(annotation.left) or _says_set(annotation.right)
    if isinstance(annotation, ast.Subscript):
        return _name_of(annotation.value) in _SETS
    return annotation is not None and _name_of(annotation) in _SETS


def _says_dict_of_sets(annotation: ast.expr) -> bool:
    return (
        isinstance(annotation, ast.Subscript)
        and _name_of(annotation.value) in ("dict", "Mapping", "defaultdict")
        and isinstance(annotation.slice, ast.Tuple)
        and _says_set(annotation.slice.elts[-1])
    )
