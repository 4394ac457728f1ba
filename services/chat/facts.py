"""What was looked up for one answer, which is all that the answer may say."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from services.kernel.openai.claims import places, plain

Lang = Literal["ko", "en"]
MAJORS = {"general", "non_combustible", "food", "construction", "bulky", "hazardous"}


@dataclass
class Facts:
    """The rules that fired (as recycle gives them, by item and situations), names of other items, places, scans."""

    lang: Lang
    rules: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    scans: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rules or self.points or self.scans)

    def add_rules(self, situations: list[str], ruled: dict[str, Any]) -> None:
        """Rules in the state of the thing; of a newer state of the same thing, the newer ones count."""
        key = (ruled["item_id"], *situations)
        for other in [known for known in self.rules if known[0] == ruled["item_id"] and len(known) <= len(key)]:
            del self.rules[other]
        self.rules[key] = ruled
        self.add_name(ruled["item_id"], ruled["name"])
        self.texts.append(json.dumps(ruled, ensure_ascii=False))

    def add_hits(self, hits: list[dict[str, Any]]) -> None:
        """Items that were found by name; nothing is known of where they go."""
        for hit in hits:
            self.add_name(hit["item_id"], hit["name"], hit["name_en"])

    def add_name(self, item_id: str, *names: str) -> None:
        self.names.setdefault(item_id, set()).update(plain(name) for name in names)

    def add_synonyms(self, item_id: str, synonyms: list[str]) -> None:
        """Other names of an item; not those that name a place too: a milk carton is also called a paper pack."""
        self.add_name(item_id, *(name for name in synonyms if not places(plain(name))))

    def add_points(self, points: list[dict[str, Any]]) -> None:
        self.points += points
        self.texts.append(json.dumps(points, ensure_ascii=False))

    def add_scans(self, scans: list[dict[str, Any]]) -> None:
        self.scans += scans
        self.texts.append(json.dumps(scans, ensure_ascii=False))

    def rules_of(self, item_id: str) -> list[dict[str, Any]]:
        """The rules of one item, in each of its states that was asked for."""
        return [ruled for key, ruled in self.rules.items() if key[0] == item_id]

    def items(self) -> list[dict[str, Any]]:
        """The things that the answer is about."""
        kept = ("item_id", "name", "major", "kind")
        return [
            {**{name: ruled[name] for name in kept}, "situations": list(key[1:])} for key, ruled in self.rules.items()
        ]

    def sources(self) -> list[dict[str, str]]:
        """Where the rules come from, each source once."""
        found = {
            source: citation
            for ruled in self.rules.values()
            for rule in ruled["rules"]
            for source, citation in zip(rule["sources"], rule["citations"], strict=False)
        }
        return [{"id": source, "citation": citation} for source, citation in found.items()]

    def addresses(self) -> set[str]:
        """The web addresses that may be named: those of whom the rules say to ask."""
        sites = {(ruled.get("contact") or {}).get("site") for ruled in self.rules.values()} - {None}
        bare = {str(site).rstrip("/") for site in sites}
        return bare | {site.partition("://")[2] for site in bare} | {f"{site}/" for site in bare}


def place_of(ruled: dict[str, Any]) -> str:
    """Where a thing goes: the kind of a recyclable, else the class."""
    return str(ruled["kind"] or ruled["major"])


def places_of(ruled: dict[str, Any]) -> set[str]:
    """The places that an answer may name for a thing: its own, and what the rules themselves send there."""
    reasons = [rule["why"] for rule in ruled["rules"]] + [gap["text"] for gap in ruled["insufficiencies"]]
    text = " ".join([ruled["place"], ruled["answer"].split(". ")[0], *ruled["steps"], *reasons])
    own = place_of(ruled)
    return {own, *places(plain(text))} | (set() if own in MAJORS else {"recyclable"})


def warned_places_of(ruled: dict[str, Any]) -> set[str]:
    """The places that may be named to say where the thing does not go, or where other things go."""
    texts = [*ruled["do_nots"], *(f"{wrong['what']} {wrong['put']}" for wrong in ruled["not_here"])]
    return set(places(plain(" ".join(texts))))


def strangers_of(ruled: dict[str, Any]) -> list[str]:
    """Things that the rules name as going elsewhere."""
    return [plain(wrong["what"]) for wrong in ruled["not_here"]]
