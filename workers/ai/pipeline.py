"""From a photo to an answer, in three stages: vision -> rules -> answer. Each takes and gives plain JSON.

Nothing that a model says is trusted: an item counts only if the knowledge base has it, and an answer only if it says
what the rules say. Without a model, or without money for it, the local provider and the rules' own words answer, and
the result says so (``degraded``).
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Protocol

from PIL import Image

from services.recycle.knowledge import Disposal, as_dict, knowledge, render, rules_for
from workers.ai import metrics
from workers.ai.grounding import Grounding
from workers.ai.likeness import fingerprint
from workers.ai.local.photo import open_photo
from workers.ai.memory import Memory
from workers.ai.recognition import ModelUnavailable, Recognition, Usage, Vision

log = logging.getLogger(__name__)

Language = Literal["ko", "en"]
Compute = Callable[[Callable[[], Any]], Any]
"""Runs what keeps a processor busy where it does not stop the others."""

UNKNOWN: dict[Language, str] = {
    "ko": "무엇인지 확실히 알 수 없어요. 물건만 크게 나오도록 밝은 곳에서 다시 찍거나, 이름으로 찾아보세요.",
    "en": "I cannot tell for sure what this is. Take the photo again, closer and in good light, or search by name.",
}
ALSO: dict[Language, str] = {"ko": "함께 보이는 것: {things}.", "en": "Also on the photo: {things}."}
RULES = "rules"
"""The provider of an answer that is rendered from the rules."""


class Answers(Protocol):
    """A provider that words what the rules say."""

    provider: str
    model: str

    def word(self, facts: dict[str, Any], grounding: Grounding, language: str) -> tuple[str, Usage]:
        """Raises `ModelUnavailable`."""


@dataclass
class Pipeline:
    """``local`` always works; ``remote`` and ``answers`` are asked first where they are given."""

    local: Vision
    remote: Vision | None
    answers: Answers | None
    memory: Memory
    compute: Compute

    def see(self, photo: bytes) -> dict[str, Any]:
        """Stage 1: what is on the photo, who said so, how sure, and what it cost. Raises `PhotoUnreadable`."""
        if self.remote is None:
            return _seen(self.local, self.compute(lambda: self.local.recognise(photo)))
        picture, likeness = self.compute(lambda: _looked_at(photo))
        remembered = self.memory.recall(likeness, self._eye) if likeness is not None else None
        if remembered is not None:
            metrics.CACHED.labels("vision").inc()
            at = datetime.fromtimestamp(remembered["at"], UTC).isoformat(timespec="seconds")
            return {**remembered["seen"], "usage": None, "seen_before_at": at}
        try:
            seen = _seen(self.remote, self.remote.recognise(picture))
        except ModelUnavailable as error:
            log.warning("vision falls back to the local model: %s", error)
            metrics.DEGRADED.labels("vision", error.reason).inc()
            return _seen(self.local, self.compute(lambda: self.local.recognise(picture)), error)
        if likeness is not None:
            self.memory.remember(likeness, self._eye, seen)
        return seen

    @property
    def _eye(self) -> str:
        """Who looks, and what there is to choose from: what another saw, or of other items, is not reused."""
        return f"{self.remote.model if self.remote else ''}:{_choices()}"

    def answer(self, seen: dict[str, Any], language: Language, region: str | None = None) -> dict[str, Any]:
        """Stage 3: ``{"text", "provider", "model", "degraded", "reused", "usage"}``, from the rules alone."""
        disposal = _disposal(seen, region)
        if disposal is None:
            return _told(UNKNOWN[language])
        others = _others(seen, language, region)
        if self.answers is None or disposal.exceptional:  # what is dangerous is said in the rules' own words
            return _told(render(disposal, language) + others)
        facts = _facts(disposal, language)
        known = self.memory.recall_words(facts, self.answers.model, language)
        if known is not None:
            metrics.CACHED.labels("answer").inc()
            return {**_told(known + others, self.answers), "reused": True}
        try:
            text, usage = self.answers.word(facts, _grounding(disposal, facts, language), language)
        except ModelUnavailable as error:
            log.warning("the answer is rendered from the rules: %s", error)
            metrics.DEGRADED.labels("answer", error.reason).inc()
            told = _told(render(disposal, language) + others)
            return {**told, "degraded": error.reason, "usage": error.usage.as_dict() if error.usage else None}
        self.memory.remember_words(facts, self.answers.model, language, text)
        return {**_told(text + others, self.answers), "usage": usage.as_dict()}


def _looked_at(photo: bytes) -> tuple[Image.Image, int | None]:
    picture = open_photo(photo)
    return picture, fingerprint(picture)


@cache
def _choices() -> str:
    known = knowledge()
    return hashlib.sha256(" ".join([*known.items, *known.situations]).encode()).hexdigest()[:12]


def rule(seen: dict[str, Any], language: Language, region: str | None = None) -> dict[str, Any] | None:
    """Stage 2: the rules that fired for what was seen, with their citations; None for "don't know"."""
    disposal = _disposal(seen, region)
    return as_dict(disposal, language) if disposal else None


def result(
    seen: dict[str, Any], ruled: dict[str, Any] | None, told: dict[str, Any], language: Language
) -> dict[str, Any]:
    """What the scan keeps and the client gets. ``cost_won`` is what this scan has cost."""
    won = sum(part["usage"]["won"] for part in (seen, told) if part["usage"])
    metrics.SCAN_WON.observe(won)
    return {
        **seen,
        "degraded": bool(seen["degraded"] or told["degraded"]),
        "degraded_because": seen["degraded"] or told["degraded"],
        "language": language,
        "major": ruled["major"] if ruled else None,
        "kind": ruled["kind"] if ruled else None,
        "disposal": ruled,
        "insufficiencies": [gap["situation"] for gap in ruled["insufficiencies"]] if ruled else [],
        "answer": told["text"],
        "answered_by": {key: told[key] for key in ("provider", "model", "reused", "usage")},
        "cost_won": round(won, 4),
    }


def _seen(vision: Vision, found: Recognition, instead_of: ModelUnavailable | None = None) -> dict[str, Any]:
    known = knowledge().items
    usage = found.usage or (instead_of.usage if instead_of else None)
    return {
        "item_id": found.item_id if found.item_id in known else None,
        "situations": list(found.situations),
        "confidence": round(found.confidence, 4),
        "guesses": [
            {**asdict(guess), "item_id": guess.item_id if guess.item_id in known else None} for guess in found.guesses
        ],
        "others": [{**asdict(other), "situations": list(other.situations)} for other in found.others],
        "provider": vision.provider,
        "model": vision.model,
        "degraded": instead_of.reason if instead_of else None,
        "seen_before_at": None,
        "usage": usage.as_dict() if usage else None,
    }


def _disposal(seen: dict[str, Any], region: str | None) -> Disposal | None:
    return rules_for(seen["item_id"], seen["situations"], region) if seen["item_id"] else None


def _others(seen: dict[str, Any], language: Language, region: str | None) -> str:
    things = [rules_for(other["item_id"], other["situations"], region) for other in seen["others"]]
    if not things:
        return ""
    lines = dict.fromkeys(f"{thing.item.name.in_(language)} – {thing.put.in_(language)}" for thing in things)
    return " " + ALSO[language].format(things="; ".join(lines))


def _facts(disposal: Disposal, language: Language) -> dict[str, Any]:
    """All that an answer may say."""
    ruled = as_dict(disposal, language)
    return {
        "thing": ruled["name"],
        "place_id": disposal.kind or disposal.major,
        "place": ruled["place"],
        "where_it_goes": disposal.put.in_(language),
        "why": [rule["why"] for rule in ruled["rules"]] + [disposal.why.in_(language)],
        "steps": ruled["steps"],
        "avoid": ruled["do_nots"],
        "put_right_first": [gap["text"] for gap in ruled["insufficiencies"]],
        "goes_elsewhere": [f"{wrong['what']}: {wrong['put']}" for wrong in ruled["not_here"]],
        "local": [rule["why"] for rule in ruled["rules"] if rule["region"]],
        "ask_about_what_is_not_here": ruled["contact"],
    }


def _grounding(disposal: Disposal, facts: dict[str, Any], language: Language) -> Grounding:
    contact = facts["ask_about_what_is_not_here"] or {}
    texts = [facts["place"], facts["where_it_goes"], *(str(value) for value in contact.values() if value)]
    texts += [text for name in ("why", "steps", "put_right_first", "local") for text in facts[name]]
    return Grounding(
        place=facts["place_id"],
        name=facts["thing"],
        texts=tuple(texts),
        warnings=(*facts["avoid"], *facts["goes_elsewhere"]),
        strangers=tuple(wrong.what.in_(language) for wrong in disposal.not_here),
        language=language,
    )


def _told(text: str, by: Answers | None = None) -> dict[str, Any]:
    return {
        "text": text,
        "provider": by.provider if by else RULES,
        "model": by.model if by else None,
        "degraded": None,
        "reused": False,
        "usage": None,
    }
