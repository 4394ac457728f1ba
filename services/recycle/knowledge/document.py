"""A YAML file that remembers the line of every field, so that an error can point at it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the data. ``line`` counts from 1; ``field`` is dotted, such as ``items.cup.name``."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field or '(file)'}: {self.message}"


class KnowledgeError(Exception):
    """The data set is not usable. ``problems`` names file, line and field of each fault found."""

    code = "knowledge_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Document:
    """The content of one YAML file as ``data``, and the line each field stands on.

    Raises :class:`KnowledgeError` when the file is missing, is not YAML, is empty or says a key twice.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.file = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KnowledgeError([Problem(self.file, 1, "", f"cannot be read: {error}")]) from error
        loader = _Loader(text)
        try:
            self._node: yaml.Node | None = loader.get_single_node()
            if self._node is None:
                raise KnowledgeError([Problem(self.file, 1, "", "is empty")])
            self._refuse_repeated_keys(self._node, ())
            self.data: Any = loader.construct_document(self._node)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise KnowledgeError([Problem(self.file, line, "", f"is not YAML: {error.problem}")]) from error
        finally:
            loader.dispose()

    def line(self, field: Sequence[Hashable]) -> int:
        """The line of a field, or of its nearest parent that the file has."""
        node, mark = self._node, self._node.start_mark if self._node else None
        for part in field:
            if isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if key.value == str(part)]
                if not found:
                    break
                mark, node = found[0][0].start_mark, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.start_mark
            else:
                break
        return mark.line + 1 if mark else 1

    def problem(self, field: Sequence[Hashable], message: str) -> Problem:
        return Problem(self.file, self.line(field), ".".join(str(part) for part in field), message)

    def _refuse_repeated_keys(self, node: yaml.Node, field: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                here = (*field, str(key.value))
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise KnowledgeError([Problem(self.file, line, ".".join(here), "is said twice")])
                seen.add(key.value)
                self._refuse_repeated_keys(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._refuse_repeated_keys(value, (*field, str(index)))
