"""YAML with the place of every key and value, read strictly.

Terraform reads the same file by YAML 1.2, this reads it by 1.1; what the two read differently (``yes``, ``012``,
``1:30``, a date) is refused, so that both see the same facts. Aliases, merge keys and tags are refused too.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from provisioning.cluster.errors import Finding, Path, path_text

MAX_CHARACTERS = 262_144
MAX_DEPTH = 24

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+")
# Plain text to this reader and something else to Terraform's: 099720109477, 1e3, y, 2026-1-2.
_NOT_TEXT_ELSEWHERE = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|[yYnN]|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([tT\s].*)?"
)


@dataclass(frozen=True)
class Place:
    """Line and column of a value and of the key before it (a list item's key is the item), from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass
class Document:
    """The data, where each part of it stands, how each scalar is written, and what could not be read."""

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def finding(self, path: Path, message: str, *, key: bool = False) -> Finding:
        """A finding at a path. Where the path does not exist, it stands at the nearest one above that does."""
        near = path
        while near and near not in self.places:
            near = near[:-1]
        place = self.places.get(near, Place((1, 1), (1, 1)))
        line, column = place.key if key or near != path else place.value
        return Finding(line, column, path_text(path), message)


def read(text: str) -> Document:
    """Never raises: a text that is no YAML is a document with findings and without data."""
    document = Document()
    if len(text) > MAX_CHARACTERS:
        document.findings.append(Finding(1, 1, "", f"is longer than {MAX_CHARACTERS} characters"))
        return document
    try:
        loader = _Composer(text)
        root = loader.get_single_node()
        if root is not None:
            document.places[()] = Place(_at(root.start_mark), _at(root.start_mark))
            document.data = _Reader(document).value(root, ())
    except _Refused as error:
        document.findings.append(Finding(*_at(error.mark), "", error.problem))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        document.findings.append(Finding(*(_at(mark) if mark else (1, 1)), "", f"is no YAML: {said}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        character = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
        document.findings.append(Finding(line, column, "", f"is no YAML: the character U+{character:04X}"))
    return document


class _Refused(Exception):
    def __init__(self, mark: Any, problem: str) -> None:
        self.mark = mark
        self.problem = problem
        super().__init__(problem)


class _Composer(yaml.SafeLoader):
    """Composes nodes without aliases and to a bounded depth, so that no file can make it recurse without end."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(event.start_mark, f"*{event.anchor}: aliases are not read here; write the value out")
        if self._depth >= MAX_DEPTH:
            raise _Refused(event.start_mark, f"is nested more than {MAX_DEPTH} levels deep")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Reader:
    """Turns composed nodes into plain data and notes where each stands."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def value(self, node: yaml.Node, path: Path) -> Any:
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return self._sequence(node, path)
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case _:
                raise TypeError(f"YAML has no {type(node).__name__}")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._no_tag(node, path, "map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = self._key(key_node, path)
            if name is None:
                continue
            here = (*path, name)
            if name in found:
                line = self.document.places[here].key[0]
                self._refuse(key_node, here, f"is given twice; the first is in line {line}")
                continue
            self.document.places[here] = Place(_at(key_node.start_mark), _at(value_node.start_mark))
            found[name] = self.value(value_node, here)
        return found

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, path, "a key must be text")
            return None
        if node.tag == f"{_TAG}merge":
            self._refuse(node, path, "<<: merge keys are not read here; write the values out")
            return None
        if node.tag != f"{_TAG}str" or not _is_text(node):
            self._refuse(node, path, f'the key {node.value} is not text: write "{node.value}"')
            return None
        return str(node.value)

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        self._no_tag(node, path, "seq")
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.document.places[here] = Place(_at(item.start_mark), _at(item.start_mark))
            items.append(self.value(item, here))
        return items

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = node.value
        self.document.written[path] = text
        match node.tag.removeprefix(_TAG):
            case "str" if _is_text(node):
                return text
            case "null":
                return None
            case "bool" if text in ("true", "false"):
                return text == "true"
            case "int" if _INTEGER.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text):
                return float(text)
            case "bool":
                self._ambiguous(node, path, "write true, false or")
            case "int" | "float":
                self._ambiguous(node, path, "write it in decimal or")
            case "str":
                self._ambiguous(node, path, "write")
            case "timestamp":
                self._refuse(node, path, f'{text} is read as a date: write "{text}"')
            case _:
                self._refuse(node, path, f"the tag {node.tag} is not read here")
        return text

    def _no_tag(self, node: yaml.Node, path: Path, plain: str) -> None:
        if node.tag != _TAG + plain:
            self._refuse(node, path, f"the tag {node.tag} is not read here")

    def _ambiguous(self, node: yaml.ScalarNode, path: Path, instead: str) -> None:
        text = node.value[:40]
        self._refuse(
            node, path, f'{text or "an empty block"} is read differently by different tools: {instead} "{text}"'
        )

    def _refuse(self, node: yaml.Node, path: Path, message: str) -> None:
        self.document.findings.append(Finding(*_at(node.start_mark), path_text(path), message))


def _is_text(node: yaml.ScalarNode) -> bool:
    """Whether a scalar that is text here is the same text to Terraform: always in quotes, never an empty block."""
    if node.style in ("|", ">"):
        return bool(node.value)
    return bool(node.style) or not _NOT_TEXT_ELSEWHERE.fullmatch(node.value)


def _at(mark: yaml.Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1
