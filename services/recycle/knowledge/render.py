"""A :class:`Disposal` as words: a short friendly answer, or a JSON-ready dictionary. Says only what the rules say."""

from typing import Any

from services.recycle.knowledge.disposal import Disposal, FiredRule
from services.recycle.knowledge.hangul import ends_in_consonant
from services.recycle.knowledge.model import Lang

_NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩"


def render(disposal: Disposal, lang: Lang = "ko") -> str:
    """At most four sentences: where it goes, why or what is missing, the steps, what not to do.

    With a region at most two more: which rules are local and by what source, and whom to ask for what is not known.
    """
    why = _why(disposal, lang)
    sentences = [_where(disposal, lang), why, _steps(disposal, lang), _caution(disposal, lang)]
    sentences += [_local(disposal, why, lang), _ask(disposal, lang)]
    return " ".join(sentence + "." for sentence in sentences if sentence)


def as_dict(disposal: Disposal, lang: Lang = "ko") -> dict[str, Any]:
    """The whole answer in one language, in types that JSON knows."""
    return {
        "item_id": disposal.item.id,
        "name": disposal.item.name.in_(lang),
        "major": disposal.major,
        "kind": disposal.kind,
        "place": disposal.place.in_(lang),
        "recyclable": disposal.recyclable,
        "moved": disposal.moved,
        "steps": [step.in_(lang) for step in disposal.steps],
        "do_nots": [text.in_(lang) for text in disposal.do_nots],
        "not_here": [
            {"what": wrong.what.in_(lang), "instead": wrong.instead, "put": wrong.put.in_(lang)}
            for wrong in disposal.not_here
        ],
        "insufficiencies": [
            {"situation": missing.situation, "text": missing.text.in_(lang)} for missing in disposal.insufficiencies
        ],
        "unruled_situations": list(disposal.unruled),
        "rules": [_rule(rule, lang) for rule in disposal.fired],
        **_locality(disposal, lang),
        "answer": render(disposal, lang),
    }


def _rule(rule: FiredRule, lang: Lang) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "why": rule.why.in_(lang),
        "sources": list(rule.sources),
        "citations": [citation.in_(lang) for citation in rule.citations],
        "region": rule.local.region if rule.local else None,
        "as_of": rule.local.as_of if rule.local else None,
    }


def _locality(disposal: Disposal, lang: Lang) -> dict[str, Any]:
    here = disposal.locality
    if here is None:
        return {"region": None, "contact": None, "locally_unknown": []}
    return {
        "region": {"id": here.region, "name": here.name.in_(lang)},
        "contact": {"site": here.site, "phone": here.phone},
        "locally_unknown": [{"topic": entry.topic, "name": entry.name.in_(lang)} for entry in here.unknown],
    }


def _where(disposal: Disposal, lang: Lang) -> str:
    name, put = disposal.item.name.in_(lang), disposal.put.in_(lang)
    if lang == "en":
        return f"{name[0].upper()}{name[1:]}: {put}"
    return f"{_topic(name)} {put}"


def _why(disposal: Disposal, lang: Lang) -> str:
    reasons = [disposal.why] if disposal.moved else []
    reasons += [missing.text for missing in disposal.insufficiencies]
    if not disposal.moved and not reasons:
        reasons = [rule.why for rule in disposal.fired[1:] if rule.situation]
    # a full stop belongs to the sentence, so several reasons are one sentence with semicolons
    text = "; ".join(dict.fromkeys(reason.in_(lang) for reason in reasons))
    return text[:1].upper() + text[1:]


def _steps(disposal: Disposal, lang: Lang) -> str:
    steps = [step.in_(lang) for step in disposal.steps]
    if len(steps) == 1:
        return steps[0]
    if lang == "en":
        return "Steps: " + "; ".join(f"{number}) {step}" for number, step in enumerate(steps, 1))
    return "순서대로 " + " ".join(f"{_number(i)} {step}" for i, step in enumerate(steps))


def _caution(disposal: Disposal, lang: Lang) -> str:
    first, *rest = [text.in_(lang) for text in disposal.do_nots[:2]] or [""]
    return "; ".join([first, *(text[0].lower() + text[1:] for text in rest)])


def _local(disposal: Disposal, told: str, lang: Lang) -> str:
    """Every local rule with its source; what it says, unless it has been ``told``."""
    rules = (_local_rule(rule, told, lang) for rule in disposal.fired if rule.local)
    return "; ".join(dict.fromkeys(rules))


def _local_rule(rule: FiredRule, told: str, lang: Lang) -> str:
    if rule.local is None:
        return ""
    place, why, year = rule.local.name.in_(lang), rule.why.in_(lang), rule.local.as_of
    source = rule.citations[0].in_(lang)
    says = "" if why.lower() in told.lower() else f": {why}"
    if lang == "en":
        return f"Local rule of {place}{says} ({source}; as of {year})"
    return f"{place} 규칙{says or '이에요'}({source}, {year}년 기준)"


def _ask(disposal: Disposal, lang: Lang) -> str:
    here = disposal.locality
    if here is None or not here.unknown:
        return ""
    topics = ", ".join(entry.name.in_(lang) for entry in here.unknown)
    contact = ", ".join(part for part in (here.site, here.phone) if part)
    if lang == "en":
        return f"Not recorded here, so ask {here.name.en} ({contact}): {topics}"
    return f"여기에 적혀 있지 않은 것({topics})은 {here.name.ko}에 물어봐요({contact})"


def _number(index: int) -> str:
    return _NUMBERS[index] if index < len(_NUMBERS) else f"({index + 1})"


def _topic(name: str) -> str:
    """The name with the topic particle: 컵은, 상자는; names that end in other letters get ``은(는)``."""
    final = ends_in_consonant(name)
    if final is None:
        return f"{name}은(는)"
    return name + ("은" if final else "는")
