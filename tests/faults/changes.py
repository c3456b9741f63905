"""A change to a text, found by what the text says and not by how it is laid out: pure functions."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from textwrap import dedent, indent
from typing import Final, Self, TypeVar

_FORMS: Final = (("replace", "by"), ("drop",), ("before", "add"), ("after", "add"))
_BODIES: Final = ("body", "orelse", "finalbody", "handlers", "cases")
_WORD_OR_SIGN: Final = re.compile(r"\w+|[^\w\s]")
_T = TypeVar("_T")

_Place = Sequence[ast.expr | ast.stmt]
"""An expression alone, or statements in a row."""


@dataclass(frozen=True, slots=True)
class Change:
    """`replace` what is found `by` something, `drop` it, or `add` something `before` or `after` it."""

    form: str
    found: str
    new: str = ""

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Self:
        """As a fault says it. Raises ValueError when it says anything else."""
        for form in _FORMS:
            if said.keys() == set(form):
                return cls(form[0], *(said[key] for key in form))
        raise ValueError(f"says {' + '.join(said)}, not one of: {', '.join(' + '.join(form) for form in _FORMS)}")


def change_source(source: str, symbol: str, change: Change) -> str:
    """Python with the change in that symbol. Quotes, line breaks and comments do not matter for what is found.

    Expressions take the place of expressions, statements that of statements. Raises ValueError unless there is
    exactly one such symbol, one such place in it, and the result is Python.
    """
    scope = _only(definitions(source).get(symbol, ()), f"definitions of {symbol}")
    expression = _expression(change)
    places = _equals(scope, expression) if expression else _runs(scope, _statements(change.found))
    place = _only(list(places), f"places in {symbol or 'the module'} for {change.found}")
    before, found, after = _cut(source, place)
    margin = " " * place[0].col_offset
    new = f"({change.new})" if expression else indent(dedent(change.new or "pass"), margin).strip()
    changed = before + _put(change, found, new, margin) + after
    try:
        compile(changed, symbol, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ValueError(f"not Python any more: {error}") from error
    return changed


def change_text(text: str, change: Change) -> str:
    """SQL and the like with the change; white space does not matter for what is found.

    Raises ValueError unless there is exactly one such place.
    """
    tokens = [rf"\b{each}\b" if each[0].isalnum() else re.escape(each) for each in _WORD_OR_SIGN.findall(change.found)]
    place = _only(list(re.finditer(r"\s*".join(tokens), text)), f"places for {change.found}")
    return text[: place.start()] + _put(change, place[0], change.new.strip(), "") + text[place.end() :]


@cache
def definitions(source: str) -> Mapping[str, Sequence[ast.AST]]:
    """What a module defines, by qualified name: functions, classes, what is assigned to, and itself under ""."""
    tree = ast.parse(source)
    found = defaultdict[str, list[ast.AST]](list, {"": [tree]})
    for name, node in _definitions(tree, ""):
        found[name].append(node)
    return dict(found)


def _definitions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for body in _bodies(parent):
        for node in body:
            inner = prefix
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    yield prefix + name, node
                    inner = f"{prefix}{name}."
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    yield prefix + name, node
            yield from _definitions(node, inner)


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements in it, and of what holds statements."""
    for field in _BODIES:
        if isinstance(body := getattr(node, field, None), list):
            yield body


def _only(found: Sequence[_T], what: str) -> _T:
    if len(found) != 1:
        raise ValueError(f"{len(found)} {what}")
    return found[0]


def _expression(change: Change) -> ast.expr | None:
    """What is found, if that and what takes its place are expressions."""
    if change.form != "replace":
        return None
    try:
        found, _ = (ast.parse(f"({each}\n)", mode="eval").body for each in (change.found, change.new))
    except SyntaxError:
        return None
    return found


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(dedent(source)).body
    except SyntaxError as error:
        raise ValueError(f"neither expression nor statements: {source}") from error


def _equals(scope: ast.AST, sought: ast.expr) -> Iterator[_Place]:
    said = ast.dump(sought)
    for node in _nodes(scope):
        if isinstance(node, ast.expr) and type(node) is type(sought) and ast.dump(node) == said:
            yield [node]


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """It and what it holds, but for the inside of f-strings: Python 3.11 does not know the places of that."""
    yield node
    if not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from _nodes(child)


def _runs(scope: ast.AST, sought: list[ast.stmt]) -> Iterator[_Place]:
    said = [ast.dump(each) for each in sought]
    itself = [scope] if isinstance(scope, ast.stmt) else []
    for body in (itself, *(body for node in _nodes(scope) for body in _bodies(node))):
        for at in range(len(body) - len(said) + 1):
            run = body[at : at + len(said)]
            if [*map(type, run)] == [*map(type, sought)] and [ast.dump(each) for each in run] == said:
                yield run


def _cut(source: str, place: _Place) -> tuple[str, str, str]:
    """What stands before, in and after a place; the columns of ast count bytes."""
    text = source.encode()
    lines = [0, *accumulate(map(len, text.splitlines(keepends=True)))]
    first, last = place[0], place[-1]
    line = min(each.lineno for each in (first, *getattr(first, "decorator_list", ())))
    start = lines[line - 1] + first.col_offset
    end = lines[(last.end_lineno or last.lineno) - 1] + (last.end_col_offset or 0)
    return text[:start].decode(), text[start:end].decode(), text[end:].decode()


def _put(change: Change, found: str, new: str, margin: str) -> str:
    match change.form:
        case "before":
            return f"{new}\n{margin}{found}"
        case "after":
            return f"{found}\n{margin}{new}"
        case _:
            return new
