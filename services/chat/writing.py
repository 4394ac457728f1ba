"""How an answer comes about: the scan it is about, what the message names, the model's words, or the rules' own."""

import logging
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from services.chat import answers
from services.chat.answers import Found
from services.chat.dialogue import Dialogue, Talk, instructions
from services.chat.domains import Domains
from services.chat.facts import Facts, Lang
from services.chat.gate import Gate
from services.chat.leases import Question, Written
from services.chat.metrics import REFUSED
from services.chat.tools import Toolbox
from services.kernel.config import Chat
from services.kernel.errors import Conflict, Problem, Unavailable
from services.kernel.openai.turns import Said
from services.kernel.openai.usage import ModelUnavailable

log = logging.getLogger(__name__)

SCAN_POLL_S = 0.5
PICTURE = re.compile("사진|그림|photo|picture|image", re.IGNORECASE)
"""Words of a question about a scan that name no thing to throw away."""
SENTENCE = re.compile(r"(?<=[.!?])(?=\s)")
Within = Callable[[float], AbstractContextManager[object]]
"""Bounds the time spent in it, by raising `TimeoutError` after so many seconds."""
NEAR: dict[str, str] = {"ko": "가까운 곳: {places}.", "en": "Near you: {places}."}


class Telling(Protocol):
    """Who hears of an answer while it is written."""

    def token(self, text: str) -> None: ...

    def tool(self, name: str) -> None: ...

    def restart(self, reason: str) -> None: ...


@dataclass(frozen=True)
class Writer:
    """Writes answers; without a `dialogue` in the rules' own words."""

    domains: Domains
    dialogue: Dialogue | None
    settings: Chat
    within: Within

    def write(self, question: Question, history: list[Said], telling: Telling) -> Written:
        """The answer, each piece of which is told as it comes. Raises `Problem` where there can be none."""
        lang: Lang = "en" if (question.lang or answers.language(question.text)) == "en" else "ko"
        facts = Facts(lang)
        scan = self._scanned(question, facts, telling)
        text = PICTURE.sub(" ", question.text) if question.scan_id else question.text
        found = answers.look(text, self.domains.recycle, lang, question.region)
        facts.add_hits(found.hits)
        for hit, ruled in found.named:
            if not facts.rules_of(ruled["item_id"]):  # the photo says more of its state
                facts.add_rules(hit["situations"], ruled)
        if self.dialogue is None:
            return _in_rules_words(facts, found, scan, telling)
        return self._asked(self.dialogue, question, history, facts, found, scan, telling)

    def _asked(
        self,
        dialogue: Dialogue,
        question: Question,
        history: list[Said],
        facts: Facts,
        found: Found,
        scan: str | None,
        telling: Telling,
    ) -> Written:
        toolbox = Toolbox(self.domains, question, facts, self.settings.result_chars)
        talk = Talk(history, question.text, facts, toolbox, telling.tool)
        gate = Gate(facts, question.text, instructions(facts.lang, talk.mark), telling.token, telling.restart)
        degraded = None
        for item_id in {key[0] for key in facts.rules}:
            facts.add_synonyms(item_id, self.domains.recycle.item(item_id, facts.lang)["synonyms"])
        try:
            with self.within(self.settings.model_deadline_s):
                dialogue.hold(talk, gate)
        except ModelUnavailable as error:
            degraded = error.reason
        except TimeoutError:
            degraded = "timeout"
        if gate.refused or (gate.left_out and not gate.text):
            degraded = degraded or "ungrounded"
            REFUSED.labels(gate.refused or "stray").inc()
        spent: dict[str, Any] = {"tools": talk.used, "cost_won": sum(usage.won for usage in talk.spent)}
        if degraded or not gate.text:
            if degraded:
                log.warning("an answer is written from the rules: %s %s", degraded, gate.refused or "")
            if gate.text:
                telling.restart("replaced")
            return _in_rules_words(facts, found, scan, telling, degraded=degraded, **spent)
        return Written(
            gate.text,
            dialogue.provider,
            dialogue.model,
            items=facts.items(),
            sources=facts.sources(),
            suggestions=answers.worded(found, facts.lang).suggestions,
            **spent,
        )

    def _scanned(self, question: Question, facts: Facts, telling: Telling) -> str | None:
        """Add the rules for what the scan shows that the question is about.

        Where nobody could tell what it shows, what the scan says of that.
        """
        if question.scan_id is None:
            return None
        telling.tool("scan")
        scan = self._awaited(question.scan_id, question.owner)
        if scan["status"] == "failed":
            raise Conflict("scan_failed", "The photo could not be recognised, so there is nothing to answer from.")
        result: dict[str, Any] = scan["result"] or {}
        if not result.get("item_id"):
            return str(result.get("answer") or "") or None
        region = question.region or ((result.get("disposal") or {}).get("region") or {}).get("id")
        situations = list(result.get("situations") or [])
        facts.add_rules(situations, self.domains.recycle.rules(result["item_id"], situations, facts.lang, region))
        return None

    def _awaited(self, scan_id: str, owner: str | None) -> dict[str, Any]:
        deadline = time.monotonic() + self.settings.scan_wait_s
        while True:
            try:
                scan = self.domains.waste.scan(scan_id, owner)
            except Unavailable:
                if time.monotonic() >= deadline:
                    raise
            else:
                if scan["status"] != "processing":
                    return scan
            if time.monotonic() >= deadline:
                raise Unavailable(
                    "scan_unfinished", f"The photo was not recognised within {self.settings.scan_wait_s:g} s."
                )
            time.sleep(SCAN_POLL_S)


def _in_rules_words(
    facts: Facts, found: Found, scan: str | None, telling: Telling, degraded: str | None = None, **spent: Any
) -> Written:
    """The rules' own words for all that was looked up, told piece by piece."""
    plain = answers.worded(found, facts.lang)
    parts = [ruled["answer"] for ruled in facts.rules.values()] or ([scan] if scan else [])
    if facts.points:
        places = "; ".join(_point(point) for point in facts.points[:3])
        parts.append(NEAR[facts.lang].format(places=places))
    text = "\n\n".join(parts) or plain.text
    for piece in SENTENCE.split(text):
        telling.token(piece)
    return Written(
        text,
        answers.PROVIDER,
        degraded=degraded,
        items=facts.items(),
        sources=facts.sources(),
        suggestions=plain.suggestions,
        **spent,
    )


def _point(point: dict[str, Any]) -> str:
    return f"{point['name']} ({point['address']}, {point['distance_m']} m)"


def failure(error: Exception) -> tuple[str, str]:
    """The code and the words for an answer that does not come."""
    if isinstance(error, Problem):
        return error.code, error.detail
    if isinstance(error, TimeoutError):
        return "answer_timeout", "The answer took too long. Ask once more."
    return "internal_error", "Something went wrong on our side; it has been noted."
