"""From plain data to typed parts: every field is checked, and what is right is kept for the checks across parts.

Pydantic's errors are told in the words of the file's readers, at the place of the mistake.
"""

import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from provisioning.cluster.document import Document
from provisioning.cluster.errors import Finding, Path, did_you_mean, nearest
from provisioning.cluster.model import Access, Buckets, Cluster, DomainName, Kubernetes, Network, Node, Release

_KEY = "[key]"  # pydantic's mark for a wrong key of a mapping


@dataclass
class Draft:
    """The parts of a cluster file that are right by themselves; the wrong ones are missing."""

    parts: dict[str, Any] = field(default_factory=dict)
    nodes: dict[int, Node] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    whole: Cluster | None = None

    @property
    def region(self) -> str | None:
        return self.parts.get("region")

    @property
    def zones(self) -> tuple[str, ...] | None:
        return self.parts.get("zones")

    @property
    def network(self) -> Network | None:
        return self.parts.get("network")

    @property
    def access(self) -> Access | None:
        return self.parts.get("access")

    @property
    def kubernetes(self) -> Kubernetes | None:
        return self.parts.get("kubernetes")

    @property
    def domain(self) -> DomainName | None:
        return self.parts.get("domain")

    @property
    def buckets(self) -> Buckets | None:
        return self.parts.get("buckets")

    @property
    def tags(self) -> dict[str, str] | None:
        return self.parts.get("tags")


def draft(document: Document) -> tuple[Draft, list[Finding]]:
    """The typed parts, and what is wrong with the others."""
    data = document.data
    if not isinstance(data, dict):
        said = "is empty" if data is None else "must be a mapping (key: value)"
        return Draft(), [Finding(1, 1, "", said)]
    try:
        return _parts(Cluster.model_validate(data)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    findings = [_finding(document, detail) for detail in _without_echoes(details)]
    wrong = {(*detail["loc"], None, None)[:2] for detail in details}
    return _right_parts(data, wrong), findings


def _parts(cluster: Cluster) -> Draft:
    parts = {name: getattr(cluster, name) for name in Cluster.model_fields}
    return Draft(parts, dict(enumerate(cluster.nodes)), dict(cluster.releases), cluster)


def _right_parts(data: dict[str, Any], wrong: set[tuple[Any, ...]]) -> Draft:
    """Validates once more what had no error: section by section, node by node, release by release."""
    found = Draft()
    broken = {first for first, _ in wrong}
    for name, information in Cluster.model_fields.items():
        if name in data and name not in broken:
            field_type: Any = Annotated[information.annotation, information]
            found.parts[name] = TypeAdapter(field_type).validate_python(data[name])
    if isinstance(data.get("nodes"), list):
        for index, item in enumerate(data["nodes"]):
            if ("nodes", index) not in wrong:
                found.nodes[index] = Node.model_validate(item)
    if isinstance(data.get("releases"), dict):
        for name, item in data["releases"].items():
            if ("releases", name) not in wrong:
                found.releases[name] = Release.model_validate(item)
    return found


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leaves out what only follows from another mistake.

    A key is not missing where it stands misspelt, and a list is not empty because its items are wrong.
    """
    misspelt = {
        (*detail["loc"][:-1], nearest(str(detail["loc"][-1]), _keys(detail["loc"][:-1])))
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    above = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    return [
        detail
        for detail in details
        if not (detail["type"] == "missing" and detail["loc"] in misspelt)
        and not (detail["type"] == "too_short" and detail["loc"] in above)
    ]


def _finding(document: Document, detail: ErrorDetails) -> Finding:
    path: Path = detail["loc"]
    at_key = bool(path) and path[-1] == _KEY
    if at_key:
        path = path[:-1]
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys(path[:-1])
        word = str(path[-1])
        return document.finding(path, f"is no key of this section{did_you_mean(word, known)}", key=True)
    if kind == "missing":
        return document.finding(path, "is missing")
    return document.finding(path, _message(document, path, detail), key=at_key)


def _message(document: Document, path: Path, detail: ErrorDetails) -> str:
    context: dict[str, Any] = detail.get("ctx") or {}
    written = document.written.get(path)
    value = detail["input"]
    if value is None and detail["type"].endswith("_type"):
        return "must not be left empty"
    match detail["type"]:
        case "string_type":
            quoted = f': write "{written}"' if isinstance(value, int | float) and written else ""
            return f"must be text, not {_what(value)}{quoted}"
        case "int_type":
            return f"must be a whole number, not {_what(value)}"
        case "tuple_type" | "list_type":
            return f"must be a list, not {_what(value)}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping (key: value), not {_what(value)}"
        case "literal_error":
            choices = [choice for choice in str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")]
            return f"{value!r} is none of {', '.join(choices)}{did_you_mean(str(value), choices)}"
        case "value_error":
            return str(context["error"])
        case "greater_than_equal" | "greater_than":
            return f"must be at least {context.get('ge', context.get('gt'))}"
        case "less_than_equal" | "less_than":
            return f"must be at most {context.get('le', context.get('lt'))}"
        case "too_short":
            return "must not be empty"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"is longer than {context['max_length']} characters"
        case _:
            return detail["msg"]


def _what(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _keys(path: Path) -> list[str]:
    """The keys that a section may have."""
    here: Any = Cluster
    for step in path:
        here = next(_inside(here, step), None)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [information.alias or name for name, information in here.model_fields.items()]
    return []


def _inside(annotation: Any, step: str | int) -> Iterator[Any]:
    """What stands at one step below a type, without ``Annotated`` and ``None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, information in annotation.model_fields.items():
            if step == (information.alias or name):
                yield _bare(information.annotation)
    elif get_origin(annotation) is tuple:
        yield _bare(get_args(annotation)[0])
    elif get_origin(annotation) is dict:
        yield _bare(get_args(annotation)[1])


def _bare(annotation: Any) -> Any:
    if hasattr(annotation, "__metadata__"):
        return _bare(annotation.__origin__)
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation
