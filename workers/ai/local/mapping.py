"""From ImageNet's classes to disposal items: ``data/imagenet_items.yaml``, checked when it is read.

Only classes that name a thing people throw away are mapped. The rest (animals, places, vehicles) lead to
no item.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from workers.ai.local.classifier import imagenet_labels

MAPPING_FILE = Path(__file__).parent / "data" / "imagenet_items.yaml"


class MappingInvalid(Exception):
    """The mapping file names a class or an item that does not exist; the message lists every problem."""


class _NoDuplicates(yaml.CSafeLoader):
    """YAML lets the last of two equal keys win, which would silently unmap what the first one says."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs = self.construct_pairs(node, deep=True)
        keys = [key for key, _ in pairs]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            line = node.start_mark.line + 1
            raise MappingInvalid(f"given twice in the mapping that starts on line {line}: {', '.join(repeated)}")
        return dict(pairs)


def read_mapping(known_items: Collection[str], path: Path = MAPPING_FILE) -> Mapping[int, str]:
    """Returns the item id of each mapped class index.

    Each class stands in the file with its index and its ImageNet label, so that a slip in either is found.

    Raises MappingInvalid: an item is not among ``known_items``, an index is outside 0..999, a label is not
    that index's, or a class is mapped twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _NoDuplicates)
    except yaml.YAMLError as error:
        raise MappingInvalid(f"{path.name} is not YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(classes, dict) for classes in content.values()):
        raise MappingInvalid(f"{path.name} must say, for each item id, which classes are that item (index: label)")
    items: dict[int, str] = {}
    problems: list[str] = []
    for item_id, classes in content.items():
        if item_id not in known_items:
            problems.append(f"{item_id}: the knowledge base has no such item")
        for index, label in classes.items():
            problem = _problem_with(index, label)
            if problem is None and index in items:
                problem = f"class {index} ({label}) is mapped to {items[index]} already"
            if problem is None:
                items[index] = item_id
            else:
                problems.append(f"{item_id}: {problem}")
    if problems:
        raise MappingInvalid(f"{path.name}: " + "; ".join(problems))
    return MappingProxyType(items)


def _problem_with(index: object, label: object) -> str | None:
    labels = imagenet_labels()
    if type(index) is not int or not 0 <= index < len(labels):
        return f"{index!r} is no class index (0 to {len(labels) - 1})"
    if label != labels[index]:
        return f"class {index} is called {labels[index]!r}, not {label!r}"
    return None
