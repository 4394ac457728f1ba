"""Command lines taken apart strictly: an option that the model does not know is a violation, never a shrug."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.doubles.hosts.calls import Violation


@dataclass
class Arguments:
    """``values`` has each option by its first spelling; a flag that was given has [""]."""

    values: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def has(self, option: str) -> bool:
        return option in self.values

    def get(self, option: str, default: str = "") -> str:
        return self.values[option][-1] if option in self.values else default

    def all(self, option: str) -> list[str]:
        return self.values.get(option, [])


def parse(
    argv: Sequence[str], flags: Iterable[str] = (), options: Iterable[str] = (), *, stop: bool = False
) -> Arguments:
    """``flags`` stand alone, ``options`` take a value (``--a b``, ``--a=b``, ``-ob``); "-y/--yes" names two spellings.

    With ``stop`` the first word that is no option ends the options. Raises `Violation`.
    """
    kinds: dict[str, tuple[str, bool]] = {}
    for takes, names in ((False, flags), (True, options)):
        for group in names:
            first, *_ = spellings = group.split("/")
            kinds.update({spelling: (first, takes) for spelling in spellings})
    found = Arguments()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.words += rest
            break
        if not word.startswith("-") or word == "-":
            found.words.append(word)
            if stop:
                found.words += rest
                break
            continue
        _take(word, rest, kinds, found)
    return found


def _take(word: str, rest: list[str], kinds: dict[str, tuple[str, bool]], found: Arguments) -> None:
    name, equals, value = word.partition("=")
    if word in kinds:
        first, takes = kinds[word]
        if takes and not rest:
            raise Violation(f"{word} wants a value")
        found.values.setdefault(first, []).append(rest.pop(0) if takes else "")
    elif equals and name in kinds:
        first, takes = kinds[name]
        found.values.setdefault(first, []).append(value if takes or value not in ("true", "false") else "")
        if not takes and value == "false":
            del found.values[first]
    elif word[:2] in kinds and not word.startswith("--"):
        first, takes = kinds[word[:2]]
        found.values.setdefault(first, []).append(word[2:] if takes else "")
        if not takes:
            _take(f"-{word[2:]}", rest, kinds, found)
    else:
        raise Violation(f"the model knows no option {word}")
