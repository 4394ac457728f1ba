"""What is wrong with a cluster file, and where: one finding each, all of them in one error."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

# Where a fact stands in the file: the keys and list indexes that lead to it.
Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake (or warning). Line and column begin at 1; the path is empty where the file as a whole is meant."""

    line: int
    column: int
    path: str
    message: str

    def text(self, file: str) -> str:
        """``file:line:column: path: message``, as editors and CI systems link it."""
        place = f"{file}:{self.line}:{self.column}: "
        return f"{place}{self.path}: {self.message}" if self.path else place + self.message

    def as_dict(self) -> dict[str, str | int]:
        return {"line": self.line, "column": self.column, "path": self.path, "message": self.message}


class ConfigurationError(Exception):
    """The cluster file cannot be used. ``findings`` holds every mistake, in the order of the file."""

    exit_code = 2

    def __init__(self, file: str, findings: Iterable[Finding]) -> None:
        self.file = file
        self.findings: Sequence[Finding] = tuple(sorted(set(findings)))
        super().__init__("\n".join(finding.text(file) for finding in self.findings))


def path_text(path: Path) -> str:
    """``nodes[3].labels["app.kubernetes.io/name"]``: a path as people write it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that the word is most like, whatever its case, if it is like any."""
    found = process.extractOne(word, sorted(choices), scorer=fuzz.ratio, processor=str.lower, score_cutoff=60)
    return found[0] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean X?)``, or nothing where no choice is near."""
    meant = nearest(word, choices)
    return f" (did you mean {meant}?)" if meant else ""
