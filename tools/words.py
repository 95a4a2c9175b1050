# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find private words in names, messages and the documentation of options, and print what to write instead of each.

usage: tools/words.py [ROOT]

The words are a table of their own beside this file, words.yml. An exception is a comment beside the line, C(# words: REASON);
one that is not needed any more fails like a word does.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple

import yaml

NAME, MESSAGE, DOC = "name", "message", "documentation"
TABLE = Path(__file__).with_suffix(".yml")
FOLDERS = ("plugins", "roles", "playbooks")
DOCUMENTATION = {"DOCUMENTATION", "RETURN", "EXAMPLES"}
EXCEPTION = re.compile(r"# words: \S")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Word(NamedTuple):
    """A pattern that is never right, what to write instead, and in which kinds of text that is so."""

    pattern: re.Pattern[str]
    instead: str
    kinds: tuple[str, ...]


class Text(NamedTuple):
    """A name, a message or a piece of documentation, and the line it begins in."""

    kind: str
    line: int
    text: str


class Finding(NamedTuple):
    """A word that is not right, and where."""

    line: int
    kind: str
    word: str
    instead: str


def table(entries: Iterable[dict[str, Any]]) -> list[Word]:
    """Return the entries of a table; each has C(never) (patterns), C(write) and, unless it is for all kinds, C(kinds)."""
    found = []
    for entry in entries:
        pattern = "|".join(entry["never"]).replace(" ", r"\s")
        kinds = tuple(entry.get("kinds", (NAME, MESSAGE, DOC)))
        found.append(Word(re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE), entry["write"], kinds))
    return found


def words() -> list[Word]:
    """Return the table beside this file."""
    return table(yaml.load(TABLE.read_text(encoding="utf-8"), LOADER))  # noqa: S506 - a SafeLoader, in C where there is one


def spelled(name: str) -> str:
    """Return an identifier as words: C(given_up) and C(GivenUp) as C(given up)."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()


def defined(node: ast.AST) -> str | None:
    """Return the name that a node gives to something."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
        return node.name
    if isinstance(node, (ast.arg, ast.alias)):
        return node.arg if isinstance(node, ast.arg) else node.asname
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
        return node.id if isinstance(node, ast.Name) else node.attr
    return None


def python_texts(source: str) -> Iterator[Text]:
    """Yield the names that a Python file defines, its messages and its documentation of options; docstrings and comments are not read."""
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                skipped.add(id(statement.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTATION:
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                skipped.add(id(value))
                yield Text(DOC, value.lineno, value.value)
        name = defined(node)
        if name:
            yield Text(NAME, getattr(node, "lineno", 1), name)
        elif isinstance(node, ast.Call):
            # a word that is handed on becomes part of a message
            words_given = [word for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            yield from (Text(MESSAGE, word.lineno, word.value) for word in words_given if word.value.isalpha() and id(word) not in skipped)
        elif isinstance(node, ast.JoinedStr):
            skipped.update(id(part) for part in node.values)
            yield Text(MESSAGE, node.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            skipped.update({id(node.format_spec), *(id(part) for part in getattr(node.format_spec, "values", ()))})
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in skipped:
            yield Text(MESSAGE, node.lineno, node.value)


def yaml_texts(source: str, is_specification: bool) -> Iterator[Text]:
    """Yield the names (keys and registered variables) and the texts of a YAML file, these without their templates."""
    kind = DOC if is_specification else MESSAGE

    def walk(node: yaml.Node) -> Iterator[Text]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    yield Text(NAME, key.start_mark.line + 1, key.value)
                    if key.value == "register":
                        yield Text(NAME, value.start_mark.line + 1, value.value)
                yield from walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for entry in node.value:
                yield from walk(entry)
        elif isinstance(node, yaml.ScalarNode) and " " in node.value:
            # as it is written, so that its lines can be counted
            yield Text(kind, node.start_mark.line + 1, without_templates(source[node.start_mark.index : node.end_mark.index]))

    for document in yaml.compose_all(source, LOADER):
        if document is not None:
            yield from walk(document)


def without_templates(text: str) -> str:
    """Return a text with its Jinja parts as gaps of as many lines, in which only the messages are left."""

    def messages(part: re.Match[str]) -> str:
        strings = r"'[^'\n]*'|\"[^\"\n]*\"|." if not part[0].startswith("{#") else "."
        return "…" + re.sub(strings, lambda it: it[0] if " " in it[0][1:-1] or it[0] == "\n" else "", part[0], flags=re.S)

    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", messages, text, flags=re.S)


def texts(path: Path, relative: str) -> Iterator[Text]:
    """Yield what there is to check in a file, its own name first."""
    source = path.read_text(encoding="utf-8")
    yield Text(NAME, 1, path.stem)
    if path.suffix == ".py":
        yield from python_texts(source)
    elif path.suffix in (".yml", ".yaml"):
        yield from yaml_texts(source, relative.endswith("argument_specs.yml"))
    else:
        yield Text(MESSAGE, 1, without_templates(source))


def findings(found: list[Text], never: list[Word]) -> list[Finding]:
    """Return the words of texts that are not right."""
    wrong = set()
    for kind, line, text in found:
        # lines stay, as they are counted
        read = spelled(text) if kind == NAME else re.sub(r"[ \t]*\n[ \t]*|[ \t]+", lambda gap: "\n" if "\n" in gap[0] else " ", text)
        for word in never:
            if kind in word.kinds:
                for match in word.pattern.finditer(read):
                    wrong.add(Finding(line + read.count("\n", 0, match.start()), kind, " ".join(match[0].split()), word.instead))
    return sorted(wrong)


def check(root: Path) -> tuple[list[str], int]:
    """Return the complaints about the files below a folder, and how many names and texts were looked at."""
    never = words()
    complaints: list[str] = []
    looked_at = 0
    paths = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.suffix in (".py", ".yml", ".yaml", ".j2")]
    for path in paths:
        relative = str(path.relative_to(root))
        found = list(texts(path, relative))
        looked_at += len(found)
        lines = path.read_text(encoding="utf-8").splitlines()
        excepted = {number for number, line in enumerate(lines, 1) if EXCEPTION.search(line)}
        wrong = findings(found, never)
        complaints += [f"{relative}:{at.line}: {at.kind}: {at.word!r}: write {at.instead}" for at in wrong if at.line not in excepted]
        complaints += [f"{relative}:{line}: this exception is not needed" for line in sorted(excepted - {at.line for at in wrong})]
    return complaints, looked_at


def main() -> int:
    """Check the collection."""
    complaints, looked_at = check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print(*complaints, sep="\n", end="\n" if complaints else "")
    if not looked_at:
        print("nothing was looked at: give the root of the collection")
    return 1 if complaints or not looked_at else 0


if __name__ == "__main__":
    sys.exit(main())
